"""A second provider: it takes over within one try, and never doubles what the first has. Both are stand-ins on real ports."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from notifiers.base import Receipt, ReceiptState
from rules.incident import IncidentReport, Place
from service.flows import claiming, delivery, intake
from service.models.outbox import MessageState, OutboxMessage
from service.models.tasks import TimelineEntry
from service.records import claims, settling
from service.records.judging import Submission
from service.runtime import Runtime
from tests.fakes.notify import FakeNotify, running_notify
from tests.fakes.notify_rules import Refusal as NotifyRefusal
from tests.fakes.twilio import FakeTwilio, running_twilio
from tests.fakes.twilio_rules import Refusal
from tests.running import open_sandbox


@dataclass
class Desk:
    """A runtime whose texts go out by Notify, then by Twilio, and nobody who sends but the test."""

    runtime: Runtime
    notify: FakeNotify
    twilio: FakeTwilio
    seconds: float = 0.0

    def report(self) -> None:
        """Open a task whose page goes to one phone."""
        now = self.runtime.clock.now()
        place = Place(name=f"Invented Academy {now.timestamp()}")
        report = IncidentReport(type="weapon_in_school", occurred_at=now, locality="south", place=place)
        intake.accept(self.runtime, [Submission(report=report, key_id="key_x", partner="partner")])

    def send(self) -> OutboxMessage:
        """Send what is due; the page."""
        for claimed in claiming.claim(self.runtime, 10):
            delivery.send(self.runtime, claimed)
        return self.page()

    def page(self) -> OutboxMessage:
        """The first message."""
        with self.runtime.reading() as work:
            return work.session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))).all()[0]

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.runtime.clock.advance_to(self.runtime.clock.now() + timedelta(seconds=seconds))  # type: ignore[attr-defined]

    def told(self) -> list[tuple[str, str, str]]:
        """The timeline's lines about messages."""
        with self.runtime.reading() as work:
            rows = work.session.exec(select(TimelineEntry).order_by(col(TimelineEntry.id))).all()
        return [(row.event, row.actor, row.detail) for row in rows if row.event in ("sent", "not taken", "failed")]

    def arrived(self) -> tuple[int, int]:
        """How many texts each of the two took."""
        return len(self.notify.notifications), len(self.twilio.texts)


@contextmanager
def open_desk(tmp_path: Path, sandbox_file: Path) -> Iterator[Desk]:
    """A sandbox that was just brought up, with both providers."""
    shutil.copy(sandbox_file, tmp_path / "callout.db")
    with running_notify(delivers=False) as notify, running_twilio(delivers=False) as twilio:
        account: dict[str, Any] = {
            "gather_seconds": 0,  # each text for itself, so that each can be told apart
            "twilio_account_sid": twilio.account_sid,
            "twilio_auth_token": twilio.auth_token,
            "twilio_from": twilio.number,
            "twilio_api_base": twilio.url,
        }
        runtime = open_sandbox(f"sqlite:///{tmp_path}/callout.db", **notify.environment(), **account)
        yield Desk(runtime, notify, twilio)
        runtime.close()
        assert twilio.faults == []


@pytest.fixture
def desk(tmp_path: Path, sandbox_file: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, sandbox_file) as opened:
        yield opened


@pytest.mark.parametrize(
    "refusal",
    [
        NotifyRefusal(429, "RateLimitError", "Exceeded rate limit"),
        NotifyRefusal(503, None, ""),
        NotifyRefusal(500, None, ""),
        NotifyRefusal(403, "AuthError", "Invalid token: API key not found"),
        NotifyRefusal(400, "ValidationError", "phone_number Not a UK mobile number"),
        NotifyRefusal(429, "TooManyRequestsError", "Exceeded send limits (sms: 250000) for today"),
    ],
    ids=lambda refusal: f"{refusal.status}-{refusal.kind}",
)
def test_what_the_first_does_not_take_goes_by_the_second_at_once(desk: Desk, refusal: NotifyRefusal) -> None:
    desk.notify.refuse_next.append(refusal)
    desk.report()
    page = desk.send()
    assert desk.arrived() == (0, 1)
    assert (page.state, page.provider, page.attempts) == (MessageState.SENT, "twilio", 1)
    assert claims.tries_of(page)[0].provider == "notify"
    assert claims.tries_of(page)[-1].provider == "twilio"
    event, actor, detail = desk.told()[0]
    assert (event, actor) == ("not taken", "notify")
    assert detail.startswith("page to ")
    assert "GOV.UK Notify" in detail
    assert [(event, actor) for event, actor, _ in desk.told()][-1] == ("sent", "twilio")


