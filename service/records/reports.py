"""Figures: how the deadlines stand now, and how they were kept over a period. Drills, retracted work and what the
service itself reports are left out."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from math import ceil
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case
from sqlalchemy import select as columns  # SQLModel's own has types for four at most
from sqlmodel import and_, col, func, or_, select

from rules.sla import MilestoneName, MilestoneState
from service.database import UtcDateTime
from service.models.incidents import Purpose
from service.models.tasks import Milestone, Task, TaskState, is_live
from service.records import milestones
from service.work import Work

WORST_FIRST = (MilestoneState.BREACHED, MilestoneState.AT_RISK)
MOST_ATTENTION = 200
PERCENTILE = 0.9  # by nearest rank
NOW = bindparam("now", type_=UtcDateTime)
STANDS = milestones.state_at(NOW).label("stands")


def standing(work: Work, localities: Sequence[str]) -> dict[str, Any]:
    """How every milestone of the live tasks stands now, and what needs attention, worst first."""
    total: Counter[str] = Counter({state.value: 0 for state in MilestoneState})
    by_pathway: defaultdict[str, Counter[str]] = defaultdict(Counter)
    by_locality: defaultdict[str, Counter[str]] = defaultdict(Counter)
    asked = _asked(within=bool(localities))
    moment = {"now": work.now, "localities": localities}
    for pathway, locality, found, number in work.session.exec(asked.counts, params=moment):
        for counter in (total, by_pathway[pathway], by_locality[locality or "unknown"]):
            counter[found] += number
    return {
        "at": work.now,
        "milestones": dict(total),
        "derived": work.session.exec(asked.derived, params=moment).one(),
        "by_pathway": {key: dict(counter) for key, counter in by_pathway.items()},
        "by_locality": {key: dict(counter) for key, counter in by_locality.items()},
        "attention": [dict(row) for row in work.session.connection().execute(asked.attention, moment).mappings()],
    }


@dataclass(frozen=True)
class _Asked:
    """What is asked about how the deadlines stand."""

    counts: Any
    derived: Any
    attention: Any


@cache
def _asked(*, within: bool) -> _Asked:
    """Put together once, because that takes longer than the database does. `within`: for some localities only."""
    live = _live(within=within)
    counts = select(Task.pathway, Task.locality, STANDS, func.count()).join(Milestone).where(live)
    worst = milestones.stands_as(WORST_FIRST, NOW)
    attention: Any = (
        columns(
            col(Milestone.task_id).label("task"),
            col(Task.code),
            col(Milestone.name).label("milestone"),
            col(Milestone.due_at),
            STANDS.label("state"),
            col(Task.derived),
        )
        .join(Task)
        .where(live, or_(*worst.values()))
        .order_by(case(*((guard, place) for place, guard in enumerate(worst.values()))), col(Milestone.due_at))
        .limit(MOST_ATTENTION)
    )
    return _Asked(
        counts=counts.group_by(col(Task.pathway), col(Task.locality), "stands"),
        derived=select(func.count()).select_from(Task).where(live, col(Task.derived)),
        attention=attention,
    )


def _live(*, within: bool = False) -> ColumnElement[bool]:
    """The tasks that figures are about: not ended, responses and no drill, and in some localities where it is `within`."""
    there = (col(Task.locality).in_(bindparam("localities", expanding=True)),) if within else ()
    counted = (col(Task.drill).is_(False), col(Task.purpose) == Purpose.RESPONSE.value)
    return and_(is_live(), *counted, *there)


def kept(work: Work, *, start: datetime, end: datetime, by: str, localities: Sequence[str]) -> dict[str, Any]:
    """How tasks opened in a period were kept, a row a group and one for all.

    What was never met counts as missed once its task has ended or its time is past; what is still running counts as
    open. Percentages are of what is decided; minutes run from the opening of the task.
    """
    query = select(Task).where(
        col(Task.opened_at) >= start,
        col(Task.opened_at) < end,
        col(Task.drill).is_(False),
        Task.purpose == Purpose.RESPONSE.value,
        col(Task.state) != TaskState.CANCELLED,
    )
    if localities:
        query = query.where(col(Task.locality).in_(localities))
    rows = list(work.session.exec(query.order_by(col(Task.opened_at))).all())
    due = milestones.of_tasks(work, [task.id for task in rows])
    groups: defaultdict[str, list[Task]] = defaultdict(list)
    for task in rows:
        groups[_group(work, task, by)].append(task)
    return {
        "from": start,
        "to": end,
        "by": by,
        "rows": [_row(work, key, groups[key], due) for key in sorted(groups)],
        "total": _row(work, "all", rows, due),
    }


def _group(work: Work, task: Task, by: str) -> str:
    if by == "week":
        year, week, _ = task.opened_at.astimezone(work.partnership.zone).isocalendar()
        return f"{year}-W{week:02d}"
    return str({"pathway": task.pathway, "team": task.team, "locality": task.locality or "unknown"}[by])


def _row(work: Work, key: str, rows: Sequence[Task], due: dict[str, list[Milestone]]) -> dict[str, Any]:
    return {
        "key": key,
        "opened": len(rows),
        "derived": sum(task.derived for task in rows),
        "completed": sum(task.state == TaskState.COMPLETED for task in rows),
        "open": sum(task.closed_at is None for task in rows),
        "milestones": {
            name.value: _figures(work, [(t, m) for t in rows for m in due[t.id] if m.name == name])
            for name in MilestoneName
        },
    }


def _figures(work: Work, pairs: Sequence[tuple[Task, Milestone]]) -> dict[str, Any]:
    in_time = [m for _, m in pairs if m.met_at and m.met_at <= m.due_at]
    running = [m for t, m in pairs if m.met_at is None and t.closed_at is None and (t.paused_at or m.due_at > work.now)]
    decided = len(pairs) - len(running)
    minutes = sorted((m.met_at - t.opened_at).total_seconds() / 60 for t, m in pairs if m.met_at)
    return {
        "met": len(in_time),
        "missed": decided - len(in_time),
        "open": len(running),
        "met_percent": round(100 * len(in_time) / decided, 1) if decided else None,
        "median_minutes": round(median(minutes), 1) if minutes else None,
        "p90_minutes": round(minutes[ceil(PERCENTILE * len(minutes)) - 1], 1) if minutes else None,
    }


def for_metrics(work: Work) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """Unmet milestones of live tasks by name and state, and live tasks by state and by whether a pattern raised them."""
    unmet = select(Milestone.name, STANDS, func.count()).join(Task).where(_live(), col(Milestone.met_at).is_(None))
    live = select(Task.state, Task.derived, func.count()).where(_live())
    by_state = unmet.group_by(col(Milestone.name), "stands")
    states = {(name, found): number for name, found, number in work.session.exec(by_state, params={"now": work.now})}
    tasks = {
        (name, "pattern" if derived else "report"): number
        for name, derived, number in work.session.exec(live.group_by(col(Task.state), col(Task.derived)))
    }
    return states, tasks
