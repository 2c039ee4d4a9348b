"""The outbox: claimed by one sender only, never forgotten by a crash, put off with patience, and never sent when unwanted."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import col, select

from notifiers.base import ReceiptState
from rules.incident import IncidentReport, Place
from service.flows import actions, claiming, intake
from service.flows.actions import Scope
from service.models.outbox import MessageState, OutboxMessage
from service.models.tasks import Task
from service.records import claims, outbox, settling
from service.records.claims import Claimed
from service.records.judging import Submission
from service.runtime import Runtime
from tests.running import open_sandbox

SCOPE = Scope(actor="tests")


def open_tasks(runtime: Runtime, number: int) -> None:
    for each in range(number):
        place = Place(name=f"Invented Academy {each}")
        report = IncidentReport(
            type="weapon_in_school",
            occurred_at=runtime.clock.now(),
            locality="south",
            place=place,
            source_ref=f"O-{each}",
        )
        intake.accept(runtime, [Submission(report=report, key_id="key_x", partner="partner")])


def messages(runtime: Runtime) -> list[OutboxMessage]:
    with runtime.reading() as work:
        return list(work.session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))))


def pass_time(runtime: Runtime, by: timedelta) -> None:
    """Only the clock moves; nobody sends."""
    runtime.clock.advance_to(runtime.clock.now() + by)  # type: ignore[attr-defined]


def test_many_senders_at_once_send_each_message_once(runtime: Runtime) -> None:
    runtime = replace(runtime, settings=runtime.settings.model_copy(update={"gather_seconds": 0}))
    open_tasks(runtime, 40)
    claimed: list[str] = []
    lock = threading.Lock()

    def sender() -> None:
        while batch := claiming.claim(runtime, 3):
            with lock:
                claimed.extend(each.message.reference for each in batch)

    threads = [threading.Thread(target=sender) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == len(messages(runtime))


def test_a_sender_that_died_leaves_its_message_due_again_when_its_lease_ends(runtime: Runtime) -> None:
    open_tasks(runtime, 1)
    (first,) = claiming.claim(runtime, 10)
    assert not first.again
    assert claiming.claim(runtime, 10) == []
    pass_time(runtime, claims.LEASE - timedelta(seconds=1))
    assert claiming.claim(runtime, 10) == []
    pass_time(runtime, timedelta(seconds=2))
    (second,) = claiming.claim(runtime, 10)
    assert second.message.reference == first.message.reference
    assert second.again, "nobody knows whether the provider has it, so the provider is asked"


def test_a_message_that_is_no_longer_wanted_is_not_sent(runtime: Runtime) -> None:
    open_tasks(runtime, 1)
    with runtime.reading() as work:
        task = work.session.exec(select(Task)).one()
    actions.acknowledge(runtime, SCOPE, task.id, "ben")
    sent = [claimed.message.text for claimed in claiming.claim(runtime, 10)]
    assert not [text for text in sent if "PASS" in text]
    pages = [message for message in messages(runtime) if message.purpose == outbox.PAGE]
    assert {message.state for message in pages} == {MessageState.CANCELLED}


def test_trouble_that_mends_is_put_off_longer_each_time_and_given_up_after_two_hours(runtime: Runtime) -> None:
    open_tasks(runtime, 1)
    waits = []
    reference = ""
    for _ in range(400):
        batch = claiming.claim(runtime, 1)
        if batch:
            reference = reference or batch[0].message.reference
            if batch[0].message.reference != reference:
                break
            with runtime.transaction() as work:
                held = settling.held(work, batch).get(reference)
                assert held is not None
                wait = settling.backoff(held.attempts)
                settling.put_off(held, "503", provider="twilio", until=work.now + wait)
        row = next(message for message in messages(runtime) if message.id == reference)
        if row.state == MessageState.FAILED:
            break
        waits.append((row.due_at - runtime.clock.now()).total_seconds())
        pass_time(runtime, row.due_at - runtime.clock.now())
    assert row.state == MessageState.FAILED
    assert 0.7 <= waits[0] <= 1.3
    assert 1.4 <= waits[1] <= 2.6
    assert max(waits) <= 37.5
    assert runtime.clock.now() - row.written_at <= outbox.GIVE_UP_AFTER


@pytest.mark.parametrize(
    ("attempts", "asked", "low", "high"),
    [(1, None, 0.75, 1.25), (4, None, 6, 10), (50, None, 22.5, 37.5), (1, 20, 20, 20)],
)
def test_the_wait_doubles_up_to_half_a_minute_and_heeds_the_provider(
    attempts: int, asked: float | None, low: float, high: float
) -> None:
    drawn = {settling.backoff(attempts, asked).total_seconds() for _ in range(50)}
    assert low <= min(drawn) <= max(drawn) <= high
    assert asked or len(drawn) > 10, "jitter spreads a queue that would return all at once"


def test_the_most_urgent_goes_first(runtime: Runtime) -> None:
    open_tasks(runtime, 2)
    with runtime.reading() as work:
        tasks = list(work.session.exec(select(Task).order_by(col(Task.opened_at))))
    actions.acknowledge(runtime, SCOPE, tasks[0].id, "amina")
    first = claiming.claim(runtime, 1)[0].message.text
    assert "PASS" in first, "a page goes before a confirmation written earlier"


@pytest.mark.parametrize(
    ("receipts", "state"),
    [
        (["sent", "delivered"], "delivered"),
        (["delivered", "sent"], "delivered"),
        (["delivered", "failed"], "delivered"),
        (["sent", "sent"], "sent"),
        (["failed", "sent"], "failed"),
        (["failed", "delivered"], "failed"),
    ],
)
def test_receipts_in_any_order_never_move_a_message_backwards(
    runtime: Runtime, receipts: list[str], state: str
) -> None:
    open_tasks(runtime, 1)
    (claimed,) = claiming.claim(runtime, 1)
    for receipt in receipts:
        with runtime.transaction() as work:
            settling.receipt(
                work, ReceiptState(receipt), reference=claimed.message.reference, provider_id="SM1", error=None
            )
    assert messages(runtime)[0].state == state


def test_a_receipt_that_overtakes_the_providers_own_answer_stands(runtime: Runtime) -> None:
    open_tasks(runtime, 1)
    (claimed,) = claiming.claim(runtime, 1)
    with runtime.transaction() as work:
        settling.receipt(
            work, ReceiptState.DELIVERED, reference=claimed.message.reference, provider_id="SM1", error=None
        )
    with runtime.transaction() as work:
        row = settling.held(work, [claimed]).get(claimed.message.reference)
        assert row is not None
        settling.sent(work, row, provider="twilio", provider_id="SM1")
    assert messages(runtime)[0].state == MessageState.DELIVERED


def test_a_receipt_for_nothing_of_ours_changes_nothing(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        found = settling.receipt(work, ReceiptState.FAILED, reference="msg_none", provider_id=None, error=None)
    assert found is None


def test_what_is_kept_of_a_message_can_not_be_read_in_the_database(runtime: Runtime) -> None:
    open_tasks(runtime, 1)
    with runtime.database.reading() as session:
        raw = session.connection().exec_driver_sql("SELECT address, text, link FROM message").all()
    for row in raw:
        assert "+44" not in str(row)
        assert "TAKE" not in str(row)
        assert "/t/" not in str(row)


@contextmanager
def seen(runtime: Runtime) -> Iterator[None]:
    """While others on the same PostgreSQL can see that this process is there; on SQLite there is never another."""
    stopping, heard = threading.Event(), threading.Event()
    follower = threading.Thread(target=runtime.database.hear_others, args=(heard.set, stopping))
    if not runtime.database.is_sqlite:
        follower.start()
        assert heard.wait(10)
    yield
    if not runtime.database.is_sqlite:
        stopping.set()
        follower.join(10)


def test_what_a_dead_process_had_in_hand_is_taken_over_at_once_and_what_a_living_one_has_is_not(
    runtime: Runtime,
) -> None:
    open_tasks(runtime, 3)
    other = open_sandbox(runtime.database.url)
    with seen(other):
        with seen(runtime):
            first = claiming.claim(runtime, 1)
            assert first
            if not runtime.database.is_sqlite:
                claiming.hand_on(other, threading.Event().wait)
                assert not any(claimed.again for claimed in claiming.claim(other, 50))
        again: list[Claimed] = []
        until = time.monotonic() + 20
        while not again and time.monotonic() < until:  # a server's own process ends a moment after its connection
            claiming.hand_on(other, threading.Event().wait)
            again = [claimed for claimed in claiming.claim(other, 50) if claimed.again]
    assert [claimed.message.reference for claimed in again] == [first[0].message.reference]
    with runtime.transaction() as work:
        assert settling.held(work, first) == {}, "had it only been frozen, it would settle nothing"
    other.close()
