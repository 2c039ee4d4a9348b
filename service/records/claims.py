"""Due messages, handed to one sender each for as long as a lease lasts."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Update
from sqlmodel import col, func, select, update

from notifiers.base import Channel, Message
from rules.handover import Came, Try
from service.models.outbox import MessageState, OutboxMessage, is_unsent
from service.records import bundles, outbox, turns
from service.records.outbox import PAGE
from service.records.turns import Room
from service.work import Work

LEASE = timedelta(minutes=2)
DROPPED_FOR = timedelta(seconds=2)  # and as much again at each turn: it may fail at the next one as well
EVERYTHING = Room()
KEPT_OF_TRY = tuple(each.name for each in fields(Try))


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A message handed to one sender until its lease ends.

    `turn` fences it: whoever claims it next has a higher one, and only the newest may settle. `tries`: what its providers
    said so far. `again`: it was being sent when somebody crashed, so a provider may have it.
    """

    message: Message
    turn: int
    until: datetime
    is_page: bool
    urgency: int
    worker: str | None = None
    task_id: str | None = None
    tries: tuple[Try, ...] = ()
    again: bool = False


def claim(
    work: Work,
    limit: int,
    *,
    settle: timedelta = timedelta(0),
    room: Room = EVERYTHING,
    sender: str | None = None,
) -> list[Claimed]:
    """Take up to `limit` messages that are due, the most urgent first; those no longer wanted are cancelled instead.
    `settle`: how long what follows to the same phone waits to leave together; `sender`: the process that takes them. What
    there is no room for is not taken.

    A claim is a lease: a message whose sender died is due again when it ends.
    """
    rows = turns.next_up(work, limit, room)
    outbox.look_up_tasks(work, rows)
    outbox.look_up_pages(work, rows)
    due = []
    for row in rows:
        if row.state == MessageState.SENDING or outbox.wanted(work, row):
            due.append(row)
        else:
            row.state = MessageState.CANCELLED.value
    return [_taken(work, row, sender) for row in bundles.together(work, due, settle=settle)]


def claim_new(
    work: Work, *, settle: timedelta, room: Room, sender: str | None, take: Callable[[Channel], bool]
) -> list[Claimed]:
    """Take the pages that this transaction has written and not stored yet, as far as there is room and `take` finds a hand:
    they need not be looked for, nor a second transaction. What is not taken waits for a claim."""
    rows = [row for row in work.session.all_unwritten(OutboxMessage) if row.purpose == PAGE]
    with work.session.no_autoflush:  # they are to be stored once, as taken
        due = [row for row in rows if row.state == MessageState.PENDING and outbox.wanted(work, row)]
        leaving = turns.fitting(bundles.together(work, due, settle=settle), room)
        return [_taken(work, row, sender) for row in leaving if take(Channel(row.channel))]


def _taken(work: Work, row: OutboxMessage, sender: str | None) -> Claimed:
    again = row.state == MessageState.SENDING
    row.state, row.attempts, row.due_at = MessageState.SENDING.value, row.attempts + 1, work.now + LEASE
    row.sender = sender
    message = Message(
        reference=row.id,
        channel=Channel(row.channel),
        to=row.address,
        text=row.text,
        subject=row.subject,
        link=row.link,
        expires_at=row.expires_at,
        written_at=row.written_at,
    )
    return Claimed(
        message=message,
        turn=row.attempts,
        until=row.due_at,
        is_page=row.purpose == PAGE,
        urgency=row.urgency,
        worker=row.worker,
        task_id=row.task_id,
        tries=tries_of(row),
        again=again,
    )


def put_back(work: Work, claimed: Iterable[Claimed]) -> None:
    """Have messages that were taken, and given to no provider, fall due again for whoever comes first."""
    for each in claimed:
        state = MessageState.SENDING if each.again else MessageState.PENDING
        work.session.exec(_mine(each).values(state=state.value, due_at=work.now, sender=None))


def drop(work: Work, claimed: Iterable[Claimed]) -> None:
    """Have messages fall due soon that were given up in the middle: whoever takes one asks the providers for it first."""
    for each in claimed:
        wait = min(DROPPED_FOR * each.turn, LEASE)
        work.session.exec(_mine(each).values(due_at=work.now + wait, sender=None))


def _mine(claimed: Claimed) -> Update:
    mine = update(OutboxMessage).where(col(OutboxMessage.id) == claimed.message.reference)
    mine = mine.where(col(OutboxMessage.attempts) == claimed.turn)
    return mine.where(col(OutboxMessage.state) == MessageState.SENDING.value)


def tries_of(row: OutboxMessage) -> tuple[Try, ...]:
    """What the providers said of a message so far."""
    return tuple(_try(kept) for kept in row.tried or ())


def _try(kept: dict[str, Any]) -> Try:
    last = kept.get("last")
    return Try(
        provider=kept["provider"],
        came=Came(kept["came"]),
        at=datetime.fromisoformat(kept["at"]),
        why=kept.get("why", ""),
        times=kept.get("times", 1),
        last=datetime.fromisoformat(last) if last else None,
    )


def as_kept(tries: Iterable[Try]) -> list[dict[str, object]]:
    """Tries as they are stored."""
    return [
        {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name in KEPT_OF_TRY
            if (value := getattr(each, name))
        }
        for each in tries
    ]


def senders(work: Work) -> set[str]:
    """The processes that have a message in hand, or had one when they died."""
    query = select(OutboxMessage.sender).where(is_unsent(), OutboxMessage.state == MessageState.SENDING.value)
    return {sender for sender in work.session.exec(query.distinct()).all() if sender}


def hand_on(work: Work, gone: Collection[str]) -> None:
    """Have what some processes had in hand fall due now, because they are gone and will not settle it."""
    theirs = update(OutboxMessage).where(is_unsent(), col(OutboxMessage.state) == MessageState.SENDING.value)
    theirs = theirs.where(col(OutboxMessage.sender).in_(gone), col(OutboxMessage.due_at) > work.now)
    work.session.exec(theirs.values(due_at=work.now, sender=None))


def first_at(work: Work) -> datetime | None:
    """When the next unsent message is due."""
    query = select(func.min(OutboxMessage.due_at)).where(is_unsent())
    return work.session.exec(query).one()
