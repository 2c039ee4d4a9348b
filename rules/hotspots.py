"""Places that repeat: how many incidents fell into each hexagon and band of the day, and which of them a policy flags.

Places alone are counted, never people. A flag is what the partnership's settings say, not evidence of what will come:
beside it stands how often a flag of its kind was followed by an incident, and how often any known place was.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

import h3
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from rules.durations import Duration
from rules.incident import IncidentReport, Slug, Word

# The hexagons under which incidents are kept, about 400 m across (H3, table of cell statistics): coarse enough to hold
# hundreds of homes, so that a hexagon tells nobody's address.
RESOLUTION = 9
REST = "day"
HOSPITAL = "hospital"
WEEK = timedelta(weeks=1)
WEEKS_LOOKED_BACK = 12
MIDNIGHT = 24 * 60

Key = tuple[str, str]  # a hexagon and a band of the day


def _span(value: Any) -> Any:
    if isinstance(value, str):
        start, _, end = value.partition("-")
        try:
            return time.fromisoformat(start.strip()), time.fromisoformat(end.strip())
        except ValueError:
            raise ValueError(f"{value!r} is not a band of the day such as 23:00-06:00") from None
    return value


Band = Annotated[
    tuple[time, time],
    BeforeValidator(_span),
    PlainSerializer(lambda value: f"{value[0]:%H:%M}-{value[1]:%H:%M}", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["15:00-19:00", "23:00-06:00"]}),
]
BANDS = {name: _span(hours) for name, hours in {"after_school": "15:00-19:00", "evening": "19:00-23:00"}.items()} | {
    "night": _span("23:00-06:00")
}


class TrailingCounter(BaseModel):
    """Flags a place where at least so many incidents fell within the window that ends now."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: Duration = timedelta(days=365)
    at_least: Annotated[int, Field(ge=2, le=1000)] = 6


class NearRepeat(BaseModel):
    """Flags a place with an incident within the last days, where it and the hexagons around it together had several."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    within: Duration = timedelta(days=7)
    rings: Annotated[int, Field(ge=0, le=3)] = 1
    at_least: Annotated[int, Field(ge=2, le=100)] = 2


class PlacePolicy(BaseModel):
    """By which settings a place is flagged, and which pathway a supervisor's approval of a flag opens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    types: Annotated[list[Word], Field(min_length=1, max_length=200)]
    hexagon: Annotated[int, Field(ge=6, le=RESOLUTION)] = RESOLUTION
    bands: Annotated[dict[Slug, Band], Field(min_length=1, max_length=12)] = BANDS
    counter: TrailingCounter | None = None
    near_repeat: NearRepeat | None = None
    pathway: Slug

    @model_validator(mode="after")
    def _flags_something(self) -> Self:
        if self.counter is None and self.near_repeat is None:
            raise ValueError("give counter, near_repeat or both")
        taken: dict[int, str] = {}
        for name, (start, end) in self.bands.items():
            if name == REST:
                raise ValueError(f"bands: {REST} is what the other bands leave; call this one something else")
            for minute in _minutes(start, end):
                if minute in taken:
                    raise ValueError(
                        f"bands: {taken[minute]} and {name} overlap at {minute // 60:02d}:{minute % 60:02d}"
                    )
                taken[minute] = name
        return self

    @property
    def looks_back(self) -> timedelta:
        """How far back incidents matter to a flag."""
        spans = [self.counter.window if self.counter else None, self.near_repeat.within if self.near_repeat else None]
        return max(span for span in spans if span is not None)


