"""Calendars: which days and hours count, by weekday, bank holiday and term date."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

if TYPE_CHECKING:
    from holidays import HolidayBase

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SEARCHED_DAYS = 400


class NeverOpenError(ValueError):
    """A calendar with no open day within more than a year: a term-date file that has run out, most likely."""


def _weekdays(value: Any) -> Any:
    if isinstance(value, list) and value:
        value = ",".join(map(str, value))
    if isinstance(value, str):
        found: list[str] = []
        for part in value.lower().replace(" ", "").split(","):
            first, _, last = part.partition("-")
            last = last or first
            if first not in WEEKDAYS or last not in WEEKDAYS or WEEKDAYS.index(first) > WEEKDAYS.index(last):
                raise ValueError(f"{value!r} is not weekdays such as mon-fri or sat,sun")
            found += WEEKDAYS[WEEKDAYS.index(first) : WEEKDAYS.index(last) + 1]
        return found
    return value


def _hours(value: Any) -> Any:
    if isinstance(value, str):
        start, dash, end = value.partition("-")
        try:
            times = (time.fromisoformat(start.strip()), time.fromisoformat(end.strip()))
        except ValueError:
            raise ValueError(f"{value!r} is not hours such as 08:00-16:30") from None
        if not dash or times[0] >= times[1]:
            raise ValueError(f"{value!r} must begin before it ends, such as 08:00-16:30")
        return times
    return value


def _region(value: Any) -> Any:
    if isinstance(value, str):
        country, _, subdivision = value.partition("-")
        try:
            _holidays_in(country)(subdiv=subdivision or None)
        except NotImplementedError:
            raise ValueError(f"{value!r} is not a region whose holidays are known, such as GB-ENG") from None
    return value


@cache
def _holidays_in(country: str) -> "type[HolidayBase]":
    """The class that knows a country's holidays. Raises NotImplementedError.

    The package is loaded where there is a calendar with holidays, and of it the country's module by itself: together they
    are a fifth of a second of every start and 12 MB of every process.
    """
    import holidays  # noqa: PLC0415 - as above
    from holidays.registry import COUNTRIES  # noqa: PLC0415 - as above

    files = Path(holidays.__file__).with_name("countries")
    for module, names in COUNTRIES.items():
        if country in names:
            found = PathFinder.find_spec(f"holidays.countries.{module}", [str(files)])
            if found is not None and found.loader is not None:
                loaded = module_from_spec(found)
                found.loader.exec_module(loaded)
                kind: type[HolidayBase] = getattr(loaded, names[0])
                return kind
    raise NotImplementedError(f"the holidays of {country} are not known")


Region = Annotated[str, BeforeValidator(_region)]


class Closure(BaseModel):
    """A span of days that are closed, both ends included."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    start: date = Field(alias="from")
    end: date = Field(alias="to")
    name: str = "closed"

    @model_validator(mode="before")
    @classmethod
    def _one_day(cls, value: Any) -> Any:
        return {"from": value, "to": value} if isinstance(value, str | date) else value

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start > self.end:
            raise ValueError(f"from {self.start} must not lie after to {self.end}")
        return self


def _text(*examples: str) -> dict[str, Any]:
    return {"type": "string", "examples": list(examples)}


_SPAN = {
    "type": "object",
    "required": ["from", "to"],
    "additionalProperties": False,
    "properties": {name: {"type": "string"} for name in ("from", "to", "name")},
}
CLOSED_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "array", "items": {"anyOf": [{"type": "string", "format": "date"}, _SPAN]}},
        _text("term-dates.yaml"),
    ]
}


Weekdays = Annotated[
    list[str], BeforeValidator(_weekdays), Field(min_length=1), WithJsonSchema(_text("mon-fri", "sat,sun"))
]

Hours = Annotated[tuple[time, time], BeforeValidator(_hours), WithJsonSchema(_text("08:00-16:30"))]


class CalendarSpec(BaseModel):
    """A calendar as the rulebook writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weekdays: Weekdays
    hours: Hours | None = None
    holidays: Region | None = None
    closed: Annotated[list[Closure], WithJsonSchema(CLOSED_SCHEMA)] = []


@lru_cache(maxsize=64)
def holidays_of(region: str, year: int) -> dict[date, str]:
    """The public holidays of a region such as GB-ENG in a year, with what each is called."""
    country, _, subdivision = region.partition("-")
    found = _holidays_in(country)(subdiv=subdivision or None, years=year)
    return {day: str(name) for day, name in found.items()}


@dataclass(frozen=True)
class Calendar:
    """A calendar in a time zone."""

    spec: CalendarSpec
    zone: ZoneInfo

    def why_closed(self, day: date) -> str | None:
        """Why a day does not count; None when it does."""
        if WEEKDAYS[day.weekday()] not in self.spec.weekdays:
            return "not one of its weekdays"
        if self.spec.holidays and day in holidays_of(self.spec.holidays, day.year):
            return holidays_of(self.spec.holidays, day.year)[day]
        return next((closure.name for closure in self.spec.closed if closure.start <= day <= closure.end), None)

    def is_open_day(self, day: date) -> bool:
        """Whether a day counts."""
        return self.why_closed(day) is None

    def next_open_day(self, after: date) -> date:
        """The first day after `after` that counts. Raises NeverOpenError."""
        for ahead in range(1, SEARCHED_DAYS + 1):
            day = after + timedelta(days=ahead)
            if self.is_open_day(day):
                return day
        raise NeverOpenError(f"no open day in the {SEARCHED_DAYS} days after {after}")

    def add_open_time(self, start: datetime, amount: timedelta) -> datetime:
        """The instant at which `amount` of open time has passed since `start`, in UTC. Raises NeverOpenError.

        Each day's opening and closing are instants, so a day on which the clocks change counts its real length.
        """
        left = amount
        for opens, closes in self._openings(start):
            begin = max(opens, start)
            if closes - begin >= left:
                return begin + left
            left -= max(closes - begin, timedelta(0))
        raise NeverOpenError(f"no open day in the {SEARCHED_DAYS} days after {start.date()}")

    def _openings(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        day, closed_for = start.astimezone(self.zone).date(), 0
        while closed_for < SEARCHED_DAYS:
            if self.is_open_day(day):
                closed_for = 0
                opens, closes = self.spec.hours or (time(0), None)
                ends = self._instant(day, closes) if closes else self._instant(day + timedelta(days=1), time(0))
                if ends > start:
                    yield self._instant(day, opens), ends
            else:
                closed_for += 1
            day += timedelta(days=1)

    def _instant(self, day: date, at: time) -> datetime:
        return wall_clock(day, at, self.zone)


def wall_clock(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, of a time on the clocks of a zone, as RFC 5545 section 3.3.5 reads it: in the hour that
    comes twice the first of the two, in the hour that is skipped as far after the change as it lay inside the gap."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def next_daily(after: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The first instant later than another at which the clocks of a zone show a time."""
    day = after.astimezone(zone).date()
    todays = wall_clock(day, at, zone)
    return todays if todays > after else wall_clock(day + timedelta(days=1), at, zone)
