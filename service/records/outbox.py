"""The outbox: messages are written here by whoever causes them, claimed by the sender, and settled by what came of them."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, func, or_, select, update

from notifiers import wording
from notifiers.base import Channel, Message, ReceiptState, SendError
from service.database import skip_locked
from service.models.ids import new_id
from service.models.outbox import UNSENT, MessageState, OutboxMessage
from service.models.tasks import Page, PageOutcome, Task, TaskState
from service.models.timers import TimerKind
from service.records import timers
from service.work import Work

LEASE = timedelta(minutes=2)
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(seconds=30)
GIVE_UP_AFTER = timedelta(hours=2)

PAGE, NOTICE, ANSWER = "page", "notice", "answer"
URGENCY = {PAGE: 0, ANSWER: 1, NOTICE: 2}
# Receipts can arrive late, twice and out of order: a message never moves back along this line.
RANK = {state: rank for rank, state in enumerate(MessageState)} | {MessageState.CANCELLED: 99}
REACHED = {
    ReceiptState.SENT: MessageState.SENT,
    ReceiptState.DELIVERED: MessageState.DELIVERED,
    ReceiptState.FAILED: MessageState.FAILED,
}


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A message handed to one sender. `again`: it was being sent when somebody crashed, so the provider may have it."""

    message: Message
    again: bool


def write(
    work: Work,
    template: str,
    *,
    worker: str | None,
    address: str,
    channel: Channel,
    purpose: str,
    task: Task | None = None,
    page: Page | None = None,
    drill: bool = False,
    values: dict[str, object],
) -> OutboxMessage:
    """Write one message into the transaction; it is sent after the commit."""
    worded = wording.render(template, drill=drill or bool(task and task.drill), **values)
    link = values.get("link")
    message = OutboxMessage(
        id=new_id("msg", work.now),
        task_id=task.id if task else None,
        page_id=page.id if page else None,
        worker=worker,
        purpose=purpose,
        channel=channel.value,
        address=address,
        text=worded.text,
        subject=worded.subject if channel is Channel.EMAIL else None,
        link=str(link) if link else None,
        urgency=URGENCY[purpose],
        state=MessageState.PENDING.value,
        written_at=work.now,
        due_at=work.now,
        expires_at=work.now + GIVE_UP_AFTER,
    )
    work.session.add(message)
    return message


def claim(work: Work, limit: int) -> list[Claimed]:
    """Take up to `limit` messages that are due, the most urgent first; those no longer wanted are cancelled instead.

    A claim is a lease: a message whose sender died is due again when it ends.
    """
    query = (
        select(OutboxMessage)
        .where(col(OutboxMessage.state).in_([s.value for s in UNSENT]), col(OutboxMessage.due_at) <= work.now)
        .order_by(col(OutboxMessage.urgency), col(OutboxMessage.due_at))
        .limit(limit)
    )
    claimed = []
    for row in work.session.exec(skip_locked(query)).all():
        again = row.state == MessageState.SENDING
        if not again and not _wanted(work, row):
            row.state = MessageState.CANCELLED.value
            continue
        row.state, row.attempts, row.due_at = MessageState.SENDING.value, row.attempts + 1, work.now + LEASE
        claimed.append(Claimed(message=_as_sent(row), again=again))
    return claimed


def _wanted(work: Work, row: OutboxMessage) -> bool:
    if row.purpose != PAGE or row.task_id is None:
        return True
    task = work.session.get(Task, row.task_id)
    page = work.session.get(Page, row.page_id) if row.page_id else None
    declined = page is not None and page.outcome == PageOutcome.PASSED
    return task is not None and still_paging(task) and not declined


def still_paging(task: Task) -> bool:
    """Whether somebody is still being sought for a task: nobody has it, it is overdue, or more hands were asked for."""
    return task.state == TaskState.OPEN or (task.state == TaskState.ACKNOWLEDGED and task.next_page_at is not None)


