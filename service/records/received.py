"""Texts from phones, kept once each, and how many from one number could not be read lately."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select

from notifiers.base import InboundText
from service.models.ids import new_id
from service.models.outbox import ReceivedText
from service.work import Work

UNREADABLE = "unreadable"
BURST = 4
BURST_WINDOW = timedelta(minutes=15)
REPEATS = 2


def is_new(work: Work, text: InboundText) -> bool:
    """Whether this text has not been acted on: providers deliver callbacks twice."""
    return bool(new_among(work, [text]))


def new_among(work: Work, texts: Sequence[InboundText]) -> list[InboundText]:
    """Those of some texts of one provider that have not been acted on."""
    query = select(ReceivedText.provider_id).where(
        col(ReceivedText.provider).in_({text.provider for text in texts}),
        col(ReceivedText.provider_id).in_([text.provider_id for text in texts]),
    )
    known = set(work.session.exec(query)) if texts else set()
    return [text for text in texts if text.provider_id not in known]


def keep(work: Work, text: InboundText, *, worker: str | None, meaning: str, task_id: str | None) -> ReceivedText:
    """Keep a text with what it was taken to mean. The sender's number is kept as a blind index."""
    row = ReceivedText(
        id=new_id("txt", work.now),
        provider=text.provider,
        provider_id=text.provider_id,
        sender=work.keyring.fingerprint("phone", text.sender),
        worker=worker,
        at=text.received_at or work.now,
        body=text.body,
        meaning=meaning,
        task_id=task_id,
    )
    work.session.add(row)
    return row


def bursting(work: Work, sender: str) -> bool:
    """Whether a number has sent so many unreadable texts lately that answering it would feed a loop of machines."""
    query = select(func.count()).where(*_lately(work, sender), ReceivedText.meaning == UNREADABLE)
    return work.session.exec(query).one() >= BURST


def repeats(work: Work, text: InboundText) -> bool:
    """Whether a number has said just this again and again lately."""
    said = work.session.exec(select(ReceivedText.body).where(*_lately(work, text.sender))).all()
    return list(said).count(text.body) >= REPEATS


def _lately(work: Work, sender: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(ReceivedText.sender) == work.keyring.fingerprint("phone", sender),
        col(ReceivedText.at) > work.now - BURST_WINDOW,
    )
