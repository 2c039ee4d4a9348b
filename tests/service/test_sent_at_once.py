"""A page is taken by the process that wrote it before it is committed, so that nobody has to look for it; and nothing is
taken of what was not committed, nor before what has waited for longer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from notifiers.base import Channel
from rules.incident import IncidentReport
from service.engine import Engine
from service.flows import intake
from service.models.ids import new_id
from service.models.outbox import UNSENT, MessageState, OutboxMessage
from service.models.tasks import TaskCode
from service.records import claims, judging, outbox
from service.records.judging import Submission
from service.records.turns import Room
from service.runtime import Runtime
from service.slots import LAIN_SECONDS
from tests.running import counted, wait_until
from tests.service.test_second_provider import open_desk
from tests.service.test_turns import queue


@contextmanager
def sending(runtime: Runtime) -> Iterator[Engine]:
    """A running engine that has found nothing to be sent."""
    engine = Engine(runtime)
    engine.start()
    try:
        wait_until(lambda: engine.takes_at_once)
        yield engine
    finally:
        engine.stop()


@pytest.fixture
def engine(runtime: Runtime) -> Iterator[Engine]:
    with sending(runtime) as built:
        yield built


def submission(runtime: Runtime) -> Submission:
    now = runtime.clock.now()
    report = IncidentReport(type="weapon_in_school", occurred_at=now, locality="south", source_ref=new_id("ref", now))
    return Submission(report=report, key_id="key_x", partner="partner")


def accept_and_fail(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        judging.accept_one(work, submission(runtime))
        for _ in range(2):
            work.session.put(TaskCode, code="K7", task_id="tsk_none", free_after=None)


def messages(runtime: Runtime) -> list[OutboxMessage]:
    with runtime.reading() as work:
        return list(work.session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))).all())


def all_sent(runtime: Runtime) -> bool:
    return all(row.state not in UNSENT for row in messages(runtime))


def claimed_by(statements: list[str]) -> list[str]:
    return [said for said in statements if said.startswith("UPDATE message") and "attempts" in said]


def test_a_page_is_sent_by_the_process_that_wrote_it(runtime: Runtime, engine: Engine) -> None:
    assert engine.takes_at_once
    with counted(runtime) as statements:
        intake.accept(runtime, [submission(runtime)])
        wait_until(lambda: all_sent(runtime))
    (page,) = messages(runtime)
    assert (page.state, page.attempts, page.sender) == (MessageState.DELIVERED, 1, runtime.database.seen_as)
    assert claimed_by(statements) == [], "it was taken in the transaction that wrote it"


def test_what_was_not_committed_is_not_sent_and_holds_no_room(runtime: Runtime, engine: Engine) -> None:
    for _ in range(3 * runtime.settings.send_threads):
        with pytest.raises(IntegrityError):
            accept_and_fail(runtime)
    assert messages(runtime) == []
    with counted(runtime) as statements:
        intake.accept(runtime, [submission(runtime)])
        wait_until(lambda: all_sent(runtime))
    assert claimed_by(statements) == []
    assert engine.takes_at_once


def test_no_more_is_taken_than_the_providers_pace_allows(runtime: Runtime) -> None:
    room = Room(channels={Channel.SMS: 1})
    with runtime.transaction() as work:
        judging.accept(work, [submission(runtime) for _ in range(3)])
        taken = claims.claim_new(work, settle=timedelta(0), room=room, sender=None, take=lambda _: True)
    assert len(taken) == 1
    waiting = [row for row in messages(runtime) if row.state == MessageState.PENDING]
    assert len(waiting) >= 2, "a claim comes for the rest"


def test_what_has_waited_for_longer_goes_first(runtime: Runtime) -> None:
    queue(runtime, 30, team="north", purpose=outbox.PAGE, urgency=0)
    built = Engine(runtime)
    assert not built.takes_at_once, "nobody has looked yet whether anything waits"
    with counted(runtime) as statements:
        built.start()
        intake.accept(runtime, [submission(runtime)])
        wait_until(lambda: all_sent(runtime))
        built.stop()
    assert claimed_by(statements)
    assert len(messages(runtime)) == 31


def test_the_clock_of_a_sandbox_is_moved_by_hand_alone(runtime: Runtime, engine: Engine) -> None:
    intake.accept(runtime, [submission(runtime)])
    wait_until(lambda: all_sent(runtime))
    before = len(messages(runtime))
    with counted(runtime) as statements:
        engine.advance(timedelta(minutes=15))
    assert len(messages(runtime)) > before, "the next steps were paged"
    assert claimed_by(statements), "by the one who moves it, at their own moments"
    assert engine.takes_at_once


def test_a_provider_that_becomes_slow_keeps_nobody_from_being_rung(tmp_path: Path, sandbox_file: Path) -> None:
    with open_desk(tmp_path, sandbox_file) as desk:
        built = Engine(desk.runtime)
        built.start()
        try:
            wait_until(lambda: built.takes_at_once)
            queue(desk.runtime, 30, purpose=outbox.PAGE, urgency=0)
            wait_until(lambda: all_sent(desk.runtime))
            desk.notify.takes_seconds = 60
            queue(desk.runtime, 60, purpose=outbox.PAGE, urgency=0)
            queue(desk.runtime, 1, purpose=outbox.PAGE, urgency=20, channel=Channel.VOICE.value)
            began = time.monotonic()
            wait_until(lambda: any(row.channel == Channel.VOICE and row.sent_at for row in messages(desk.runtime)))
            assert time.monotonic() - began < 2 * LAIN_SECONDS
            assert not all_sent(desk.runtime)
        finally:
            desk.notify.takes_seconds = 0
            desk.notify.hurry.set()
            built.stop()