@dataclass(frozen=True, kw_only=True)
class Event:
    """An incident as this policy sees it. `hexagon`: an H3 cell of RESOLUTION."""

    hexagon: str
    at: datetime
    kind: str
    locality: str | None = None


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One reason for which a place is flagged: `repeat` or `near_repeat`."""

    kind: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Spot:
    """One hexagon in one band of the day, and what was counted there within the time that the policy looks back."""

    hexagon: str
    band: str
    count: int
    kinds: Mapping[str, int]
    locality: str | None
    first: datetime
    last: datetime
    flags: tuple[Flag, ...]


@dataclass(frozen=True, kw_only=True)
class BaseRate:
    """What came in the seven days after: of places flagged in one way, and of all known places, over some weeks.

    Each place counts once for each week in which it stood there.
    """

    weeks: int
    flagged: int
    flagged_followed: int
    known: int
    known_followed: int


def hexagon_of(report: IncidentReport, place_kind: str | None) -> str | None:
    """The hexagon under which an incident is kept; None without a position or a time of day, and for a hospital, where
    what happened elsewhere is reported."""
    place = report.place
    if place is None or place.lat is None or place.lon is None or place_kind == HOSPITAL:
        return None
    if report.attributes.get("time_precision") in ("day", "month", "year"):
        return None
    cell: str = h3.latlng_to_cell(place.lat, place.lon, RESOLUTION)
    return cell


def spots(policy: PlacePolicy, events: Iterable[Event], *, now: datetime, zone: ZoneInfo) -> list[Spot]:
    """Every place with an incident in the time that the policy looks back: flagged ones first, then by their counts."""
    grouped = _grouped(_placed(policy, events, zone), start=now - policy.looks_back, end=now)
    found = _flags(policy, grouped, now)
    listed = [
        Spot(
            hexagon=key[0],
            band=key[1],
            count=len(inside),
            kinds=dict(Counter(event.kind for event in inside).most_common()),
            locality=Counter(event.locality for event in inside if event.locality).most_common(1)[0][0]
            if any(event.locality for event in inside)
            else None,
            first=min(event.at for event in inside),
            last=max(event.at for event in inside),
            flags=tuple(found.get(key, ())),
        )
        for key, inside in grouped.items()
    ]
    return sorted(listed, key=lambda spot: (-len(spot.flags), -spot.count, spot.hexagon, spot.band))


def flagged(policy: PlacePolicy, events: Iterable[Event], *, now: datetime, zone: ZoneInfo) -> set[Key]:
    """The places that are flagged at a moment, by what had happened before it."""
    grouped = _grouped(_placed(policy, events, zone), start=now - policy.looks_back, end=now)
    return set(_flags(policy, grouped, now))


def base_rates(
    policy: PlacePolicy, events: Sequence[Event], *, now: datetime, zone: ZoneInfo
) -> Mapping[str, BaseRate]:
    """For each kind of flag, what came after the flags of the last twelve weeks for which there is a past to count."""
    earliest = min((event.at for event in events), default=now)
    starts = [now - WEEK * back for back in range(1, WEEKS_LOOKED_BACK + 1)]
    tallies: dict[str, Counter[str]] = defaultdict(Counter)
    kinds = [kind for kind in ("repeat", "near_repeat") if getattr(policy, "counter" if kind == "repeat" else kind)]
    placed, weeks = _placed(policy, events, zone), 0
    for start in (moment for moment in starts if moment > earliest):
        weeks += 1
        grouped = _grouped(placed, start=start - policy.looks_back, end=start)
        followed = set(_grouped(placed, start=start, end=start + WEEK))
        said = _flags(policy, grouped, start)
        for kind in kinds:
            marked = {key for key, flags in said.items() if any(flag.kind == kind for flag in flags)}
            tallies[kind].update(flagged=len(marked), flagged_followed=len(marked & followed))
            tallies[kind].update(known=len(grouped), known_followed=len(grouped.keys() & followed))
    return {
        kind: BaseRate(
            weeks=weeks,
            flagged=tallies[kind]["flagged"],
            flagged_followed=tallies[kind]["flagged_followed"],
            known=tallies[kind]["known"],
            known_followed=tallies[kind]["known_followed"],
        )
        for kind in kinds
    }


def outline(hexagon: str) -> list[tuple[float, float]]:
    """The corners of a hexagon as longitude and latitude, counter-clockwise, the first again at the end (RFC 7946,
    section 3.1.6)."""
    corners = [(lon, lat) for lat, lon in h3.cell_to_boundary(hexagon)]
    return [*corners, corners[0]]


def middle(hexagon: str) -> tuple[float, float]:
    """The latitude and longitude of a hexagon's middle."""
    lat, lon = h3.cell_to_latlng(hexagon)
    return lat, lon


def _placed(policy: PlacePolicy, events: Iterable[Event], zone: ZoneInfo) -> list[tuple[Key, Event]]:
    kinds = set(policy.types)
    return [
        ((_cell(policy, event.hexagon), _band(policy, event.at, zone)), event)
        for event in events
        if event.kind in kinds
    ]


def _grouped(placed: Iterable[tuple[Key, Event]], *, start: datetime, end: datetime) -> dict[Key, list[Event]]:
    found: defaultdict[Key, list[Event]] = defaultdict(list)
    for key, event in placed:
        if start <= event.at < end:
            found[key].append(event)
    return dict(found)


def _cell(policy: PlacePolicy, hexagon: str) -> str:
    if policy.hexagon == RESOLUTION:
        return hexagon
    parent: str = h3.cell_to_parent(hexagon, policy.hexagon)
    return parent


def _band(policy: PlacePolicy, at: datetime, zone: ZoneInfo) -> str:
    clock = at.astimezone(zone).time()
    for name, (start, end) in policy.bands.items():
        if start <= clock < end or (start >= end and (clock >= start or clock < end)):
            return name
    return REST


def _flags(policy: PlacePolicy, grouped: Mapping[Key, Sequence[Event]], now: datetime) -> dict[Key, list[Flag]]:
    found: defaultdict[Key, list[Flag]] = defaultdict(list)
    if policy.counter:
        start = now - policy.counter.window
        for key, inside in grouped.items():
            count = sum(event.at >= start for event in inside)
            if count >= policy.counter.at_least:
                days = policy.counter.window.days
                reason = f"{count} incidents in {days} days; the policy flags {policy.counter.at_least} or more"
                found[key].append(Flag(kind="repeat", reason=reason))
    if policy.near_repeat:
        near = policy.near_repeat
        recent = {key: sum(event.at >= now - near.within for event in inside) for key, inside in grouped.items()}
        for (cell, band), own in recent.items():
            around = sum(recent.get((other, band), 0) for other in h3.grid_disk(cell, near.rings)) if own else 0
            if around >= near.at_least:
                where = "here and in the hexagons around" if near.rings else "here"
                reason = (
                    f"{around} incidents {where} in {near.within.days} days; the policy flags {near.at_least} or more"
                )
                found[cell, band].append(Flag(kind="near_repeat", reason=reason))
    return dict(found)


def _minutes(start: time, end: time) -> Iterable[int]:
    first, last = start.hour * 60 + start.minute, end.hour * 60 + end.minute
    return range(first, last) if first < last else [*range(first, MIDNIGHT), *range(last)]
