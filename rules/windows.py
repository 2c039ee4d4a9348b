"""When a layer of a rota serves: on which days, in which hours, with hours that may pass midnight."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from rules.calendar import WEEKDAYS, Region, Weekdays, holidays_of, wall_clock

ONE_DAY = timedelta(days=1)
_HOURS = "hours such as 09:00-17:00, or 20:00-04:00 for a night"
_DATES = "a day such as 2026-12-24, or 2026-12-24 to 2027-01-02"

Hours = tuple[time, time]
Dates = tuple[date, date]


def _hours(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    start, _, end = (part.strip() for part in value.partition("-"))
    try:
        return time.fromisoformat(start), time(0) if end == "24:00" else time.fromisoformat(end)
    except ValueError:
        raise ValueError(f"{value!r} is not {_HOURS}") from None


def _write_hours(value: Hours) -> str:
    return f"{value[0]:%H:%M}-{value[1]:%H:%M}"


def _dates(value: Any) -> Any:
    if isinstance(value, date):
        return value, value
    if not isinstance(value, str):
        return value
    first, _, last = (part.strip() for part in value.partition(" to "))
    try:
        span = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        raise ValueError(f"{value!r} is not {_DATES}") from None
    if span[0] > span[1]:
        raise ValueError(f"{value!r} must begin before it ends")
    return span


def _write_dates(value: Dates) -> str:
    return f"{value[0]}" if value[0] == value[1] else f"{value[0]} to {value[1]}"


HoursOfDay = Annotated[
    Hours,
    BeforeValidator(_hours),
    PlainSerializer(_write_hours, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["09:00-17:00", "20:00-04:00"]}),
]


class Window(BaseModel):
    """Days and hours, as `only`, `never` and `covers` write them. Whatever is said must hold; hours belong to the day on
    which they begin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weekdays: Weekdays | None = None
    hours: HoursOfDay | None = None
    holidays: Region | None = None
    dates: (
        Annotated[
            list[
                Annotated[
                    Dates,
                    BeforeValidator(_dates),
                    PlainSerializer(_write_dates, return_type=str),
                    WithJsonSchema({"type": "string", "examples": ["2026-12-24", "2026-12-24 to 2027-01-02"]}),
                ]
            ],
            Field(min_length=1),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("must say weekdays, hours, holidays or dates")
        return self

    def has(self, day: date) -> bool:
        """Whether a day is one of those named; every day is when none are."""
        return (
            (self.weekdays is None or WEEKDAYS[day.weekday()] in self.weekdays)
            and (self.holidays is None or day in holidays_of(self.holidays, day.year))
            and (self.dates is None or any(first <= day <= last for first, last in self.dates))
        )

    def span(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From when to when it is open on a day that it has; hours that end before they begin end on the next day."""
        opens, closes = self.hours or (time(0), time(0))
        return wall_clock(day, opens, zone), wall_clock(day if opens < closes else day + ONE_DAY, closes, zone)


ALWAYS = Window.model_construct()


def open_spans(
    only: Window | None, never: Window | None, *, start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """The spans that touch a period in which a layer serves, each begun on a day of its own, in their order.

    A `never` without hours takes away whole days of service: a night that began on the day before is served to its end.
    """
    day = start.astimezone(zone).date() - ONE_DAY
    last = end.astimezone(zone).date()
    while day <= last:
        for begin, finish in _of_day(only or ALWAYS, never, day, zone):
            if begin < finish and begin < end and finish > start:
                yield begin, finish
        day += ONE_DAY


def _of_day(only: Window, never: Window | None, day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    if not only.has(day):
        return
    begin, finish = only.span(day, zone)
    if never is None:
        yield begin, finish
    elif never.hours is None:
        if not never.has(day):
            yield begin, finish
    else:
        for off in (day - ONE_DAY, day, day + ONE_DAY):
            if never.has(off):
                closes, opens = never.span(off, zone)
                if begin < closes < finish:
                    yield begin, closes
                if begin < opens and closes < finish:
                    begin = max(begin, opens)
        yield begin, finish


def is_open(only: Window | None, never: Window | None, *, at: datetime, zone: ZoneInfo) -> bool:
    """Whether a layer serves at a moment."""
    if only is None and never is None:
        return True
    spans = open_spans(only, never, start=at, end=at + timedelta(microseconds=1), zone=zone)
    return any(begin <= at < finish for begin, finish in spans)
