"""STOP from a worker's second phone is meant for that phone: the worker is reached by the others."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from notifiers.base import Channel, InboundText
from service.engine import Engine
from service.flows import replies, workers
from service.models.ids import new_id
from service.models.outbox import OutboxMessage
from service.models.tasks import Page
from service.records import coverage, failures, people
from service.runtime import Runtime
from tests.service.test_contacts import SCOPE, code_sent
from tests.service.test_deadlines import on_call, open_task, texts_to
from tests.service.test_reaching import SECOND, paged, phone_of, prefer, ways


def text_from(runtime: Runtime, number: str, words: str) -> None:
    came = InboundText(provider="sandbox", provider_id=new_id("sbx", runtime.clock.now()), sender=number, body=words)
    replies.receive(runtime, came)


@pytest.fixture
def worker(runtime: Runtime) -> str:
    """Whoever is on call, whose first number is quiet all day but for a minute."""
    found = on_call(runtime)
    prefer(runtime, found, quiet="00:01-00:00", phones=[{"number": SECOND}])
    return found


def away(runtime: Runtime) -> dict[str, str]:
    with runtime.reading() as work:
        return people.away(work)


def test_what_went_there_goes_out_by_the_next_way_and_no_text_follows_until_it_starts(
    runtime: Runtime, worker: str
) -> None:
    open_task(runtime)
    Engine(runtime).advance(timedelta(seconds=1))
    assert paged(runtime) == [("sms", SECOND)]
    text_from(runtime, SECOND, "STOP")
    text_from(runtime, SECOND, "stop")
    assert paged(runtime) == [("sms", SECOND), ("voice", SECOND)]
    assert away(runtime) == {}
    with runtime.reading() as work:
        assert {page.worker for page in work.session.exec(select(Page)).all()} == {worker}
    phone = phone_of(runtime, worker)
    assert ("sms", SECOND) not in [way[:2] for way in ways(runtime, worker)]
    assert ("sms", phone) in [way[:2] for way in ways(runtime, worker)]
    text_from(runtime, SECOND, "START")
    assert ways(runtime, worker)[0] == ("sms", SECOND, False)


def test_a_provider_that_says_so_is_believed(runtime: Runtime, worker: str) -> None:
    open_task(runtime)
    with runtime.transaction() as work:
        page = work.session.exec(select(OutboxMessage).where(col(OutboxMessage.page_id).is_not(None))).one()
        failures.failed_for_good(work, page, opted_out=True)
    assert away(runtime) == {}
    assert paged(runtime)[1:] == [("voice", SECOND)]


def stopped(runtime: Runtime, worker: str) -> list[bool]:
    with runtime.reading() as work:
        (told,) = [each for each in workers.listed(work, SCOPE) if each["slug"] == worker]
    return [each["stopped_since"] is not None for each in told["channels"] if each["channel"] == "sms"]


def told(runtime: Runtime, worker: str) -> list[str]:
    with runtime.reading() as work:
        leads = people.told_about(work, worker)
    assert leads
    return [words for lead in leads for words in texts_to(runtime, lead) if "STOP came from one of" in words]


def reasons(runtime: Runtime, worker: str) -> set[str]:
    with runtime.reading() as work:
        found = coverage.at_risk(work, work.now, work.now + timedelta(days=7))
        return {risk.reason for risk in found if risk.worker == worker}


def test_it_is_shown_and_whoever_looks_after_its_worker_hears_once(runtime: Runtime, worker: str) -> None:
    text_from(runtime, SECOND, "STOP")
    first = told(runtime, worker)
    assert first
    assert "Others are still texted." in first[0]
    text_from(runtime, SECOND, "STOP")
    assert told(runtime, worker) == first
    assert stopped(runtime, worker) == [False, True]
    assert reasons(runtime, worker) == set(), "the first number is texted"
    text_from(runtime, SECOND, "START")
    assert stopped(runtime, worker) == [False, False]


def test_coverage_says_so_where_no_other_number_is_texted(runtime: Runtime, worker: str) -> None:
    with runtime.transaction() as work:
        people.set_number_failed(work, worker, "not in use")
    assert reasons(runtime, worker) == set(), "the second number is texted"
    text_from(runtime, SECOND, "STOP")
    assert "No other gets texts: ring them." in told(runtime, worker)[0]
    assert reasons(runtime, worker) == {"the number does not work (not in use)"}
    text_from(runtime, SECOND, "START")
    assert reasons(runtime, worker) == set()


def test_coverage_says_so_where_it_was_the_only_number_that_is_verified(runtime: Runtime, worker: str) -> None:
    prefer(runtime, worker, verified=False, phones=[{"number": SECOND}])
    workers.ask(runtime, SCOPE, worker, Channel.SMS, number=2)
    text_from(runtime, SECOND, code_sent(runtime, worker))
    assert reasons(runtime, worker) == set()
    text_from(runtime, SECOND, "STOP")
    assert reasons(runtime, worker) == {"STOP came from the number that is verified"}


def test_from_the_first_number_it_is_meant_for_the_worker(runtime: Runtime, worker: str) -> None:
    text_from(runtime, phone_of(runtime, worker), "STOP")
    assert set(away(runtime)) == {worker}