def _as_sent(row: OutboxMessage) -> Message:
    return Message(
        reference=row.id,
        channel=Channel(row.channel),
        to=row.address,
        text=row.text,
        subject=row.subject,
        link=row.link,
        expires_at=row.expires_at,
        written_at=row.written_at,
    )


def first_at(work: Work) -> datetime | None:
    """When the next unsent message is due."""
    query = select(func.min(OutboxMessage.due_at)).where(col(OutboxMessage.state).in_([s.value for s in UNSENT]))
    return work.session.exec(query).one()


def settle_sent(work: Work, message_id: str, *, provider: str, provider_id: str) -> OutboxMessage | None:
    """Mark as handed over. A receipt that overtook the provider's own answer is not undone."""
    row = work.session.get(OutboxMessage, message_id)
    if row is None:
        return None
    row.provider, row.provider_id, row.sent_at, row.error = provider, provider_id, row.sent_at or work.now, None
    if row.state in UNSENT:
        row.state = MessageState.SENT.value
    work.session.add(row)
    return row


def settle_failed(work: Work, message_id: str, error: SendError, *, provider: str) -> OutboxMessage | None:
    """Mark as failed for good when it can't be mended by waiting, else put it off. Gives the row when it failed."""
    row = work.session.get(OutboxMessage, message_id)
    if row is None or row.state not in UNSENT:
        return None
    row.provider, row.error = provider, error.reason[:300]
    work.session.add(row)
    wait = backoff(row.attempts, error.retry_after)
    if error.permanent or work.now + wait > row.written_at + GIVE_UP_AFTER:
        row.state = MessageState.FAILED.value
        return row
    row.state, row.due_at = MessageState.PENDING.value, work.now + wait
    return None


def backoff(attempts: int, asked: float | None = None) -> timedelta:
    """How long to wait after so many tries: doubling from a second to half a minute, with jitter so that a queue does
    not return all at once; at least what the provider asked for."""
    wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 10), LONGEST_WAIT)
    jittered: timedelta = wait * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, keeps no secret
    return max(jittered, timedelta(seconds=asked or 0))


def settle_receipt(
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
    row.state, row.provider_id, row.error = reached.value, row.provider_id or provider_id, error
    row.sent_at = row.sent_at or work.now
    work.session.add(row)
    return row


def expect_receipt(work: Work, row: OutboxMessage, *, within: timedelta) -> None:
    """A page was handed over: if nothing says by then that it arrived, the next channel is tried."""
    if row.purpose == PAGE and row.task_id and row.state == MessageState.SENT:
        timers.put(work, row.task_id, TimerKind.RECEIPT, work.now + within, row.id)


def expect_no_receipt(work: Work, row: OutboxMessage) -> None:
    """It arrived."""
    if row.task_id:
        timers.clear(work, row.task_id, TimerKind.RECEIPT, milestone=row.id)


def hopeful(work: Work, page_id: str) -> list[OutboxMessage]:
    """The messages of a page that may still be answered: on their way, or arrived."""
    work.session.flush()
    dead = [MessageState.FAILED.value, MessageState.CANCELLED.value]
    query = select(OutboxMessage).where(OutboxMessage.page_id == page_id, col(OutboxMessage.state).not_in(dead))
    return list(work.session.exec(query).all())


def withdraw_pages(work: Work, task: Task) -> None:
    """Cancel a task's pages that have not left yet."""
    work.session.flush()
    work.session.exec(
        update(OutboxMessage)
        .where(
            col(OutboxMessage.task_id) == task.id,
            col(OutboxMessage.purpose) == PAGE,
            col(OutboxMessage.state) == MessageState.PENDING.value,
        )
        .values(state=MessageState.CANCELLED.value)
    )


def unsent(work: Work) -> int:
    """How many messages have not left."""
    query = select(func.count()).select_from(OutboxMessage)
    return work.session.exec(query.where(col(OutboxMessage.state).in_([s.value for s in UNSENT]))).one()
