"""What the networks let through to one number in an hour: what goes beyond is blocked by them, and nobody is told."""

from datetime import datetime, timedelta

from sqlmodel import col, func, select

from notifiers.base import Channel, PerNumber
from service.models.outbox import OutboxMessage
from service.models.people import Preference
from service.records import notices
from service.records.claims import Claimed
from service.work import Work

HOUR = timedelta(hours=1)
FOR_NEWS = 0.75  # the rest of an hour's texts is kept for pages
HELD = timedelta(minutes=5)


def is_full(work: Work, claimed: Claimed, provider: str, limits: PerNumber) -> bool:
    """Whether a worker's number has had as many texts from a provider as may reach it, of any words or of just these."""
    share = 1.0 if claimed.is_page else FOR_NEWS
    had = (
        OutboxMessage.worker == claimed.worker,
        OutboxMessage.channel == Channel.SMS.value,
        OutboxMessage.provider == provider,
        col(OutboxMessage.carrier_id).is_(None),  # what a bundle carried was one text
        col(OutboxMessage.sent_at) > work.now - HOUR,
    )
    number = work.session.exec(select(func.count()).select_from(OutboxMessage).where(*had)).one()
    if number < int(limits.alike * share):
        return False
    if number >= int(limits.any * share):
        return True
    words = work.session.exec(select(OutboxMessage.text).where(*had)).all()
    return words.count(claimed.message.text) >= int(limits.alike * share)


def tell_of_too_many(work: Work, worker: str) -> None:
    """Tell whoever looks after a worker, at most once an hour, that pages reach them another way for now."""
    name = f"too many texts {worker}"
    row = work.session.get(Preference, name) or Preference(name=name, value={})
    told = row.value.get("told")
    if told and work.now < datetime.fromisoformat(str(told)) + HOUR:
        return
    row.value = {"told": work.now.isoformat()}
    work.session.add(row)
    notices.unreachable(work, worker, "too_many_texts")
