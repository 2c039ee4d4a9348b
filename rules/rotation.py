"""Rotas: who is on call, from when, to when, with hand-over at a wall-clock hour and overrides for a while."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal, Protocol, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rules.calendar import WEEKDAYS, wall_clock

WEEK = 7


class RotaSpec(BaseModel):
    """A rota as the partnership file writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rotation: Literal["weekly", "daily"]
    handover: str
    starts: date
    workers: Annotated[list[str], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _readable(self) -> Self:
        self.handover_at()
        twice = [worker for worker in dict.fromkeys(self.workers) if self.workers.count(worker) > 1]
        if twice:
            raise ValueError(f"{twice[0]} is in the rotation twice")
        return self

    def handover_at(self) -> tuple[int | None, time]:
        """The weekday (Monday is 0; none for a daily rota) and the time of the hand-over. Raises ValueError."""
        parts = self.handover.lower().split()
        expected = "'Mon 09:00'" if self.rotation == "weekly" else "'09:00'"
        try:
            at = time.fromisoformat(parts[-1])
        except (ValueError, IndexError):
            raise ValueError(f"handover {self.handover!r} must be like {expected} for a {self.rotation} rota") from None
        day = parts[0][:3] if len(parts) == len(("day", "time")) else None
        if (self.rotation == "weekly") != (day in WEEKDAYS) or (day is None and len(parts) != 1):
            raise ValueError(f"handover {self.handover!r} must be like {expected} for a {self.rotation} rota")
        return (WEEKDAYS.index(day) if day else None), at

    @property
    def days(self) -> int:
        """How many days a shift lasts."""
        return WEEK if self.rotation == "weekly" else 1

    def first_day(self) -> date:
        """The day of the first hand-over: on `starts`, or on the first weekday of the hand-over after it."""
        weekday, _ = self.handover_at()
        ahead = 0 if weekday is None else (weekday - self.starts.weekday()) % WEEK
        return self.starts + timedelta(days=ahead)


class OverrideKind(StrEnum):
    """What an override does."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, kw_only=True)
class Override:
    """A change to a rota from one instant up to another."""

    kind: OverrideKind
    worker: str
    instead_of: str | None = None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A worker's turn, from one instant up to another. No worker: nobody's."""

    worker: str | None
    starts_at: datetime
    ends_at: datetime


class Asked(Protocol):
    """A question to a rota about one moment."""

    def __call__(self, rota: RotaSpec, overrides: Sequence[Override], *, at: datetime, zone: ZoneInfo) -> list[str]:
        """The workers, in the order in which they are paged."""
        ...


def shifts(rota: RotaSpec, *, start: datetime, end: datetime, zone: ZoneInfo) -> list[Shift]:
    """The whole shifts of a rota that touch a period, each ending where the next begins."""
    found = []
    number = max(_number(rota, start, zone), 0)
    while (begin := _handover(rota, number, zone)) < end:
        worker = rota.workers[number % len(rota.workers)]
        found.append(Shift(worker=worker, starts_at=begin, ends_at=_handover(rota, number + 1, zone)))
        number += 1
    return found


def _handover(rota: RotaSpec, number: int, zone: ZoneInfo) -> datetime:
    _, at = rota.handover_at()
    return wall_clock(rota.first_day() + timedelta(days=number * rota.days), at, zone)


def _number(rota: RotaSpec, at: datetime, zone: ZoneInfo) -> int:
    """The number of the shift that holds an instant; below zero before the rota starts."""
    guess = (at.astimezone(zone).date() - rota.first_day()).days // rota.days
    candidates = [guess - 1, guess, guess + 1]
    return candidates[0] - 1 + bisect_right([_handover(rota, n, zone) for n in candidates], at)


def on_call(rota: RotaSpec, overrides: Sequence[Override], *, at: datetime, zone: ZoneInfo) -> list[str]:
    """Who is on call at a moment: the rota's worker unless removed or replaced, then whoever was added."""
    number = _number(rota, at, zone)
    people = [rota.workers[number % len(rota.workers)]] if number >= 0 else []
    for change in overrides:
        if not change.starts_at <= at < change.ends_at:
            continue
        match change.kind:
            case OverrideKind.ADD:
                people.append(change.worker)
            case OverrideKind.REMOVE:
                people = [worker for worker in people if worker != change.worker]
            case OverrideKind.REPLACE:
                people = [change.worker if worker == change.instead_of else worker for worker in people]
    return list(dict.fromkeys(people))


def page_order(rota: RotaSpec, overrides: Sequence[Override], *, at: datetime, zone: ZoneInfo) -> list[str]:
    """Who is on call, and after them the rest of the rotation in its order: the backups. Removed workers are left out."""
    now_on = on_call(rota, overrides, at=at, zone=zone)
    turn = max(_number(rota, at, zone), 0) % len(rota.workers)
    rest = [*rota.workers[turn + 1 :], *rota.workers[: turn + 1]]
    removed = {
        change.worker if change.kind is OverrideKind.REMOVE else change.instead_of
        for change in overrides
        if change.starts_at <= at < change.ends_at and change.kind is not OverrideKind.ADD
    }
    return list(dict.fromkeys([*now_on, *(worker for worker in rest if worker not in removed)]))


def coverage(
    rota: RotaSpec, overrides: Sequence[Override], *, start: datetime, end: datetime, zone: ZoneInfo
) -> list[Shift]:
    """A period cut where the first worker on call changes, without a gap; a span with no worker is a gap in the rota."""
    marks = {start, end}
    marks |= {moment for shift in shifts(rota, start=start, end=end, zone=zone) for moment in _edges(shift)}
    marks |= {moment for change in overrides for moment in _edges(change)}
    inside = sorted(moment for moment in marks if start <= moment <= end)
    spans: list[Shift] = []
    for begin, finish in _pairs(inside):
        first = next(iter(on_call(rota, overrides, at=begin, zone=zone)), None)
        if spans and spans[-1].worker == first:
            spans[-1] = Shift(worker=first, starts_at=spans[-1].starts_at, ends_at=finish)
        else:
            spans.append(Shift(worker=first, starts_at=begin, ends_at=finish))
    return spans


def _edges(span: Shift | Override) -> tuple[datetime, datetime]:
    return span.starts_at, span.ends_at


def _pairs(moments: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    return pairwise(moments)
