"""By which channel and number a worker is paged: in their own order, never in quiet hours without need, and never not at all."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlmodel import col, select

from notifiers.base import Channel, InboundText
from service.errors import Conflict, Invalid
from service.flows import replies, workers
from service.models.ids import new_id
from service.models.outbox import OutboxMessage
from service.models.people import PartnershipRow
from service.models.tasks import Page
from service.numbers import is_quiet
from service.partnership import Partnership, WorkerSpec, check_partnership, differences
from service.records import contacts, inforce, paging, reaching
from service.runtime import Runtime
from service.settings import SHIPPED_PARTNERSHIP
from tests.service.test_contacts import SCOPE, apply, at_risk, code_sent
from tests.service.test_deadlines import on_call, open_task

SECOND = "+447700900177"


def prefer(runtime: Runtime, worker: str, **fields: Any) -> None:
    apply(runtime, lambda people: people[worker].update(fields))


def ways(runtime: Runtime, worker: str) -> list[tuple[str, str, bool]]:
    with runtime.reading() as work:
        spec = work.partnership.worker_by_slug[worker]
        return [(way.channel.value, way.address, way.quiet) for way in reaching.ways(work, spec)]


def paged(runtime: Runtime) -> list[tuple[str, str]]:
    with runtime.reading() as work:
        query = select(OutboxMessage).where(col(OutboxMessage.page_id).is_not(None)).order_by(col(OutboxMessage.id))
        return [(row.channel, row.address) for row in work.session.exec(query).all()]


def fail_all(runtime: Runtime) -> int:
    """Let every channel of the one page fail, until none is left; how many came after the first."""
    count = 0
    while True:
        with runtime.transaction() as work:
            if not paging.page_again(work, work.session.exec(select(Page)).one()):
                return count
            count += 1


def phone_of(runtime: Runtime, worker: str) -> str:
    with runtime.reading() as work:
        return work.partnership.worker_by_slug[worker].phone


def test_a_page_that_fails_goes_on_in_the_workers_own_order(runtime: Runtime) -> None:
    worker = on_call(runtime)
    prefer(runtime, worker, channels=["email", "sms"], phones=[{"number": SECOND, "channels": ["sms"]}])
    open_task(runtime)
    phone = phone_of(runtime, worker)
    assert paged(runtime) == [("sms", phone)], "the step says by which channels"
    assert fail_all(runtime) == 3
    assert paged(runtime)[1:] == [("email", f"{worker}@example.org"), ("sms", SECOND), ("voice", phone)]


@pytest.fixture
def at_night(runtime: Runtime) -> Runtime:
    """Half past midnight in London, when what is quiet at night is quiet."""
    local = runtime.clock.now() + timedelta(days=1)
    runtime.clock.advance_to(local.replace(hour=0, minute=30))  # type: ignore[attr-defined]
    return runtime


def test_a_quiet_number_is_passed_over_and_comes_last(at_night: Runtime) -> None:
    worker = on_call(at_night)
    prefer(at_night, worker, quiet="22:00-07:00", phones=[{"number": SECOND}])
    open_task(at_night)
    assert paged(at_night) == [("sms", SECOND)]
    fail_all(at_night)
    phone = phone_of(at_night, worker)
    email = ("email", f"{worker}@example.org")
    assert paged(at_night)[1:] == [("voice", SECOND), email, ("sms", phone), ("voice", phone)]


def test_a_page_is_never_lost_to_quiet_hours(at_night: Runtime) -> None:
    worker = on_call(at_night)
    quiet = "22:00-07:00"
    prefer(at_night, worker, quiet=quiet, phones=[{"number": SECOND, "quiet": quiet}])
    open_task(at_night)
    assert paged(at_night) == [("sms", phone_of(at_night, worker))]


@pytest.mark.parametrize("proven", ["phone", "second", "none"])
def test_a_number_that_no_provider_serves_does_not_stand_for_those_that_one_does(
    at_night: Runtime, proven: str
) -> None:
    """With texts and emails alone a second number that only rings is nobody's way, quiet and proven or not."""
    prefer(at_night, "ben", verified=False, quiet="22:00-07:00", phones=[{"number": SECOND, "channels": ["voice"]}])
    phone = phone_of(at_night, "ben")
    with at_night.transaction() as work:
        spec = work.partnership.worker_by_slug["ben"]
        if proven != "none":
            code = contacts.new_code(work, spec, Channel.SMS, actor="tests", number=1 if proven == "phone" else 2)
            contacts.prove(work, spec, code.digits, actor="tests")
    with at_night.reading() as work:
        without_calls = replace(work, channels=frozenset({Channel.SMS, Channel.EMAIL}))
        found = [(way.channel, way.address, way.quiet) for way in reaching.ways(without_calls, spec)]
    assert found == [(Channel.SMS, phone, False), (Channel.EMAIL, "ben@example.org", False)]


def test_a_number_that_takes_no_texts_is_rung(runtime: Runtime) -> None:
    worker = on_call(runtime)
    prefer(runtime, worker, phones=[{"number": SECOND, "channels": ["voice"]}])
    assert [way[:2] for way in ways(runtime, worker) if way[1] == SECOND] == [("voice", SECOND)]


