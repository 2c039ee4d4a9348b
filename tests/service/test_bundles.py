"""Bursts: the first page leaves at once, what follows to the same phone leaves as one text, and every row stays right."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlmodel import col, select

from notifiers import gsm7
from notifiers.base import InboundText, KeyPress, Receipt, ReceiptState
from rules.incident import IncidentReport
from service.engine import Engine
from service.flows import calls, claiming, delivery, intake, replies
from service.models.ids import new_id
from service.models.outbox import MessageState, OutboxMessage
from service.models.tasks import Task, TimelineEntry
from service.models.timers import Timer, TimerKind
from service.records import bundles, people
from service.records.claims import Claimed
from service.records.judging import Submission
from service.runtime import Runtime, build_notifiers
from tests.fakes.twilio import FakeTwilio, running_twilio
from tests.fakes.twilio_rules import Refusal

SCHOOL, CONFLICT = "weapon_in_school", "peer_conflict"


@dataclass
class Desk:
    """A runtime whose texts and calls go to a Twilio that sends no receipts, and nobody who sends but the test."""

    runtime: Runtime
    twilio: FakeTwilio

    def report(self, number: int = 1, *, kind: str = SCHOOL, drill: bool = False) -> list[Task]:
        """So many reports in one request; all tasks."""
        now = self.runtime.clock.now()
        reports = [
            IncidentReport(type=kind, occurred_at=now, locality="south", drill=drill, source_ref=new_id("ref", now))
            for _ in range(number)
        ]
        intake.accept(self.runtime, [Submission(report=each, key_id="key_x", partner="partner") for each in reports])
        return self.tasks()

    def tasks(self) -> list[Task]:
        """Every task, the oldest first."""
        with self.runtime.reading() as work:
            return list(work.session.exec(select(Task).order_by(col(Task.id))))

    def send(self) -> list[Claimed]:
        """Send what is due now."""
        claimed = claiming.claim(self.runtime, 50)
        for each in claimed:
            delivery.send(self.runtime, each)
        return claimed

    def wait(self, seconds: float) -> None:
        """Let time pass; nobody sends."""
        self.runtime.clock.advance_to(self.runtime.clock.now() + timedelta(seconds=seconds))  # type: ignore[attr-defined]

    def advance(self, seconds: float) -> None:
        """Let time pass, with everything that falls due."""
        Engine(self.runtime).advance(timedelta(seconds=seconds))

    def rows(self, **exact: str) -> list[OutboxMessage]:
        """Messages, the oldest first."""
        with self.runtime.reading() as work:
            query = select(OutboxMessage).order_by(col(OutboxMessage.task_id), col(OutboxMessage.id))
            rows = work.session.exec(query.filter_by(**exact)).all()
            return [row for row in rows if not bundles.is_carrier(row)]

    def told(self, event: str) -> list[str]:
        """What the timelines say of an event."""
        with self.runtime.reading() as work:
            query = select(TimelineEntry).where(TimelineEntry.event == event).order_by(col(TimelineEntry.id))
            return [f"{entry.channel}: {entry.detail}" for entry in work.session.exec(query)]

    def text(self, worker: str, words: str) -> None:
        """A worker texts."""
        with self.runtime.reading() as work:
            phone = work.partnership.worker_by_slug[worker].phone
        inbound = InboundText(
            provider="twilio", provider_id=new_id("sm", self.runtime.clock.now()), sender=phone, body=words
        )
        replies.receive(self.runtime, inbound)

    def on_call(self) -> str:
        """Who is on call in the south."""
        with self.runtime.reading() as work:
            return people.on_call(work, "education-inclusion-south")[0]


@pytest.fixture
def desk(runtime: Runtime) -> Iterator[Desk]:
    with running_twilio(delivers=False) as twilio:
        account = {
            "twilio_account_sid": twilio.account_sid,
            "twilio_auth_token": twilio.auth_token,
            "twilio_from": twilio.number,
            "twilio_api_base": twilio.url,
        }
        settings = type(runtime.settings)(**(runtime.settings.model_dump() | account))
        notifiers = build_notifiers(settings)
        yield Desk(replace(runtime, settings=settings, notifiers=notifiers), twilio)
        for each in {each for providers in notifiers.values() for each in providers}:
            each.close()
        assert twilio.faults == []


def test_what_was_reported_together_is_one_text_and_a_row_for_each_task(desk: Desk) -> None:
    tasks = desk.report(3)
    (claimed,) = desk.send()
    codes = ", ".join(task.code for task in tasks)
    assert claimed.message.text.startswith(f"3 tasks, HIGH: {codes}. Education response, South. First by ")
    assert "TAKE ALL or PASS ALL" in claimed.message.text
    assert gsm7.segments(claimed.message.text) == 1
    assert [text.body for text in desk.twilio.texts] == [claimed.message.text]
    rows = desk.rows()
    assert [row.task_id for row in rows] == [task.id for task in tasks]
    assert {row.state for row in rows} == {MessageState.SENT}
    assert desk.told("sent") == [f"sms: page to {name(desk)}: together with others"] * 3
    with desk.runtime.reading() as work:
        waiting = work.session.exec(select(Timer).where(Timer.kind == TimerKind.RECEIPT.value)).all()
    assert {timer.milestone for timer in waiting} == {row.id for row in rows}


def name(desk: Desk) -> str:
    with desk.runtime.reading() as work:
        return work.partnership.worker_name(desk.on_call())


def test_the_first_page_leaves_at_once_and_what_follows_waits_a_moment_to_leave_together(desk: Desk) -> None:
    (first,) = desk.report()
    assert len(desk.send()) == 1
    desk.wait(0.5)
    desk.report()
    assert desk.send() == []
    desk.wait(1)
    _, second, third = desk.report()
    assert desk.send() == []
    desk.wait(1)
    (claimed,) = desk.send()
    assert claimed.message.text.startswith(f"2 tasks, HIGH: {second.code}, {third.code}.")
    assert desk.twilio.texts[0].body.startswith(f"{first.code} HIGH Education response")


def test_the_more_texts_a_phone_had_in_a_minute_the_longer_the_next_one_waits(desk: Desk) -> None:
    for _ in range(15):
        desk.report()
        desk.send()
        desk.wait(4)
    assert 4 <= len({text.body for text in desk.twilio.texts if text.to == desk.twilio.texts[0].to}) <= 6


def test_a_minute_later_a_page_leaves_at_once_again(desk: Desk) -> None:
    desk.report()
    desk.send()
    desk.wait(61)
    desk.report()
    assert len(desk.send()) == 1


def test_a_text_names_only_what_is_still_wanted_when_it_leaves(desk: Desk) -> None:
    desk.report()
    desk.send()
    tasks = desk.report(3)[1:]
    assert desk.send() == []
    desk.text("ben" if desk.on_call() == "amina" else "amina", f"take {tasks[1].code}")
    desk.wait(2)
    texts = [each.message.text for each in desk.send()]
    assert any(text.startswith(f"2 tasks, HIGH: {tasks[0].code}, {tasks[2].code}.") for text in texts)
    withdrawn = [row for row in desk.rows(task_id=tasks[1].id) if row.purpose == "page"]
    assert [row.state for row in withdrawn] == [MessageState.CANCELLED]
    assert not any(tasks[1].code in text for text in texts if "is yours" not in text), (
        "nobody hears of what they never saw"
    )


def test_a_bundle_that_the_provider_put_off_is_worded_again_and_alone_it_is_the_ordinary_page(desk: Desk) -> None:
    desk.twilio.refuse_next.append(Refusal(503))
    kept, taken = desk.report(2)
    (bundle,) = desk.send()
    assert {row.state for row in desk.rows()} == {MessageState.BUNDLED}
    desk.text("grace", f"take {taken.code}")
    desk.wait(3)
    again = next(each for each in desk.send() if each.message.reference == bundle.message.reference)
    assert again.message.text.startswith(f"{kept.code} HIGH Education response, South. By ")
    assert "/t/" in again.message.text
    pages = {row.task_id: row.state for row in desk.rows() if row.purpose == "page"}
    assert pages == {kept.id: MessageState.SENT, taken.id: MessageState.CANCELLED}


def test_a_bundle_that_never_arrives_rings_once_for_all_and_a_key_takes_what_was_read_out(desk: Desk) -> None:
    tasks = desk.report(3)
    (claimed,) = desk.send()
    failed = Receipt(reference=claimed.message.reference, provider_id=None, state=ReceiptState.FAILED, code="30003")
    delivery.take_receipt(desk.runtime, failed)
    delivery.take_receipt(desk.runtime, failed)
    assert len(desk.told("failed")) == 3
    (call,) = desk.send()
    assert call.message.text.startswith("3 tasks, HIGH priority.")
    assert len(desk.twilio.calls) == 1
    reference = call.message.reference
    again = calls.pressed(desk.runtime, KeyPress(provider_id="CA1", reference=reference, key="*"))
    assert (again.words, again.waits) == (call.message.text, True)
    desk.text("grace", f"take {tasks[1].code}")
    said = calls.pressed(desk.runtime, KeyPress(provider_id="CA1", reference=reference, key="1"))
    assert said.words.startswith("2 of 3 are yours.")
    assert "already" in calls.pressed(desk.runtime, KeyPress(provider_id="CA1", reference=reference, key="1")).words
    assert [task.assignee for task in desk.tasks()] == [desk.on_call(), "grace", desk.on_call()]


def test_without_a_receipt_each_task_goes_on_to_the_next_channel_and_one_call_tells_all(desk: Desk) -> None:
    desk.report(3)
    desk.send()
    desk.advance(121)
    assert len(desk.told("no receipt")) == 3
    assert len(desk.twilio.calls) == 1
    assert len(desk.rows(channel="voice")) == 3


def test_a_receipt_is_proof_for_every_task_of_the_text(desk: Desk) -> None:
    desk.report(3)
    (claimed,) = desk.send()
    arrived = Receipt(reference=claimed.message.reference, provider_id=None, state=ReceiptState.DELIVERED)
    delivery.take_receipt(desk.runtime, arrived)
    desk.advance(121)
    assert desk.twilio.calls == []
    assert {row.state for row in desk.rows()} == {MessageState.DELIVERED}
    assert len(desk.told("delivered")) == 3


def test_a_phone_that_rings_is_not_rung_for_another_task_until_the_minute_is_over(desk: Desk) -> None:
    desk.report()
    (first,) = desk.send()
    failed = Receipt(reference=first.message.reference, provider_id=None, state=ReceiptState.FAILED, code="30003")
    delivery.take_receipt(desk.runtime, failed)
    desk.send()
    desk.wait(5)
    desk.report(2)
    desk.send()
    desk.wait(2)
    (second,) = desk.send()
    delivery.take_receipt(desk.runtime, replace(failed, reference=second.message.reference))
    assert desk.send() == []
    desk.wait(56)
    assert [each.message.text[:7] for each in desk.send()] == ["2 tasks"]
    assert len(desk.twilio.calls) == 2


def test_a_drill_and_the_real_thing_never_share_a_text_or_keep_each_other_waiting(desk: Desk) -> None:
    desk.report(2, drill=True)
    desk.report(2)
    drill, real = sorted((each.message.text for each in desk.send()), key=lambda text: not text.startswith("DRILL"))
    assert drill.startswith("DRILL 2 tasks")
    assert real.startswith("2 tasks")


def test_what_others_took_is_told_in_one_text(desk: Desk) -> None:
    tasks = desk.report(4, kind=CONFLICT)
    desk.send()
    before = len(desk.twilio.texts)
    desk.text("rosa", "take all")
    desk.send()
    codes = ", ".join(task.code for task in tasks)
    told = [text.body for text in desk.twilio.texts[before:]]
    assert len(told) == 4
    assert told.count(f"{codes} are taken by Rosa Invented. Nothing to do for these. Thank you.") == 3


def test_bundling_can_be_switched_off(desk: Desk) -> None:
    settings = desk.runtime.settings.model_copy(update={"gather_seconds": 0})
    desk.runtime = replace(desk.runtime, settings=settings)
    desk.report(3)
    assert len(desk.send()) == 3