@pytest.mark.parametrize("lost", ["answer", "answer-500"])
def test_a_text_that_the_first_took_without_saying_so_is_asked_about_and_not_repeated(desk: Desk, lost: str) -> None:
    if lost == "answer":
        desk.notify.lose_next_answer = 1
    else:
        desk.notify.fail_after_taking = 1
    desk.report()
    page = desk.send()
    assert desk.arrived() == (1, 0)
    assert desk.notify.looked_up == [page.id]
    assert (page.state, page.provider, page.provider_id) == (
        MessageState.SENT, "notify", desk.notify.notifications[0].id,
    )  # fmt: skip


def test_a_first_that_can_not_be_asked_is_waited_for_and_then_the_page_goes_by_the_second(desk: Desk) -> None:
    desk.notify.lose_next_answer = 1
    desk.notify.refuse_asking = True
    desk.report()
    page = desk.send()
    assert (desk.arrived(), page.state) == ((1, 0), MessageState.PENDING)
    desk.wait(2)
    assert desk.send().state == MessageState.PENDING
    desk.wait(desk.runtime.settings.doubt_seconds)
    page = desk.send()
    assert (desk.arrived(), page.provider) == ((1, 1), "twilio"), "a doubled page beats a lost one"
    assert len([line for line in desk.told() if "may or may not have it" in line[2]]) == 2


def test_a_first_that_says_yes_while_it_is_waited_for_has_it(desk: Desk) -> None:
    desk.notify.lose_next_answer = 1
    desk.notify.refuse_asking = True
    desk.report()
    desk.send()
    desk.notify.refuse_asking = False
    desk.wait(2)
    page = desk.send()
    assert (desk.arrived(), page.provider, page.state) == ((1, 0), "notify", MessageState.SENT)


def test_a_number_that_is_wrong_for_anybody_is_not_tried_elsewhere(desk: Desk) -> None:
    desk.notify.refuse_next.append(NotifyRefusal(400, "InvalidPhoneError", "phone_number Not a valid number"))
    desk.report()
    page = desk.send()
    assert desk.twilio.texts == []
    assert page.state == MessageState.FAILED


def test_when_nobody_takes_it_the_order_begins_again_after_a_wait(desk: Desk) -> None:
    desk.notify.refuse_next.append(NotifyRefusal(503, None, ""))
    desk.twilio.refuse_next.append(Refusal(503))
    desk.report()
    page = desk.send()
    assert (page.state, desk.arrived()) == (MessageState.PENDING, (0, 0))
    desk.wait(2)
    page = desk.send()
    assert (page.state, page.provider, desk.arrived()) == (MessageState.SENT, "notify", (1, 0))


def test_after_a_crash_both_are_asked_and_the_one_that_has_it_is_believed(desk: Desk) -> None:
    desk.report()
    (claimed,) = claiming.claim(desk.runtime, 10)
    twilio = desk.runtime.notifiers[claimed.message.channel][1]
    twilio.send(claimed.message)
    desk.wait(claims.LEASE.total_seconds() + 1)
    page = desk.send()
    assert (desk.arrived(), page.provider, page.state) == ((0, 1), "twilio", MessageState.SENT)


def test_a_sender_that_was_frozen_past_its_lease_sends_and_settles_nothing(desk: Desk) -> None:
    desk.report()
    (frozen,) = claiming.claim(desk.runtime, 10)
    desk.wait(claims.LEASE.total_seconds() + 1)
    page = desk.send()
    assert page.attempts == 2
    delivery.send(desk.runtime, frozen)
    assert desk.arrived() == (1, 0)
    assert desk.page().provider_id == page.provider_id
    with desk.runtime.transaction() as work:
        assert settling.held(work, [frozen]) == {}, "had it been sent before, it would still not be settled by this one"


def test_a_late_failure_of_a_copy_by_the_first_does_not_undo_the_second(desk: Desk) -> None:
    desk.notify.refuse_next.append(NotifyRefusal(503, None, ""))
    desk.report()
    page = desk.send()
    for provider_id, state, becomes in (("another", "failed", "sent"), (page.provider_id, "delivered", "delivered")):
        receipt = Receipt(reference=page.id, provider_id=provider_id, state=ReceiptState(state))
        delivery.take_receipt(desk.runtime, receipt)
        assert desk.page().state == becomes
