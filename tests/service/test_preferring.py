"""A worker says by text how they want to be reached, and the answer says what holds now."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from service.models.audit import AuditEntry
from service.records import preferences, received
from service.runtime import Runtime
from tests.service.test_deadlines import on_call, open_task, texts_to
from tests.service.test_reaching import SECOND, paged, phone_of, prefer, ways
from tests.service.test_stopped_numbers import text_from

Say = Callable[..., str]


@pytest.fixture
def says(runtime: Runtime) -> Say:
    """Ben texts, by default from his first phone, and this is the answer."""

    def say(words: str, number: str | None = None) -> str:
        before = len(texts_to(runtime, "ben"))
        text_from(runtime, number or phone_of(runtime, "ben"), words)
        (answer,) = texts_to(runtime, "ben")[before:]
        return answer

    return say


def order(runtime: Runtime) -> list[str]:
    return list(dict.fromkeys(way[0] for way in ways(runtime, "ben")))


def set_by(runtime: Runtime) -> list[tuple[str, Any]]:
    with runtime.reading() as work:
        query = select(AuditEntry).where(AuditEntry.subject == "ben").order_by(col(AuditEntry.seq))
        rows = work.session.exec(query).all()
        return [(row.actor, json.loads(row.detail)["set"]) for row in rows if row.action == "worker.preferences_set"]


def test_a_channel_goes_first_and_the_others_stay_in_their_order(runtime: Runtime, says: Say) -> None:
    assert says("call first") == (
        "Pages for you now come by call, then text, then email. To change it, reply TEXT FIRST."
    )
    assert order(runtime) == ["voice", "sms", "email"]
    assert says("FIRST EMAIL").startswith(
        "Pages for you now come by email, then call, then text. To change it, reply CALL"
    )
    assert says("text first").startswith("Pages for you now come by text, then email, then call.")
    assert order(runtime) == ["sms", "email", "voice"]
    assert set_by(runtime) == [("ben", ["channels"])] * 3


def test_a_number_that_texts_its_quiet_hours_is_passed_over_in_them(runtime: Runtime) -> None:
    local = runtime.clock.now() + timedelta(days=1)
    runtime.clock.advance_to(local.replace(hour=2, minute=30))  # type: ignore[attr-defined]
    worker = on_call(runtime)
    prefer(runtime, worker, phones=[{"number": SECOND, "quiet": "09:00-17:00"}])
    phone = phone_of(runtime, worker)
    text_from(runtime, phone, "QUIET 10pm-7am")
    assert texts_to(runtime, worker)[-1] == (
        "Quiet 22:00-07:00 for the number you texted from. Pages try your other ways first then. Reply QUIET OFF to end it."
    )
    open_task(runtime)
    assert paged(runtime) == [("sms", SECOND)]


def test_each_wish_leaves_the_other_as_it_was(runtime: Runtime, says: Say) -> None:
    prefer(runtime, "ben", channels=["voice"], phones=[{"number": SECOND, "quiet": "09:00-17:00"}])
    says("quiet 22-7")
    assert order(runtime)[0] == "voice"
    says("email first")
    held = shown(runtime)
    assert held["channels"][0] == "email"
    assert held["quiet"] == [{"number": 1, "hours": "22:00-07:00"}, {"number": 2, "hours": "09:00-17:00"}]
    assert says("QUIET OFF", SECOND) == (
        "No quiet hours for the number you texted from. To set some, reply QUIET 09:00-17:00."
    )
    held = shown(runtime)
    assert (held["channels"][0], held["quiet"]) == ("email", [{"number": 1, "hours": "22:00-07:00"}])
    assert held["set_by"] == "ben"


def shown(runtime: Runtime) -> dict[str, Any]:
    with runtime.reading() as work:
        return preferences.shown(work, work.partnership.worker_by_slug["ben"])


def test_what_cannot_be_is_answered_with_what_would_be_right(runtime: Runtime, says: Say) -> None:
    prefer(runtime, "ben", email=None)
    refused = says("email first")
    assert refused.startswith("Not done: no email address is known for you; your lead can add one.")
    assert refused.endswith("Nothing changed: pages for you come by text, then call.")
    for unread in ("quiet", "quiet 22", "quiet 10-7am", "quiet on"):
        assert says(unread).startswith(
            "Those hours can't be read, and nothing changed. Reply such as QUIET 22:00-07:00"
        ), unread
    assert set_by(runtime) == []


def test_the_only_number_is_said_to_be_the_only_one(runtime: Runtime, says: Say) -> None:
    assert "You have no other, so pages still come." in says("quiet 22-7")
    assert says("quiet off") == "No quiet hours for the number you texted from. To set some, reply QUIET 22:00-07:00."


def test_a_machine_that_answers_with_such_words_is_not_answered_for_ever(runtime: Runtime) -> None:
    for _ in range(received.BURST + 3):
        text_from(runtime, phone_of(runtime, "ben"), "Quiet hours 22-7")
    assert len(texts_to(runtime, "ben")) == received.BURST
