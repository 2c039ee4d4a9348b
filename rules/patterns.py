"""Places, groups and people that recur → a derived incident, with the reason. Contexts are counted; nobody is scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import asin, cos, floor, radians, sin, sqrt
from typing import Any

from rules.expression import Expression, compile_expression
from rules.rulebook import Pattern

EARTH = 6_371_008.8  # metres: the mean radius, IUGG
A_DEGREE = EARTH * radians(1)
# Each incident is filed in one cell of each of these grids (metres); a search asks the finest whose cells are no smaller
# than what it looks for, so a dozen cells always hold everything that is near.
GRIDS = (500, 4_000, 50_000)
SLACK = 1.001

Point = tuple[float, float]  # latitude and longitude, in degrees


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An incident as a pattern sees it. `at` is None where no position was reported."""

    incident: str
    occurred_at: datetime
    at: Point | None = None


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """Enough incidents within one window: which, in the order in which they happened, and in words why that counts."""

    parents: tuple[str, ...]
    first: datetime
    last: datetime
    reason: str


@dataclass(frozen=True)
class Watch:
    """A pattern with its filter compiled."""

    spec: Pattern
    expression: Expression

    def fits(self, facts: Mapping[str, Any]) -> bool:
        """Whether an incident is one of those that this pattern counts."""
        return self.expression.judge(facts).matched

    @property
    def quiet(self) -> timedelta:
        """For how long the pattern says nothing more about the same place, group or person: its window if not given."""
        return self.spec.quiet or self.spec.window


def watches(patterns: Sequence[Pattern]) -> tuple[Watch, ...]:
    """Patterns ready to watch with."""
    return tuple(Watch(pattern, compile_expression(pattern.of)) for pattern in patterns)


def recurrence(spec: Pattern, new: Seen, others: Sequence[Seen]) -> Recurrence | None:
    """Whether an incident, with others, completes a pattern: enough of them in some window that holds it.

    They count by when they happened, so a late report completes a pattern as one in time would have. Of several windows
    the fullest decides, of equally full ones the earliest.
    """
    counted = sorted([new, *(other for other in others if near(spec, new, other))], key=lambda seen: seen.occurred_at)
    best: list[Seen] = []
    for first in counted:
        if not new.occurred_at - spec.window <= first.occurred_at <= new.occurred_at:
            continue
        within = [seen for seen in counted if first.occurred_at <= seen.occurred_at <= first.occurred_at + spec.window]
        if len(within) > len(best):
            best = within
    if len(best) < spec.at_least:
        return None
    return Recurrence(
        parents=tuple(seen.incident for seen in best),
        first=best[0].occurred_at,
        last=best[-1].occurred_at,
        reason=f"{len(best)} incidents {_where(spec)} within {_days(spec.window)}",
    )


def near(spec: Pattern, one: Seen, other: Seen) -> bool:
    """Whether two incidents are close enough; where a pattern asks for no distance they are."""
    if spec.near is None:
        return True
    return one.at is not None and other.at is not None and distance(one.at, other.at) <= spec.near


def distance(one: Point, other: Point) -> float:
    """Metres between two points along a great circle, by the haversine formula."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(radians, point)) for point in (one, other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH * asin(min(1.0, sqrt(half)))


def cells(at: Point) -> list[str]:
    """The cell of each grid in which a point lies."""
    return [_cell(size, _row(at[0], size), at[1]) for size in GRIDS]


def cells_around(at: Point, metres: float) -> list[str]:
    """Cells of one grid that together hold every point within `metres` of a point."""
    size = next(grid for grid in GRIDS if grid >= metres)
    reach = metres * SLACK / A_DEGREE
    lowest, highest = max(at[0] - reach, -90.0), min(at[0] + reach, 90.0)
    widest = max(cos(radians(max(abs(lowest), abs(highest)))), 1e-6)
    west, east = at[1] - reach / widest, at[1] + reach / widest
    found = []
    for row in range(_row(lowest, size), _row(highest, size) + 1):
        found += [f"{size}:{row}:{column}" for column in range(_column(west, row, size), _column(east, row, size) + 1)]
    return found


def _cell(size: int, row: int, longitude: float) -> str:
    return f"{size}:{row}:{_column(longitude, row, size)}"


def _row(latitude: float, size: int) -> int:
    return floor(latitude * A_DEGREE / size)


def _column(longitude: float, row: int, size: int) -> int:
    middle = min(max((row + 0.5) * size / A_DEGREE, -89.0), 89.0)
    return floor(longitude * A_DEGREE * cos(radians(middle)) / size)


def _where(spec: Pattern) -> str:
    if spec.near is not None:
        return f"within {spec.near:g} m"
    return {"place": "at one place", "group": "around one peer group", "person": "about one person"}[
        spec.same or "place"
    ]


def _days(window: timedelta) -> str:
    days = window / timedelta(days=1)
    return f"{days:g} days" if days >= 1 else f"{window / timedelta(hours=1):g} hours"
