"""Task codes: short, said aloud without mistakes, and not given again while a late text could still mean the old task."""

import secrets
from datetime import datetime, timedelta

from sqlmodel import col, or_, select

from rules.reply import new_code
from service.database import hold
from service.models.tasks import Task, TaskCode
from service.work import Work

REST = timedelta(days=30)


def assign(work: Work, task_id: str, *, until: datetime | None = None) -> str:
    """A code that points to nothing else that is live or ended within the last 30 days. `until`: when what it points to
    will be over, where that is known from the start."""
    hold(work.session, "task-codes")
    code = new_code(lambda candidate: _taken(work, candidate), secrets.SystemRandom())
    row = work.session.get(TaskCode, code) or TaskCode(code=code, task_id=task_id)
    row.task_id, row.free_after = task_id, until + REST if until else None
    work.session.add(row)
    work.session.flush()
    return code


def release(work: Work, task: Task) -> None:
    """Start the rest of a code whose task has ended."""
    row = work.session.get(TaskCode, task.code)
    if row is not None and row.task_id == task.id:
        row.free_after = work.now + REST
        work.session.add(row)


def task_of(work: Work, code: str) -> Task | None:
    """The task that a code points to, live or lately ended."""
    row = work.session.get(TaskCode, code)
    return work.session.get(Task, row.task_id) if row else None


def _taken(work: Work, code: str) -> bool:
    busy = or_(col(TaskCode.free_after).is_(None), col(TaskCode.free_after) > work.now)
    return work.session.exec(select(TaskCode.code).where(TaskCode.code == code, busy)).first() is not None
