"""What every transition of a task stands on: the guarded UPDATE, the refusals, and who holds the task."""

from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import col, select, update

from service.asking import Question
from service.errors import Conflict
from service.models.tasks import LIVE, Taker, Task
from service.models.timers import TimerKind
from service.records import milestones, paging, timers
from service.work import Work

TRUSTED_FOR = timedelta(hours=2)
TAKERS = Question(select(Taker.worker).where(col(Taker.task_id) == bindparam("task")).order_by(col(Taker.at)))


class Why(StrEnum):
    """Why a transition is not allowed now."""

    ALREADY_YOURS = "already yours"
    TAKEN = "taken"
    FINISHED = "finished"
    NOT_TAKEN = "not taken"
    PAUSED = "paused"
    NOT_PAUSED = "not paused"
    MET = "met"


class Refused(Conflict):
    """A transition that the task's state forbids; `why` and `task` let a reply choose its words."""

    def __init__(self, why: Why, task: Task, detail: str) -> None:
        super().__init__(detail)
        self.why = why
        self.task = task


def change(work: Work, task: Task, guard: Any, **values: Any) -> bool:
    """Write a transition if the row still allows it, and read the row as it now is."""
    work.session.flush()
    result = work.session.exec(update(Task).where(col(Task.id) == task.id, guard).values(**values))
    work.session.refresh(task)
    return bool(result.rowcount == 1)


def require_live(work: Work, task: Task) -> None:
    """Raises Refused when the task has ended."""
    work.session.refresh(task)
    if task.state not in LIVE:
        ended = task.closed_at or work.now
        when = paging.clock_time(ended, work.partnership.zone)
        raise Refused(Why.FINISHED, task, f"{task.code} was {task.state} at {when}")


def takers(work: Work, task: Task) -> list[str]:
    """Who has taken a task, first the first."""
    return [row.worker for row in work.session.ask(TAKERS, task=task.id)]


def let_go(work: Work, task: Task, worker: str) -> None:
    """A worker has the task no more."""
    held = work.session.get(Taker, (task.id, worker))
    if held:
        work.session.delete(held)
        work.session.flush()


def watch(work: Work, task: Task) -> None:
    """Somebody has a task whose deadlines are all past: look again later, so that it can't fall silent now. A paused one is
    watched from when it is resumed."""
    if task.paused_at:
        return
    unmet = [m for m in milestones.of_task(work, task.id) if m.met_at is None]
    if unmet and all(m.due_at <= work.now for m in unmet):
        timers.put(work, task.id, TimerKind.CHECK, work.now + TRUSTED_FOR)
