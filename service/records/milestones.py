"""Milestones: a task's deadlines, their warnings, and how each stands at a moment."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, ColumnElement, bindparam, case
from sqlmodel import and_, col, func, not_, or_, select

from rules import sla
from rules.sla import MilestoneName, MilestoneState
from service.asking import Question, columns_of
from service.models.tasks import LIVE, Milestone, Task, TaskState, is_live
from service.models.timers import TimerKind
from service.records import timers
from service.records.policies import policy_of
from service.work import Work

IN_ORDER = {name.value: place for place, name in enumerate(MilestoneName)}
OF_LIVE = frozenset({MilestoneState.ON_TRACK, MilestoneState.AT_RISK, MilestoneState.PAUSED})
MOST_AT_ONCE = 10_000  # a statement takes no more than 65,535 parameters on PostgreSQL
Moment = datetime | BindParameter[datetime]
OF_TASKS = Question(
    select(*columns_of(Milestone)).where(col(Milestone.task_id).in_(bindparam("tasks", expanding=True)))
)


def create(work: Work, task: Task) -> None:
    """Set every deadline of the task's pathway, counted from its opening."""
    policy = policy_of(task)
    calendars = work.policy.book.calendars_in(work.partnership.zone)
    made = []
    for name in MilestoneName:
        spec = getattr(policy.sla, name.value)
        if spec is None:
            continue
        due = sla.due_at(spec, opened_at=task.opened_at, calendars=calendars, zone=work.partnership.zone)
        warn = sla.warn_at(opened_at=task.opened_at, due_at=due, percent=policy.warn_at)
        made.append(work.session.make(Milestone, task_id=task.id, name=name.value, due_at=due, warn_at=warn))
    _watch(work, task, made)


def _watch(work: Work, task: Task, rows: Iterable[Milestone]) -> None:
    for milestone in rows:
        if milestone.met_at is None and milestone.due_at > work.now:
            timers.put(work, task.id, TimerKind.BREACH, milestone.due_at, milestone.name)
            if milestone.warn_at > work.now:
                timers.put(work, task.id, TimerKind.WARN, milestone.warn_at, milestone.name)


def of_task(work: Work, task_id: str) -> list[Milestone]:
    """The deadlines of a task in the order in which they are met."""
    unwritten = work.session.unwritten(Milestone, task_id)
    if unwritten:
        return sorted(unwritten, key=lambda milestone: IN_ORDER[milestone.name])
    return list(work.session.once(("milestones", task_id), lambda: of_tasks(work, [task_id])[task_id], of=[Milestone]))


def look_up(work: Work, task_ids: Sequence[str]) -> None:
    """Read the deadlines of some tasks in one go, for `of_task`."""
    for task_id, rows in of_tasks(work, task_ids).items():
        work.session.remember(("milestones", task_id), rows, of=[Milestone])


def of_tasks(work: Work, task_ids: Sequence[str]) -> dict[str, list[Milestone]]:
    """The deadlines of many tasks at once."""
    found: dict[str, list[Milestone]] = {task_id: [] for task_id in task_ids}
    for first in range(0, len(task_ids), MOST_AT_ONCE):
        asked = list(task_ids[first : first + MOST_AT_ONCE])
        rows = work.session.find(Milestone, OF_TASKS, tasks=asked)
        for milestone in sorted(rows, key=lambda row: IN_ORDER[row.name]):
            found[milestone.task_id].append(milestone)
    return found


def meet(work: Work, task: Task, name: MilestoneName) -> bool:
    """Mark a deadline as met now; False when it was met before or the pathway has none of that name."""
    milestone = work.session.get(Milestone, (task.id, name.value))
    if milestone is None or milestone.met_at is not None:
        return False
    milestone.met_at = max(work.counts_from, task.opened_at)
    work.session.add(milestone)
    timers.clear(work, task.id, TimerKind.WARN, TimerKind.BREACH, milestone=name.value)
    return True


def shift(work: Work, task: Task, by: timedelta) -> None:
    """Move every deadline that was still ahead when the task was paused."""
    for milestone in of_task(work, task.id):
        if milestone.met_at is None and task.paused_at is not None and milestone.due_at > task.paused_at:
            milestone.due_at, milestone.warn_at = milestone.due_at + by, milestone.warn_at + by
            work.session.add(milestone)
    work.session.flush()
    _watch(work, task, of_task(work, task.id))


def state_of(work: Work, task: Task, milestone: Milestone) -> MilestoneState:
    """How a deadline stands at this transaction's moment."""
    return sla.state(
        warn_at=milestone.warn_at,
        due_at=milestone.due_at,
        met_at=milestone.met_at,
        paused_at=task.paused_at,
        closed_at=task.closed_at,
        cancelled=task.state == TaskState.CANCELLED,
        now=work.now,
    )


def upcoming(work: Work, task: Task, rows: list[Milestone] | None = None) -> Milestone | None:
    """The deadline that a worker should hear of next: the first unmet one ahead, else the last unmet one."""
    if task.state not in LIVE:
        return None
    unmet = [m for m in (of_task(work, task.id) if rows is None else rows) if m.met_at is None]
    ahead = [m for m in unmet if m.due_at > work.now]
    return ahead[0] if ahead else unmet[-1] if unmet else None


def any_stands(state: MilestoneState, *, at: datetime) -> ColumnElement[bool]:
    """Whether a milestone of a task is in a state at a moment, for a query over Task."""
    found = select(Milestone.name).where(col(Milestone.task_id) == col(Task.id), _guards(at)[state])
    stands = found.correlate(Task).exists()
    return and_(is_live(), stands) if state in OF_LIVE else stands


def state_at(moment: Moment) -> ColumnElement[str]:
    """How a deadline stands at a moment, for a query over Milestone and Task."""
    return case(*((guard, state.value) for state, guard in _guards(moment).items()))


def stands_as(states: Iterable[MilestoneState], moment: Moment) -> dict[MilestoneState, ColumnElement[bool]]:
    """By state, whether a deadline is in it at a moment, for a query over Milestone and Task."""
    guards = _guards(moment)
    return {state: guards[state] for state in states}


def _guards(now: Moment) -> dict[MilestoneState, ColumnElement[bool]]:
    """The same arithmetic as `rules.sla.state`, for the database."""
    unmet, running = col(Milestone.met_at).is_(None), col(Task.closed_at).is_(None)
    paused = col(Task.paused_at).is_not(None)
    past = col(Milestone.due_at) <= func.coalesce(col(Task.closed_at), col(Task.paused_at), now)
    cancelled = col(Task.state) == TaskState.CANCELLED.value
    return {
        MilestoneState.MET: and_(not_(unmet), col(Milestone.met_at) <= col(Milestone.due_at)),
        MilestoneState.MET_LATE: and_(not_(unmet), col(Milestone.met_at) > col(Milestone.due_at)),
        MilestoneState.CANCELLED: and_(unmet, not_(running), or_(cancelled, not_(past))),
        MilestoneState.BREACHED: and_(unmet, past, not_(cancelled)),
        MilestoneState.PAUSED: and_(unmet, running, paused, not_(past)),
        MilestoneState.AT_RISK: and_(unmet, running, not_(paused), not_(past), col(Milestone.warn_at) <= now),
        MilestoneState.ON_TRACK: and_(unmet, running, not_(paused), not_(past), col(Milestone.warn_at) > now),
    }
