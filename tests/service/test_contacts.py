"""Numbers that don't count until their worker has answered a code, and who is paged meanwhile."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import yaml

from notifiers.base import Channel
from service.errors import Conflict, Invalid, NotFound, TooSoon
from service.flows import errands, setup, workers
from service.flows.actions import Scope
from service.models.people import ContactPoint
from service.records import coverage, people
from service.runtime import Runtime
from service.settings import SHIPPED_PARTNERSHIP
from tests.service.test_deadlines import open_task, text, texts_to

SCOPE = Scope(actor="tests")
TEAM = "education-inclusion-south"
MINUTE = timedelta(minutes=1)
Change = Callable[[dict[str, Any]], None]


def apply(runtime: Runtime, change: Change) -> None:
    document = yaml.safe_load(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8"))
    change({worker["slug"]: worker for worker in document["workers"]})
    setup.apply_partnership(runtime, yaml.safe_dump(document), actor="tests")


@pytest.fixture
def newcomer(runtime: Runtime) -> Runtime:
    """Ben has a new number that nothing is known about yet."""
    apply(runtime, lambda people: people["ben"].update(phone="+447700900155", verified=False))
    return runtime


def pass_time(runtime: Runtime, by: timedelta) -> None:
    runtime.clock.advance_to(runtime.clock.now() + by)  # type: ignore[attr-defined]


def code_sent(runtime: Runtime, worker: str = "ben") -> str:
    found = re.match(r"(\d{6}) is your code", texts_to(runtime, worker)[-1])
    assert found, texts_to(runtime, worker)
    return found[1]


def other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def channels(runtime: Runtime, worker: str) -> dict[str, bool]:
    with runtime.reading() as work:
        told = next(each for each in workers.listed(work, SCOPE) if each["slug"] == worker)
    return {each["channel"]: each["verified"] for each in told["channels"]}


def at_risk(runtime: Runtime) -> set[str]:
    with runtime.reading() as work:
        found = coverage.at_risk(work, work.now, work.now + timedelta(days=14), [TEAM])
    return {risk.reason for risk in found}


def test_a_new_worker_answers_the_code_by_text_and_counts(newcomer: Runtime) -> None:
    assert channels(newcomer, "ben") == {"sms": False, "email": False}
    assert "the number is not verified" in at_risk(newcomer)
    workers.ask(newcomer, SCOPE, "ben", Channel.SMS)
    code = code_sent(newcomer)
    with newcomer.reading() as work:
        row = work.session.get_one(ContactPoint, ("ben", "sms"))
        assert code not in f"{row.code_hash}"
    text(newcomer, "ben", other(code))
    assert texts_to(newcomer, "ben")[-1].startswith("That code is not right")
    text(newcomer, "ben", f"{code[:3]} {code[3:]}.")
    assert texts_to(newcomer, "ben")[-1].startswith("Thank you: this number is verified.")
    assert channels(newcomer, "ben") == {"sms": True, "email": False}
    assert "the number is not verified" not in at_risk(newcomer)
    with pytest.raises(Conflict, match="verified already"):
        workers.ask(newcomer, SCOPE, "ben", Channel.SMS)


def test_a_number_that_changes_is_not_verified_any_more(newcomer: Runtime) -> None:
    workers.ask(newcomer, SCOPE, "ben", Channel.SMS)
    workers.confirm(newcomer, SCOPE, "ben", code_sent(newcomer))
    assert channels(newcomer, "ben")["sms"]
    apply(newcomer, lambda people: people["ben"].update(phone="+447700900156", verified=False))
    assert not channels(newcomer, "ben")["sms"]


def test_a_code_is_good_for_ten_minutes_and_five_tries(newcomer: Runtime) -> None:
    workers.ask(newcomer, SCOPE, "ben", Channel.SMS)
    code = code_sent(newcomer)
    for _ in range(5):
        with pytest.raises(Invalid, match="wrong"):
            workers.confirm(newcomer, SCOPE, "ben", other(code))
    with pytest.raises(Conflict, match="no code counts"):
        workers.confirm(newcomer, SCOPE, "ben", code)
    workers.ask(newcomer, SCOPE, "ben", Channel.SMS)
    code = code_sent(newcomer)
    pass_time(newcomer, 11 * MINUTE)
    with pytest.raises(Conflict, match="no code counts"):
        workers.confirm(newcomer, SCOPE, "ben", code)
    text(newcomer, "ben", code)
    assert texts_to(newcomer, "ben")[-1].startswith("Not understood"), "nothing was asked for any more"
    workers.ask(newcomer, SCOPE, "ben", Channel.SMS)
    with pytest.raises(TooSoon) as refused:
        workers.ask(newcomer, SCOPE, "ben", Channel.SMS)
    assert 0 < refused.value.seconds <= 3600
    pass_time(newcomer, 61 * MINUTE)
    workers.ask(newcomer, SCOPE, "ben", Channel.SMS)
    workers.confirm(newcomer, SCOPE, "ben", code_sent(newcomer))


def test_an_email_address_is_proven_through_the_supervisor_alone(newcomer: Runtime) -> None:
    workers.ask(newcomer, SCOPE, "ben", Channel.EMAIL)
    code = code_sent(newcomer)
    text(newcomer, "ben", code)
    assert not channels(newcomer, "ben")["email"]
    workers.confirm(newcomer, SCOPE, "ben", code)
    assert channels(newcomer, "ben") == {"sms": False, "email": True}


def test_whoever_may_not_see_a_worker_can_neither_send_nor_confirm(newcomer: Runtime) -> None:
    elsewhere = Scope(actor="tests", localities=("north",))
    with pytest.raises(NotFound):
        workers.ask(newcomer, elsewhere, "amina", Channel.SMS)
    with pytest.raises(NotFound):
        workers.confirm(newcomer, elsewhere, "amina", "123456")


def test_an_unverified_number_is_paged_where_nobody_else_can_be(runtime: Runtime) -> None:
    with runtime.reading() as work:
        on, backup = people.page_order(work, TEAM)[:2]
    apply(runtime, lambda people: people[on].update(verified=False))
    open_task(runtime)
    assert len(texts_to(runtime, on)) == 1, "nobody else is on call"
    assert texts_to(runtime, backup) == []


def test_how_each_worker_stands_is_listed(runtime: Runtime) -> None:
    text(runtime, "amina", "off")
    text(runtime, "chidi", "stop")
    errands.run_due(runtime)
    with runtime.reading() as work:
        told = {each["slug"]: each for each in workers.listed(work, SCOPE)}
        seen = {each["slug"] for each in workers.listed(work, Scope(actor="tests", localities=("south",)))}
    assert (told["amina"]["state"], told["ben"]["state"]) == ("off", "on")
    assert told["amina"]["since"] is not None
    assert (told["chidi"]["state"], told["chidi"]["unreachable_why"]) == ("unreachable", "opted out")
    assert told["amina"]["teams"] == [TEAM]
    assert {"amina", "ben", "grace", "dana"} <= seen
    assert "owen" not in seen
