"""How often a partner's feed is expected to speak, and when its silence is too long."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, field_validator

from rules.calendar import WEEKDAYS, Calendar, CalendarSpec, Hours, Weekdays
from rules.durations import Duration

SHORTEST, LONGEST = timedelta(minutes=15), timedelta(days=92)
DAY = timedelta(days=1)


def _write_weekdays(days: list[str] | None) -> str | None:
    if not days:
        return None
    in_a_row = WEEKDAYS[WEEKDAYS.index(days[0]) : WEEKDAYS.index(days[-1]) + 1] == tuple(days)
    return f"{days[0]}-{days[-1]}" if in_a_row and len(days) > 1 else ",".join(days)


def _write_hours(hours: tuple[time, time] | None) -> str | None:
    return f"{hours[0]:%H:%M}-{hours[1]:%H:%M}" if hours else None


class Rhythm(BaseModel):
    """At least once in `every`, 15 minutes to 92 days, which runs in those weekdays, hours and open days of a calendar alone.

    A whole day of `every` is one day of those hours: with 08:00-18:00, 24 hours after Friday 16:00 is Monday 16:00.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"example": {"every": "PT24H", "weekdays": "mon-fri", "hours": "08:00-18:00"}},
    )

    every: Annotated[Duration, Field(description="an ISO 8601 duration, 15 minutes to 92 days")]
    weekdays: Annotated[Weekdays | None, PlainSerializer(_write_weekdays)] = None
    hours: Annotated[Hours | None, PlainSerializer(_write_hours)] = None
    during: Annotated[
        str | None, Field(max_length=64, description="a calendar of the rulebook's, whose open time alone counts")
    ] = None

    @field_validator("every")
    @classmethod
    def _in_reason(cls, every: timedelta) -> timedelta:
        if not SHORTEST <= every <= LONGEST:
            raise ValueError("must be at least 15 minutes and at most 92 days, such as PT24H")
        return every

    def spec(self, calendars: Mapping[str, CalendarSpec]) -> CalendarSpec | None:
        """The days and hours in which it runs, where all that is given agrees; None: they have none in common."""
        base = calendars.get(self.during or "") or CalendarSpec(weekdays="mon-sun")
        days = [day for day in base.weekdays if day in (self.weekdays or WEEKDAYS)]
        given = [hours for hours in (base.hours, self.hours) if hours]
        hours = (max(start for start, _ in given), min(end for _, end in given)) if given else None
        if not days or (hours and hours[0] >= hours[1]):
            return None
        return base.model_copy(update={"weekdays": days, "hours": hours})

    def due_at(self, heard: datetime, calendars: Mapping[str, CalendarSpec], zone: ZoneInfo) -> datetime | None:
        """When a feed that was heard at an instant has to have spoken again; None: never, its calendar has no open day.
        Raises NeverOpenError where the calendar's open days run out."""
        spec = self.spec(calendars)
        if spec is None:
            return None
        days, rest = divmod(self.every, DAY)
        daily = _length(spec.hours) if spec.hours else DAY
        return Calendar(spec, zone).add_open_time(heard, days * daily + min(rest, daily))


def _length(hours: tuple[time, time]) -> timedelta:
    return datetime.combine(date.min, hours[1]) - datetime.combine(date.min, hours[0])
