"""Every provider of a channel fails: the worker is paged by their next channel within seconds, and no clock is waited for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from service.engine import Engine
from service.models.outbox import MessageState, OutboxMessage
from service.models.tasks import Page, TimelineEntry
from service.runtime import Runtime
from tests.conftest import sandbox_database
from tests.fakes.notify import FakeNotify, running_notify
from tests.fakes.notify_rules import Refusal
from tests.fakes.twilio import FakeTwilio, running_twilio
from tests.running import open_sandbox
from tests.service.test_deadlines import on_call, open_task, text

SECONDS = timedelta(seconds=1)


@dataclass
class Desk:
    """Texts and emails by Notify, calls by Twilio."""

    runtime: Runtime
    notify: FakeNotify
    twilio: FakeTwilio

    def pass_time(self, by: timedelta) -> None:
        Engine(self.runtime).advance(by)

    def messages(self) -> list[tuple[str, str]]:
        """Every message to whoever is on call, by channel, and where it is."""
        worker = on_call(self.runtime)
        with self.runtime.reading() as work:
            rows = work.session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))).all()
        return [(row.channel, row.state) for row in rows if row.worker == worker and row.purpose == "page"]

    def levels(self) -> set[int]:
        with self.runtime.reading() as work:
            return set(work.session.exec(select(Page.level)).all())

    def said(self, event: str) -> int:
        with self.runtime.reading() as work:
            return len(work.session.exec(select(TimelineEntry).where(TimelineEntry.event == event)).all())


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with (
        sandbox_database(request, request.param, tmp_path) as url,
        running_notify(delivers=False) as notify,
        running_twilio(delivers=False) as twilio,
    ):
        settings = notify.environment() | {
            "CALLOUT_TWILIO_ACCOUNT_SID": twilio.account_sid,
            "CALLOUT_TWILIO_AUTH_TOKEN": twilio.auth_token,
            "CALLOUT_TWILIO_FROM": twilio.number,
            "CALLOUT_TWILIO_API_BASE": twilio.url,
            "CALLOUT_SMS_PROVIDERS": "notify",
        }
        runtime = open_sandbox(url, **settings)
        yield Desk(runtime, notify, twilio)
        runtime.close()


def test_the_phone_rings_within_seconds_and_the_text_that_waited_is_dropped_once_it_is_answered(desk: Desk) -> None:
    worker = on_call(desk.runtime)
    desk.notify.down = True
    open_task(desk.runtime)
    desk.pass_time(5 * SECONDS)
    assert len(desk.twilio.calls) == 1
    assert desk.messages() == [("sms", MessageState.PENDING), ("voice", MessageState.SENT)]
    assert desk.levels() == {0}, "the escalation clock was not waited for"
    assert desk.said("channel out") == 1
    desk.pass_time(40 * SECONDS)
    assert len(desk.messages()) == 2, "once a channel"
    text(desk.runtime, worker, "TAKE")
    desk.notify.down = False
    desk.pass_time(60 * SECONDS)
    assert desk.messages()[0] == ("sms", MessageState.CANCELLED)
    assert [sent.body for sent in desk.notify.notifications if "TAKE" in sent.body] == []


def test_unanswered_the_text_goes_out_when_its_provider_is_back(desk: Desk) -> None:
    desk.notify.down = True
    open_task(desk.runtime)
    desk.pass_time(5 * SECONDS)
    desk.notify.down = False
    desk.pass_time(40 * SECONDS)
    assert desk.messages() == [("sms", MessageState.SENT), ("voice", MessageState.SENT)]
    assert len(desk.twilio.calls) == 1


def test_one_blip_rings_nobody(desk: Desk) -> None:
    desk.notify.refuse_next.append(Refusal(503, None, ""))
    open_task(desk.runtime)
    desk.pass_time(5 * SECONDS)
    assert desk.messages() == [("sms", MessageState.SENT)]
    assert desk.twilio.calls == []


def test_with_calls_out_as_well_an_email_follows(desk: Desk) -> None:
    desk.twilio.down = True
    for _ in range(8):
        desk.notify.refuse_next.append(Refusal(503, None, ""))
    open_task(desk.runtime)
    desk.pass_time(15 * SECONDS)
    assert [channel for channel, _ in desk.messages()] == ["sms", "voice", "email"]
    assert desk.levels() == {0}
