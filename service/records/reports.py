"""Figures: how the deadlines stand now, and how they were kept over a period. Drills, retracted work and what the
service itself reports are left out."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from math import ceil
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, bindparam, case
from sqlalchemy import select as columns  # SQLModel's own has types for four at most
from sqlmodel import and_, col, func, or_, select

from rules.sla import MilestoneName, MilestoneState
from service.asking import Question
from service.database import UtcDateTime
from service.models.incidents import Purpose
from service.models.tasks import Milestone, Task, TaskState, is_live
from service.records import milestones
from service.work import Work

WORST_FIRST = (MilestoneState.BREACHED, MilestoneState.AT_RISK)
MOST_ATTENTION = 200
PERCENTILE = 0.9  # by nearest rank
MET, MISSED, OPEN = "met", "missed", "open"
ROWS_AT_ONCE = 1000
NOW = bindparam("now", type_=UtcDateTime)
STANDS = milestones.state_at(NOW).label("stands")


def standing(work: Work, localities: Sequence[str]) -> dict[str, Any]:
    """How every milestone of the live tasks stands now, and what needs attention, worst first."""
    total: Counter[str] = Counter({state.value: 0 for state in MilestoneState})
    by_pathway: defaultdict[str, Counter[str]] = defaultdict(Counter)
    by_locality: defaultdict[str, Counter[str]] = defaultdict(Counter)
    asked = _asked(within=bool(localities))
    values = {"now": work.now} | ({"localities": list(localities)} if localities else {})
    work.session.ask_ahead([(asked.counts, values), (asked.derived, values), (asked.attention, values)])
    for pathway, locality, found, number in work.session.ask_once(asked.counts, **values):
        for counter in (total, by_pathway[pathway], by_locality[locality or "unknown"]):
            counter[found] += number
    return {
        "at": work.now,
        "milestones": dict(total),
        "derived": work.session.ask_once(asked.derived, **values)[0][0],
        "by_pathway": {key: dict(counter) for key, counter in by_pathway.items()},
        "by_locality": {key: dict(counter) for key, counter in by_locality.items()},
        "attention": [row._asdict() for row in work.session.ask_once(asked.attention, **values)],
    }


@dataclass(frozen=True)
class _Asked:
    """What is asked about how the deadlines stand."""

    counts: Question
    derived: Question
    attention: Question


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
        counts=Question(counts.group_by(col(Task.pathway), col(Task.locality), "stands")),
        derived=Question(select(func.count()).select_from(Task).where(live, col(Task.derived))),
        attention=Question(attention),
    )


def _live(*, within: bool = False) -> ColumnElement[bool]:
    """The tasks that figures are about: not ended, responses and no drill, and in some localities where it is `within`."""
    there = (col(Task.locality).in_(bindparam("localities", expanding=True)),) if within else ()
    counted = (col(Task.drill).is_(False), col(Task.purpose) == Purpose.RESPONSE.value)
    return and_(is_live(), *counted, *there)


def kept(work: Work, *, start: datetime, end: datetime, by: str, localities: Sequence[str]) -> dict[str, Any]:
    """How tasks opened in a period were kept, a row a group and one for all.

    What was never met counts as missed once its task has ended or its time is past; what is still running counts as
    open. Percentages are of what is decided; minutes run from the opening of the task. It is read at one moment, so that
    deadlines and tasks agree.
    """
    counted = [
        col(Task.opened_at) >= start,
        col(Task.opened_at) < end,
        col(Task.drill).is_(False),
        col(Task.purpose) == Purpose.RESPONSE.value,
        col(Task.state) != TaskState.CANCELLED.value,
    ]
    if localities:
        counted.append(col(Task.locality).in_(localities))
    group = _group_by(work, by)
    rows: defaultdict[str, _Kept] = defaultdict(_Kept)
    about = (col(Task.opened_at), col(Task.pathway), col(Task.team), col(Task.locality))
    for task in _each(work, columns(*about, col(Task.derived), col(Task.state), col(Task.closed_at)).where(*counted)):
        rows[group(task)].count(task)
    deadline = (col(Milestone.name), _how_kept(work.now).label("how"), col(Milestone.met_at))
    for milestone in _each(work, columns(*about, *deadline).join(Milestone).where(*counted)):
        rows[group(milestone)].milestones[milestone.name].count(milestone)
    total = _Kept()
    for row in rows.values():
        total.add(row)
    return {
        "from": start,
        "to": end,
        "by": by,
        "rows": [rows[key].figures(key) for key in sorted(rows)],
        "total": total.figures("all"),
    }


def _each(work: Work, query: Any) -> Iterator[Any]:
    """The rows of an answer, some at a time: a year of a large area is not held in memory."""
    return iter(work.session.connection().execution_options(yield_per=ROWS_AT_ONCE).execute(query))


def _how_kept(now: datetime) -> ColumnElement[str]:
    due, met = col(Milestone.due_at), col(Milestone.met_at)
    ahead = and_(met.is_(None), col(Task.closed_at).is_(None), or_(col(Task.paused_at).is_not(None), due > now))
    return case((met <= due, MET), (ahead, OPEN), else_=MISSED)


def _group_by(work: Work, by: str) -> Callable[[Any], str]:
    if by == "week":
        return lambda row: _week(row.opened_at, work.partnership.zone)
    return lambda row: getattr(row, by) or "unknown"


def _week(moment: datetime, zone: ZoneInfo) -> str:
    year, week, _ = moment.astimezone(zone).isocalendar()
    return f"{year}-W{week:02d}"


@dataclass
class _Deadlines:
    """How the deadlines of one name were kept, and after how many minutes they were met."""

    how: Counter[str] = field(default_factory=Counter)
    minutes: "array[float]" = field(default_factory=lambda: array("d"))

    def count(self, milestone: Any) -> None:
        self.how[milestone.how] += 1
        if milestone.met_at:
            self.minutes.append((milestone.met_at - milestone.opened_at).total_seconds() / 60)

    def add(self, other: "_Deadlines") -> None:
        self.how += other.how
        self.minutes += other.minutes

    def figures(self) -> dict[str, Any]:
        decided, minutes = self.how[MET] + self.how[MISSED], sorted(self.minutes)
        return {
            **{how: self.how[how] for how in (MET, MISSED, OPEN)},
            "met_percent": round(100 * self.how[MET] / decided, 1) if decided else None,
            "median_minutes": round(median(minutes), 1) if minutes else None,
            "p90_minutes": round(minutes[ceil(PERCENTILE * len(minutes)) - 1], 1) if minutes else None,
        }


@dataclass
class _Kept:
    """A group's tasks, and how their deadlines were kept."""

    tasks: Counter[str] = field(default_factory=Counter)
    milestones: dict[str, _Deadlines] = field(
        default_factory=lambda: {name.value: _Deadlines() for name in MilestoneName}
    )

    def count(self, task: Any) -> None:
        self.tasks["opened"] += 1
        self.tasks["derived"] += task.derived
        self.tasks["completed"] += task.state == TaskState.COMPLETED.value
        self.tasks["open"] += task.closed_at is None

    def add(self, other: "_Kept") -> None:
        self.tasks += other.tasks
        for name, deadlines in self.milestones.items():
            deadlines.add(other.milestones[name])

    def figures(self, key: str) -> dict[str, Any]:
        return {
            "key": key,
            **{name: self.tasks[name] for name in ("opened", "derived", "completed", "open")},
            "milestones": {name: deadlines.figures() for name, deadlines in self.milestones.items()},
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
