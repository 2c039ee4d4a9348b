"""What the networks let through to one number in an hour: news wait, pages go another way, and the lead hears once."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from service.flows import claiming, delivery
from service.models.ids import new_id
from service.models.outbox import MessageState, OutboxMessage
from service.records import outbox
from tests.service.test_second_provider import Desk, open_desk


@pytest.fixture
def desk(tmp_path: Path, sandbox_file: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, sandbox_file) as opened:
        yield opened


def had(desk: Desk, worker: str, number: int, *, words: str = "") -> None:
    """A worker had so many texts by Notify just now."""
    now = desk.runtime.clock.now()
    with desk.runtime.transaction() as work:
        for each in range(number):
            work.session.add(
                OutboxMessage(
                    id=new_id("msg", now), worker=worker, purpose=outbox.NOTICE, channel="sms", address="+447700900101",
                    text=words or f"text {each}", urgency=20, state="sent", written_at=now, due_at=now, sent_at=now,
                    provider="notify",
                )
            )  # fmt: skip


def news(desk: Desk, worker: str, words: str) -> str:
    now = desk.runtime.clock.now()
    with desk.runtime.transaction() as work:
        message = OutboxMessage(
            id=new_id("msg", now), worker=worker, purpose=outbox.NOTICE, channel="sms", address="+447700900101",
            text=words, urgency=20, state="pending", written_at=now, due_at=now,
        )  # fmt: skip
        work.session.add(message)
        return message.id


def row(desk: Desk, message: str) -> OutboxMessage:
    with desk.runtime.reading() as work:
        found = work.session.get(OutboxMessage, message)
        assert found
        return found


def told(desk: Desk) -> list[OutboxMessage]:
    with desk.runtime.reading() as work:
        rows = work.session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))).all()
        return [each for each in rows if "had all the texts" in each.text]


def test_a_page_past_the_limit_goes_by_the_next_provider_and_the_lead_hears_once(desk: Desk) -> None:
    desk.report()
    worker = desk.page().worker or ""
    had(desk, worker, 100)
    for claimed in claiming.claim(desk.runtime, 1):
        delivery.send(desk.runtime, claimed)
    assert desk.arrived() == (0, 1)
    assert "let no more texts through" in desk.told()[0][2]
    first = len(told(desk))
    assert first
    assert worker not in {each.worker for each in told(desk)}
    desk.report()
    for claimed in claiming.claim(desk.runtime, 1):
        delivery.send(desk.runtime, claimed)
    assert len(desk.twilio.texts) == 2
    assert len(told(desk)) == first


def test_news_past_their_share_wait_until_there_is_room(desk: Desk) -> None:
    had(desk, "amina", 75)
    message = news(desk, "amina", "news")
    desk.send()
    assert (row(desk, message).state, desk.arrived()) == (MessageState.PENDING, (0, 0))
    assert row(desk, message).due_at - desk.runtime.clock.now() > timedelta(minutes=4)
    desk.wait(3660)
    desk.send()
    assert row(desk, message).provider == "notify"


def test_the_same_words_are_counted_apart(desk: Desk) -> None:
    had(desk, "amina", 15, words="the same")
    same, other = news(desk, "amina", "the same"), news(desk, "amina", "another")
    desk.send()
    assert (row(desk, same).state, row(desk, other).state) == (MessageState.PENDING, MessageState.SENT)


def test_what_twilio_sent_does_not_count(desk: Desk) -> None:
    had(desk, "amina", 74)
    message = news(desk, "amina", "news")
    desk.send()
    assert row(desk, message).state == MessageState.SENT
