"""What came of sending a message, and what its receipts say later. A message never moves back."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import bindparam
from sqlmodel import col, or_, select

from notifiers.base import ReceiptState
from service.asking import Question, columns_of
from service.models.outbox import UNSENT, MessageState, OutboxMessage
from service.records import outbox
from service.records.claims import Claimed
from service.records.outbox import GIVE_UP_AFTER
from service.work import Work

log = structlog.get_logger()

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(seconds=30)
# What a message says, and to whom, is sealed; few of those that are settled have to be opened once more.
HELD = Question(
    select(*(column for column in columns_of(OutboxMessage) if column.name not in ("address", "text", "link")))
    .where(col(OutboxMessage.id).in_(bindparam("ids", expanding=True)))
    .order_by(col(OutboxMessage.task_id), col(OutboxMessage.id))
    .with_for_update()
)
# Receipts can arrive late, twice and out of order: a message never moves back along this line.
RANK = {state: rank for rank, state in enumerate(MessageState)} | {MessageState.CANCELLED: 99}
REACHED = {
    ReceiptState.SENT: MessageState.SENT,
    ReceiptState.DELIVERED: MessageState.DELIVERED,
    ReceiptState.FAILED: MessageState.FAILED,
}


def held(work: Work, claimed: Sequence[Claimed]) -> dict[str, OutboxMessage]:
    """The rows of messages that their senders may settle, by reference, held for this transaction; by task, as everybody
    locks who locks several. Not among them is what another sender has claimed since, after a freeze that outlasted the
    lease."""
    turns = {each.message.reference: each.turn for each in claimed}
    rows = work.session.find(OutboxMessage, HELD, afresh=True, ids=list(turns))
    found = {row.id: row for row in rows if row.attempts == turns[row.id]}
    for reference in turns.keys() - found.keys():
        log.warning("settled too late", message=reference, turn=turns[reference])
    outbox.look_up_tasks(work, found.values())
    return found


def sent(work: Work, row: OutboxMessage, *, provider: str, provider_id: str) -> None:
    """Mark as handed over. A receipt that overtook the provider's own answer is not undone."""
    row.provider, row.provider_id, row.sent_at, row.error = provider, provider_id, row.sent_at or work.now, None
    if row.state in UNSENT:
        row.state = MessageState.SENT.value


def put_off(row: OutboxMessage, error: str, *, provider: str | None, until: datetime) -> bool:
    """Try again at a moment; False, and failed for good, when the message is of no use any more by then."""
    if until > row.written_at + GIVE_UP_AFTER:
        return not failed(row, error, provider=provider)
    if row.state in UNSENT:
        row.provider, row.error = provider, error[:300]
        row.state, row.due_at = MessageState.PENDING.value, until
    return True


def failed(row: OutboxMessage, error: str, *, provider: str | None) -> bool:
    """Mark as failed for good; False when a receipt told more before."""
    if row.state not in UNSENT:
        return False
    row.state, row.provider, row.error = MessageState.FAILED.value, provider, error[:300]
    return True


def backoff(attempts: int, asked: float | None = None) -> timedelta:
    """How long to wait after so many tries: doubling from a second to half a minute, with jitter so that a queue does
    not return all at once; at least what the provider asked for."""
    wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 10), LONGEST_WAIT)
    jittered: timedelta = wait * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, keeps no secret
    return max(jittered, timedelta(seconds=asked or 0))


def receipt(
    work: Work, state: ReceiptState, *, reference: str | None, provider_id: str | None, error: str | None
) -> OutboxMessage | None:
    """Move a message forward as a receipt says; None when it is not ours or the receipt tells nothing new."""
    query = select(OutboxMessage).where(
        or_(
            col(OutboxMessage.id) == reference if reference else col(OutboxMessage.provider_id) == provider_id,
        )
    )
    row = work.session.exec(query.with_for_update()).first()
    reached = REACHED[state]
    if row is None or RANK[reached] <= RANK[MessageState(row.state)] or row.state == MessageState.DELIVERED:
        return None
    if reached is MessageState.FAILED and provider_id and row.provider_id not in (None, provider_id):
        return None  # a copy that another provider was thought not to have; the one that counts is on its way
    row.state, row.provider_id, row.error = reached.value, row.provider_id or provider_id, error
    row.sent_at = row.sent_at or work.now
    work.session.add(row)
    return row
