"""The outbox: messages are written here by whoever causes them, and watched or withdrawn until they have arrived.

How they are claimed stands in claims.py, how they are settled in settling.py.
"""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import bindparam
from sqlmodel import and_, col, func, or_, select, update

from notifiers import wording
from notifiers.base import Channel
from service.asking import Question, columns_of
from service.models.ids import new_id
from service.models.outbox import MessageState, OutboxMessage, is_unsent
from service.models.tasks import Page, Task, TaskState
from service.models.timers import TimerKind
from service.records import timers
from service.work import Work

GIVE_UP_AFTER = timedelta(hours=2)

ALARM = "alarm"  # what the texts of an alarm are called; those of its calls begin so
PAGE, NOTICE, ANSWER, COPY = "page", "notice", "answer", "copy"
# Pages by the priority of their task, then whoever waits for an answer, then news.
PRIORITIES = ("critical", "high", "normal", "low")
TASKS = Question(select(*columns_of(Task)).where(col(Task.id).in_(bindparam("ids", expanding=True))))
PAGES = Question(select(*columns_of(Page)).where(col(Page.id).in_(bindparam("ids", expanding=True))))
REACHED = Question(
    select(OutboxMessage.worker).where(
        col(OutboxMessage.task_id) == bindparam("task"), OutboxMessage.purpose == PAGE, OutboxMessage.attempts > 0
    )
)
URGENCY = {PAGE: 0, ANSWER: 10, NOTICE: 20, COPY: 30}


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
    return work.session.make(
        OutboxMessage,
        id=new_id("msg", work.now),
        task_id=task.id if task else None,
        page_id=page.id if page else None,
        worker=worker,
        purpose=purpose,
        template=template,
        channel=channel.value,
        address=address,
        text=worded.text,
        subject=worded.subject if channel in (Channel.EMAIL, Channel.TEAM) else None,
        link=str(link) if link else None,
        team=task.team if task else "",
        urgency=URGENCY[purpose] + (PRIORITIES.index(task.priority) if task and purpose == PAGE else 0),
        state=MessageState.PENDING.value,
        written_at=work.now,
        due_at=work.now,
        expires_at=work.now + GIVE_UP_AFTER,
    )


def look_up_tasks(work: Work, rows: Iterable[OutboxMessage]) -> None:
    """Have the tasks of some messages at hand, read at once."""
    tasks = {row.task_id for row in rows if row.task_id}
    if tasks:
        work.session.keep_at_hand(work.session.find(Task, TASKS, ids=list(tasks)))


def look_up_pages(work: Work, rows: Iterable[OutboxMessage]) -> None:
    """Have the pages of some messages at hand, read at once."""
    pages = {row.page_id for row in rows if row.page_id}
    if pages:
        work.session.keep_at_hand(work.session.find(Page, PAGES, ids=list(pages)))


def wanted(work: Work, row: OutboxMessage) -> bool:
    """Whether a message still has to leave: a page only while its task needs somebody and it is not over itself."""
    if row.purpose != PAGE or row.task_id is None:
        return True
    task = work.session.get(Task, row.task_id)
    page = work.session.get(Page, row.page_id) if row.page_id else None
    over = page is not None and page.outcome is not None
    return task is not None and may_page(task, row.worker) and not over


def still_paging(task: Task) -> bool:
    """Whether somebody is still being sought for a task: nobody has it, it is overdue, or more hands were asked for."""
    return task.state == TaskState.OPEN or (task.state == TaskState.ACKNOWLEDGED and task.next_page_at is not None)


def may_page(task: Task, worker: str | None) -> bool:
    """Whether a worker may be disturbed for a task now: in a pause only the one whom a supervisor has given it to."""
    return still_paging(task) and (task.paused_at is None or worker == task.assignee)


def expect_receipt(work: Work, row: OutboxMessage, *, within: timedelta) -> None:
    """A page was handed over: if nothing says by then that it arrived, the next channel is tried. Nothing is expected of
    a page whose task was taken or paused before the provider had said that it took it."""
    task = work.session.get(Task, row.task_id) if row.task_id else None
    if row.purpose == PAGE and task and row.state == MessageState.SENT and may_page(task, row.worker):
        timers.put(work, task.id, TimerKind.RECEIPT, work.now + within, row.id)


def expect_no_receipts(work: Work, rows: Iterable[OutboxMessage]) -> None:
    """They arrived."""
    timers.clear_several(work, TimerKind.RECEIPT, {row.id: row.task_id for row in rows if row.task_id})


def hopeful(work: Work, page_id: str) -> list[OutboxMessage]:
    """The messages of a page that may still be answered: on their way, or arrived."""
    work.session.flush()
    dead = [MessageState.FAILED.value, MessageState.CANCELLED.value]
    query = select(OutboxMessage).where(OutboxMessage.page_id == page_id, col(OutboxMessage.state).not_in(dead))
    return list(work.session.exec(query).all())


def may_arrive_soon(work: Work, row: OutboxMessage) -> bool:
    """Whether nothing is known to keep a message: it left, or it has not been tried in vain."""
    carrier = work.session.get(OutboxMessage, row.carrier_id) if row.carrier_id else None
    carrying = carrier or row
    return carrying.state != MessageState.PENDING or not carrying.error


def of_page(work: Work, page_id: str) -> list[OutboxMessage]:
    """Every message by which a page went out, whatever became of it."""
    work.session.flush()
    return list(work.session.exec(select(OutboxMessage).where(OutboxMessage.page_id == page_id)).all())


def reached(work: Work, task: Task) -> set[str | None]:
    """The workers whom a page for a task may have reached: it was handed to a provider at least once."""
    return {row.worker for row in work.session.ask(REACHED, task=task.id)}


def withdraw_pages(work: Work, task: Task) -> None:
    """Cancel a task's pages that have not left yet."""
    work.session.flush()
    carriers = select(OutboxMessage.id).where(is_unsent(), OutboxMessage.state == MessageState.PENDING.value)
    waiting = or_(
        col(OutboxMessage.state) == MessageState.PENDING.value,
        and_(col(OutboxMessage.state) == MessageState.BUNDLED.value, col(OutboxMessage.carrier_id).in_(carriers)),
    )
    work.session.exec(
        update(OutboxMessage)
        .where(col(OutboxMessage.task_id) == task.id, col(OutboxMessage.purpose) == PAGE, waiting)
        .values(state=MessageState.CANCELLED.value)
    )


def unsent(work: Work) -> int:
    """How many messages have not left."""
    query = select(func.count()).select_from(OutboxMessage)
    return work.session.exec(query.where(is_unsent())).one()