def test_an_unproven_further_number_counts_when_its_worker_answered_its_code(runtime: Runtime) -> None:
    prefer(runtime, "ben", verified=False, phones=[{"number": SECOND}])
    phone = phone_of(runtime, "ben")
    assert {way[1] for way in ways(runtime, "ben")} >= {phone, SECOND}, "where none is proven all are tried"
    workers.ask(runtime, SCOPE, "ben", Channel.SMS)
    workers.confirm(runtime, SCOPE, "ben", code_sent(runtime))
    assert SECOND not in {way[1] for way in ways(runtime, "ben")}
    workers.ask(runtime, SCOPE, "ben", Channel.SMS, 2)
    with runtime.reading() as work:
        sent = work.session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id).desc())).first()
        assert sent is not None
        assert sent.address == SECOND
    says(runtime, SECOND, code_sent(runtime))
    assert SECOND in {way[1] for way in ways(runtime, "ben")}
    with pytest.raises(Conflict, match="verified already"):
        workers.ask(runtime, SCOPE, "ben", Channel.SMS, 2)
    with pytest.raises(Conflict, match="no such address"):
        workers.ask(runtime, SCOPE, "ben", Channel.SMS, 3)


def test_one_proven_number_is_enough_for_coverage(runtime: Runtime) -> None:
    prefer(runtime, "ben", verified=False, phones=[{"number": SECOND}])
    assert "the number is not verified" in at_risk(runtime)
    workers.ask(runtime, SCOPE, "ben", Channel.SMS, 2)
    workers.confirm(runtime, SCOPE, "ben", code_sent(runtime))
    assert "the number is not verified" not in at_risk(runtime)
    assert {way[1] for way in ways(runtime, "ben") if way[0] != "email"} == {SECOND}


def says(runtime: Runtime, number: str, words: str) -> str:
    now = runtime.clock.now()
    arrived = InboundText(provider="sandbox", provider_id=new_id("sbx", now), sender=number, body=words)
    found = replies.receive(runtime, arrived)
    assert found is not None
    return found.meaning


def test_a_text_from_any_of_a_workers_numbers_is_theirs(runtime: Runtime) -> None:
    worker = on_call(runtime)
    prefer(runtime, worker, phones=[{"number": SECOND}])
    open_task(runtime)
    assert says(runtime, SECOND, "take") == "take"


def shipped(**fields: Any) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8"))
    document["workers"][0].update(fields)
    return document


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"phones": [{"number": "+447700900102"}, {"number": "07700 900102"}]}, "there twice"),
        ({"phones": [{"number": SECOND, "quiet": "night"}]}, "is not hours such as"),
        ({"phones": [{"number": SECOND, "channels": ["email"]}]}, "takes sms, voice or both"),
        ({"phones": [{"number": "12"}]}, "digits"),
        ({"quiet": "07:00-07:00"}, "begins and ends at the same time"),
        ({"channels": ["sms", "sms"]}, "sms is there twice"),
        ({"channels": ["team"]}, "team does not"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        check_partnership(shipped(**fields))


@pytest.mark.parametrize(
    ("hours", "hour", "quiet"),
    [("22:00-07:00", 23, True), ("22:00-07:00", 7, False), ("22:00-07:00", 6, True), ("09:00-17:00", 12, True)],
)
def test_quiet_hours_are_local_and_may_pass_midnight(hours: str, hour: int, quiet: bool) -> None:
    partnership = check_partnership(shipped(quiet=hours))
    summer = datetime(2026, 7, 1, hour, tzinfo=UTC) - timedelta(hours=1)
    assert is_quiet(partnership.workers[0].quiet, summer, partnership.zone) is quiet


def test_what_nobody_uses_is_not_kept_and_what_is_kept_comes_back_whole(runtime: Runtime) -> None:
    with runtime.reading() as work:
        document = json.loads(work.session.get_one(PartnershipRow, inforce.PARTNERSHIP).document)
    assert not {"channels", "phones", "quiet"} & {field for worker in document["workers"] for field in worker}
    new = check_partnership(shipped(channels=["voice", "sms"], phones=[{"number": SECOND, "quiet": "22:00-07:00"}]))
    kept = Partnership.model_validate_json(new.model_dump_json(exclude_defaults=True))
    assert kept == new
    with runtime.reading() as work:
        assert differences(work.partnership, new) == [f"worker {new.workers[0].slug}: changed (phones, channels)"]


def test_the_example_of_the_documentation_reads() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rotas.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(workers:.*?)```", page, re.DOTALL)
    (example,) = [each for each in examples if "channels:" in each]
    spec = WorkerSpec.model_validate(yaml.safe_load(example)["workers"][0])
    assert [channel.value for channel in spec.channels] == ["voice", "sms"]
    assert [phone.number for phone in spec.numbers] == ["+447700900102", SECOND]
    assert all(phone.quiet for phone in spec.numbers)
