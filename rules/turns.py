"""One rotation: whose turn it is, with hand-over at a wall-clock hour, and people who join or leave in the middle."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from rules.calendar import WEEKDAYS, wall_clock
from rules.durations import Duration
from rules.windows import Window, is_open, open_spans

ONE_DAY = timedelta(days=1)
WEEK = timedelta(days=7)
# A zone's clocks jump by an hour: a shorter shift could begin and end at the same instant.
SHORTEST_SHIFT, LONGEST_SHIFT = timedelta(hours=2), timedelta(days=28)


class RotaSpec(BaseModel):
    """A rotation as the partnership file writes it.

    `shift` stands in place of `rotation` where a turn lasts neither a day nor a week. `joins` is somebody's first day in
    the rotation, `leaves` their last. `only` and `never` say when the rotation serves; turns pass all the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    rotation: Literal["weekly", "daily"] | None = None
    shift: Duration | None = None
    handover: str
    starts: date
    workers: Annotated[list[str], Field(min_length=1, max_length=200)]
    joins: dict[str, date] | None = None
    leaves: dict[str, date] | None = None
    only: Window | None = None
    never: Window | None = None
    # Whoever pages somebody asks about one moment half a dozen times.
    _last: tuple[tuple[datetime, ZoneInfo], int] | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if (self.rotation is None) == (self.shift is None):
            raise ValueError("must say either rotation (weekly or daily) or shift, such as 12h")
        if not SHORTEST_SHIFT <= self.length <= LONGEST_SHIFT or self.length % timedelta(minutes=1):
            raise ValueError("a shift must last from 2h to 28d, in whole minutes")
        self.handover_at()
        twice = [worker for worker in dict.fromkeys(self.workers) if self.workers.count(worker) > 1]
        if twice:
            raise ValueError(f"{twice[0]} is in the rotation twice")
        for word, dates in (("joins", self.joins), ("leaves", self.leaves)):
            for worker in dates or {}:
                if worker not in self.workers:
                    raise ValueError(f"{word}: {worker} is not among the workers of this rotation")
        for worker, first in (self.joins or {}).items():
            if (self.leaves or {}).get(worker, first) < first:
                raise ValueError(f"{worker} leaves before joining")
        return self

    def handover_at(self) -> tuple[int | None, time]:
        """The weekday (Monday is 0; none where turns don't last whole weeks) and the time of the hand-over.
        Raises ValueError."""
        parts = self.handover.lower().split()
        weekly, kind = self.rotation == "weekly", f"{self.rotation} rota" if self.rotation else "shift of this length"
        expected = "'Mon 09:00'" if weekly else "'09:00'"
        refusal = f"handover {self.handover!r} must be like {expected} for a {kind}"
        try:
            at = time.fromisoformat(parts[-1])
        except (ValueError, IndexError):
            raise ValueError(refusal) from None
        day = parts[0][:3] if len(parts) == len(("day", "time")) else None
        if at.tzinfo:
            raise ValueError(refusal)
        may_have_a_day = self.length % WEEK == timedelta(0)
        if (day is None and (len(parts) != 1 or weekly)) or (day and (day not in WEEKDAYS or not may_have_a_day)):
            raise ValueError(refusal)
        return (WEEKDAYS.index(day) if day else None), at

    @property
    def staying(self) -> list[str]:
        """Its workers but those whose last day is known: they may be gone from everywhere else already."""
        return [worker for worker in self.workers if worker not in (self.leaves or {})]

    def members(self, day: date) -> list[str]:
        """Its workers who have joined by a day and not left."""
        return [
            worker
            for worker in self.workers
            if (self.joins or {}).get(worker, day) <= day <= (self.leaves or {}).get(worker, day)
        ]

    @property
    def length(self) -> timedelta:
        """How long a turn lasts by the clocks on the wall."""
        return self.shift or (WEEK if self.rotation == "weekly" else ONE_DAY)

    @property
    def days(self) -> int:
        """How many whole days a turn lasts."""
        return self.length.days

    def first_day(self) -> date:
        """The day of the first hand-over: on `starts`, or on the first weekday of the hand-over after it."""
        weekday, _ = self.handover_at()
        ahead = 0 if weekday is None else (weekday - self.starts.weekday()) % WEEK.days
        return self.starts + timedelta(days=ahead)

    @cached_property
    def _first(self) -> datetime:
        """The first hand-over as the clocks show it."""
        return datetime.combine(self.first_day(), self.handover_at()[1])

    def begins(self, number: int, zone: ZoneInfo) -> datetime:
        """When a turn begins; the first has the number 0."""
        shown = self._first + number * self.length
        return wall_clock(shown.date(), shown.time(), zone)

    def number(self, at: datetime, zone: ZoneInfo) -> int:
        """The number of the turn that holds an instant; below zero before the rotation starts."""
        if self._last is None or self._last[0] != (at, zone):
            guess = (at.astimezone(zone).replace(tzinfo=None) - self._first) // self.length
            candidates = [guess - 1, guess, guess + 1]
            self._last = (at, zone), candidates[0] - 1 + bisect_right([self.begins(n, zone) for n in candidates], at)
        return self._last[1]

    def turn(self, at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From when to when the turn that holds an instant lasts."""
        number = self.number(at, zone)
        return self.begins(number, zone), self.begins(number + 1, zone)

    def begun(self, worker: str, at: datetime, zone: ZoneInfo) -> datetime:  # noqa: ARG002 - a layer's signature
        """When the turn began in which a worker serves at a moment."""
        return self.begins(self.number(at, zone), zone)

    def on(self, at: datetime, zone: ZoneInfo) -> list[str]:
        """Who serves at a moment: nobody before the start, outside its days and hours, or when all have left."""
        number = self.number(at, zone)
        if number < 0 or not is_open(self.only, self.never, at=at, zone=zone):
            return []
        return self._in_turn(number, at, zone)[:1]

    def others(self, at: datetime, zone: ZoneInfo) -> list[str]:
        """Whom it lends at a moment, in the order of their turns: everybody, the one whose turn it is last. Outside its
        days and hours it lends nobody."""
        if not is_open(self.only, self.never, at=at, zone=zone):
            return []
        found = self._in_turn(max(self.number(at, zone), 0), at, zone)
        return [*found[1:], *found[:1]]

    def marks(self, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """The instants in a period at which somebody else may serve."""
        number = max(self.number(start, zone), 0)
        while (begin := self.begins(number, zone)) <= end:
            yield begin
            number += 1
        yield from self._changes(zone)
        if self.only or self.never:
            for span in open_spans(self.only, self.never, start=start, end=end, zone=zone):
                yield from span

    def _in_turn(self, number: int, at: datetime, zone: ZoneInfo) -> list[str]:
        """Who serves at a moment of a turn, from the one whose turn it is on; who left in the middle of a turn is
        followed by the next, whose own turn comes after it."""
        first = self._place(number, zone) if self.joins or self.leaves else number % len(self.workers)
        members = self.members(at.astimezone(zone).date())
        return [worker for worker in _from(self.workers, first) if worker in members]

    def _place(self, number: int, zone: ZoneInfo) -> int:
        """The place in `workers` of whoever's turn it is. A change of people begins with the next turn: it goes on with
        who follows the one before, so that nobody's turn is skipped and nobody's comes twice."""
        last, turn = -1, 0
        for until in [*self._first_turns(zone), number + 1]:
            upto = min(until, number + 1)
            if upto <= turn:
                continue
            members = self.members(self.begins(turn, zone).astimezone(zone).date())
            serving = [worker for worker in _from(self.workers, last + 1) if worker in members]
            if serving:
                last = self.workers.index(serving[(upto - turn - 1) % len(serving)])
            turn = upto
        return last if last >= 0 else 0

    def _first_turns(self, zone: ZoneInfo) -> list[int]:
        """The first turns that begin after each change of people."""
        just_before = (moment - timedelta(microseconds=1) for moment in self._changes(zone))
        return sorted(max(self.number(moment, zone) + 1, 0) for moment in just_before)

    def _changes(self, zone: ZoneInfo) -> Iterator[datetime]:
        """When somebody joins or has left."""
        yield from (wall_clock(day, time(0), zone) for day in (self.joins or {}).values())
        yield from (wall_clock(day + ONE_DAY, time(0), zone) for day in (self.leaves or {}).values())


def _from(workers: Sequence[str], place: int) -> list[str]:
    place %= len(workers)
    return [*workers[place:], *workers[:place]]
