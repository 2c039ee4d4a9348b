"""The timeline of a task: everything that happened to it, in the words that a supervisor reads."""

from sqlalchemy import bindparam
from sqlmodel import col, select

from service.asking import Question, columns_of
from service.models.tasks import Task, TimelineEntry
from service.work import Work

SERVICE = "callout"
OF_TASK = Question(
    select(*columns_of(TimelineEntry))
    .where(col(TimelineEntry.task_id) == bindparam("task"))
    .order_by(col(TimelineEntry.id))
)


def note(
    work: Work, task: Task, event: str, detail: str = "", *, actor: str = SERVICE, channel: str | None = None
) -> None:
    """Add one line."""
    work.session.put(
        TimelineEntry, task_id=task.id, at=work.now, event=event, actor=actor, channel=channel, detail=detail
    )


def of_task(work: Work, task_id: str) -> list[TimelineEntry]:
    """All lines, oldest first."""
    return work.session.find(TimelineEntry, OF_TASK, task=task_id)
