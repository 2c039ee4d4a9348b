"""Task codes: short, said aloud without mistakes, and not given again while a late text could still mean the old task."""

import random
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import col, or_, select

from rules.reply import candidates
from service.asking import Asking, Question
from service.database import UtcDateTime
from service.models.tasks import Task, TaskCode
from service.work import Work

REST = timedelta(days=30)
BUSY = Question(
    select(TaskCode.code).where(
        col(TaskCode.code).in_(bindparam("tried", expanding=True)),
        or_(col(TaskCode.free_after).is_(None), col(TaskCode.free_after) > bindparam("now", type_=UtcDateTime)),
    )
)


def askings(work: Work) -> list[Asking]:
    """What `assign` will ask."""
    if not work.codes.free and not work.codes.drawn:
        work.codes.drawn = _draw()
    return [_asking(work, work.codes.drawn)] if work.codes.drawn else []


def assign(work: Work, task_id: str, *, until: datetime | None = None) -> str:
    """A code that points to nothing else that is live or ended within the last 30 days. `until`: when what it points to
    will be over, where that is known from the start."""
    if not work.codes.free:
        work.codes.free += _free(work)
    code = work.codes.free.pop()
    work.codes.given.add(code)
    free_after = until + REST if until else None
    work.session.take_over(TaskCode, past="free_after", now=work.now, code=code, task_id=task_id, free_after=free_after)
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


def busy(work: Work, tried: Collection[str]) -> set[str]:
    """Those of some codes that point to something live, or to something that ended within the last 30 days."""
    question, values = _asking(work, tried)
    return {row.code for row in work.session.ask_once(question, **values)}


def _asking(work: Work, tried: Collection[str]) -> Asking:
    return BUSY, {"tried": list(tried), "now": work.now}


def _draw() -> list[str]:
    # A code is short enough to be guessed anyway; it opens nothing by itself. A process that is forked draws others.
    return candidates(random)


def _free(work: Work) -> list[str]:
    """Some codes that are free, the shortest last; writing one that was taken meanwhile raises Overtaken."""
    tried, work.codes.drawn = work.codes.drawn or _draw(), []
    taken = busy(work, tried) | work.codes.given
    free = [code for code in tried if code not in taken]
    if not free:
        raise RuntimeError("every task code is in use")
    return free[::-1]
