"""When a milestone is due, when it is close, and how it stands now."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema

from rules.calendar import Calendar, wall_clock
from rules.durations import Duration

WHOLE = 100


class MilestoneName(StrEnum):
    """The deadlines of a task, in the order in which they are met."""

    ACKNOWLEDGE = "acknowledge"
    CONTACT = "contact"
    COMPLETE = "complete"


class MilestoneState(StrEnum):
    """How a deadline stands."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    MET = "met"
    MET_LATE = "met_late"
    PAUSED = "paused"
    CANCELLED = "cancelled"


def _percent(value: Any) -> Any:
    if isinstance(value, str) and value.endswith("%"):
        try:
            value = float(value[:-1])
        except ValueError:
            value = None
    if not isinstance(value, int | float) or not 0 < value < WHOLE:
        raise ValueError("must be a part of the time such as 75%")
    return float(value)


Percent = Annotated[
    float,
    BeforeValidator(_percent),
    PlainSerializer(lambda value: f"{value:g}%", return_type=str, when_used="json"),
    WithJsonSchema({"type": ["string", "number"], "examples": ["75%"]}),
]


def _clock_time(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return time.fromisoformat(value)
        except ValueError:
            raise ValueError(f'{value!r} is not a time of day such as "10:00"') from None
    if isinstance(value, int):
        raise ValueError('a time of day must stand in quotes, such as "10:00"')
    return value


class Deadline(BaseModel):
    """When something is due: elapsed time, open hours of a calendar, or a time on a calendar's day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    within: Duration | None = None
    calendar: str | None = None
    by: Annotated[time | None, BeforeValidator(_clock_time)] = None
    on: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return value if isinstance(value, dict | Deadline) else {"within": value}

    @model_validator(mode="after")
    def _one_kind(self) -> "Deadline":
        if (self.within is None) == (self.by is None):
            raise ValueError('give either a duration such as 30m, or {by: "10:00", on: next school-day}')
        if (self.by is None) != (self.on is None):
            raise ValueError('by and on go together, such as {by: "10:00", on: next school-day}')
        if self.calendar and self.within is None:
            raise ValueError("calendar goes with within; with by, on names the calendar")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A bare duration is short for `{within: …}`."""
        return {"anyOf": [{"type": "string", "examples": ["30m"]}, handler.resolve_ref_schema(handler(schema))]}

    @property
    def calendar_named(self) -> str | None:
        """The calendar by which it counts, if it counts by one."""
        return self.calendar or (self.on.removeprefix("next ").strip() if self.on else None)

    @property
    def strictly_after(self) -> bool:
        """Whether the day on which the clock started does not count."""
        return bool(self.on and self.on.startswith("next "))


class SlaSpec(BaseModel):
    """The deadlines of a pathway."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    acknowledge: Deadline
    contact: Deadline | None = None
    complete: Deadline | None = None


def due_at(spec: Deadline, *, opened_at: datetime, calendars: Mapping[str, Calendar], zone: ZoneInfo) -> datetime:
    """When a deadline falls due, in UTC, for a clock that started at `opened_at`."""
    named = spec.calendar_named
    if spec.within is not None:
        return calendars[named].add_open_time(opened_at, spec.within) if named else opened_at + spec.within
    if spec.by is None or named is None:
        raise ValueError("a deadline needs a duration or a time")
    calendar, today = calendars[named], opened_at.astimezone(zone).date()
    if not spec.strictly_after and calendar.is_open_day(today):
        due = wall_clock(today, spec.by, zone)
        if due > opened_at:
            return due
    return wall_clock(calendar.next_open_day(today), spec.by, zone)


def warn_at(*, opened_at: datetime, due_at: datetime, percent: float) -> datetime:
    """When a deadline is close: after that part of its time."""
    return (opened_at + (due_at - opened_at) * (percent / WHOLE)).astimezone(UTC)


def state(
    *,
    warn_at: datetime,
    due_at: datetime,
    met_at: datetime | None,
    paused_at: datetime | None,
    closed_at: datetime | None,
    cancelled: bool,
    now: datetime,
) -> MilestoneState:
    """How a deadline stands at `now`. Met exactly at its time is met; not met at its time is breached."""
    if met_at is not None:
        return MilestoneState.MET if met_at <= due_at else MilestoneState.MET_LATE
    if cancelled:
        return MilestoneState.CANCELLED
    if due_at <= (closed_at or paused_at or now):
        return MilestoneState.BREACHED
    if closed_at is not None:
        return MilestoneState.CANCELLED
    if paused_at is not None:
        return MilestoneState.PAUSED
    return MilestoneState.AT_RISK if now >= warn_at else MilestoneState.ON_TRACK
