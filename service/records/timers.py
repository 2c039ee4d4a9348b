"""Timers: set, moved and cleared by the task that owns them, and found when they fall due."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import col, delete, func, select

from service.asking import Question
from service.models.tasks import Task
from service.models.timers import Timer, TimerKind
from service.work import SetUp, Work

LONGEST_DELAY = timedelta(minutes=30)
Key = tuple[str, str, str]
KINDS = tuple(kind.value for kind in TimerKind)
FIRST_AT = Question(select(func.min(Timer.due_at).label("at")))
OF_TASK = delete(Timer).where(col(Timer.task_id) == bindparam("task"))
ALL_OF_TASK = Question(OF_TASK)
OF_KINDS = Question(OF_TASK.where(col(Timer.kind).in_(bindparam("kinds", expanding=True))))
OF_MILESTONE = Question(
    OF_TASK.where(
        col(Timer.kind).in_(bindparam("kinds", expanding=True)), col(Timer.milestone) == bindparam("milestone")
    )
)
OF_SEVERAL = Question(
    delete(Timer).where(
        col(Timer.task_id).in_(bindparam("tasks", expanding=True)),
        col(Timer.kind) == bindparam("kind"),
        col(Timer.milestone).in_(bindparam("milestones", expanding=True)),
    )
)


def put(work: Work, task_id: str, kind: TimerKind, due_at: datetime, milestone: str = "") -> None:
    """Set a timer, in place of the one of the same kind and milestone."""
    work.session.put(
        Timer,
        replacing=("due_at", "attempts"),
        task_id=task_id,
        kind=kind.value,
        milestone=milestone,
        due_at=due_at,
        attempts=0,
    )


def clear(work: Work, task_id: str, *kinds: TimerKind, milestone: str | None = None) -> None:
    """Take away a task's timers: all, those of some kinds, or of these those of one milestone."""
    named = {"kinds": [kind.value for kind in kinds]} if kinds else {}
    if milestone is not None:
        work.session.do(OF_MILESTONE, task=task_id, milestone=milestone, **named)
    else:
        work.session.do(OF_KINDS if kinds else ALL_OF_TASK, task=task_id, **named)


def clear_several(work: Work, kind: TimerKind, tasks: Mapping[str, str]) -> None:
    """Take away the timers of a kind for some milestones that one task each has; `tasks` says whose they are."""
    if tasks:
        owners = list(set(tasks.values()))
        work.session.do(OF_SEVERAL, tasks=owners, kind=kind.value, milestones=list(tasks))


def claim(work: Work, limit: int) -> list[tuple[Task, Timer | None]]:
    """Up to `limit` tasks whose timers have been due for longest, held for this transaction, each with its first timer,
    which is taken away.

    What another replica holds is left to it. A task is locked before its timer, as every transition does, so that the two
    can't wait for each other. The timers are read again under the locks: None is one that was cleared a moment before.
    A kind that this release does not know is left to the replicas of the next one.
    """
    query = (
        select(Task, Timer)
        .join(Timer, col(Timer.task_id) == col(Task.id))
        .where(col(Timer.due_at) <= work.now, col(Timer.kind).in_(KINDS))
        .order_by(col(Timer.due_at))
        .limit(limit)
        .with_for_update(of=Task, skip_locked=True, key_share=True)
    )
    first: dict[str, tuple[Task, Timer]] = {}
    for task, timer in work.session.exec(query).all():
        first.setdefault(task.id, (task, timer))
    keys = {(timer.task_id, timer.kind, timer.milestone) for _, timer in first.values()}
    again = select(Timer).where(col(Timer.task_id).in_(first), col(Timer.due_at) <= work.now)
    rows = work.session.exec(again.execution_options(populate_existing=True)).all() if first else ()
    standing = {row.task_id: row for row in rows if (row.task_id, row.kind, row.milestone) in keys}
    # Taken away before anything is done, so that what is done may set them anew.
    for row in standing.values():
        work.session.delete(row)
    work.session.flush()
    return [(task, standing.get(task.id)) for task, _ in first.values()]


def first_at(work: SetUp) -> datetime | None:
    """When the next timer falls due."""
    first: datetime | None = work.session.ask(FIRST_AT)[0].at
    return first


def put_off(work: Work, key: Key) -> None:
    """Move a timer whose work failed, further each time: one poisoned row must not stop the others. One that somebody else has
    moved meanwhile stays there."""
    timer = work.session.held(Timer, key)
    if timer is not None and timer.due_at <= work.now:
        timer.attempts += 1
        timer.due_at = work.now + min(timedelta(seconds=5 * 2**timer.attempts), LONGEST_DELAY)
        work.session.add(timer)


def waiting(work: Work) -> int:
    """How many timers are set."""
    return work.session.exec(select(func.count()).select_from(Timer)).one()
