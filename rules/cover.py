"""What a period of rotas holds: who answers when, who is on two duties at once, and who has too little rest between two."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

from rules import rotation
from rules.rotation import AnyRota, Override


@dataclass(frozen=True, kw_only=True)
class Watch:
    """A span in which the same people are on call, with the order in which they and those behind them are paged."""

    starts_at: datetime
    ends_at: datetime
    on_call: tuple[str, ...]
    order: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Held:
    """A worker's duty in a team; `rest` is what the team's rota asks for before and after it."""

    team: str
    worker: str
    layer: str | None
    starts_at: datetime
    ends_at: datetime
    rest: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class Doubled:
    """A span in which one worker is on call for several teams."""

    worker: str
    teams: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Tired:
    """Too little rest: a worker is off from the end of one duty to the beginning of the next for less than is asked."""

    worker: str
    teams: tuple[str, str]
    starts_at: datetime
    ends_at: datetime
    needed: timedelta


def watches(
    rota: AnyRota,
    overrides: Sequence[Override],
    *,
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    cuts: Iterable[datetime] = (),
) -> list[Watch]:
    """A period cut wherever somebody else answers, and at the instants in `cuts`, without a gap."""
    asked = rotation.ready(rota)
    extra = {moment for moment in cuts if start < moment < end}
    marks = {*rotation.marks(asked, overrides, start, end, zone), *extra}
    found: list[Watch] = []
    for begin, finish in pairwise(sorted(marks)):
        on_call = tuple(rotation.on_call(asked, overrides, at=begin, zone=zone))
        order = tuple(rotation.page_order(asked, overrides, at=begin, zone=zone))
        if found and (found[-1].on_call, found[-1].order) == (on_call, order) and begin not in extra:
            found[-1] = replace(found[-1], ends_at=finish)
        else:
            found.append(Watch(starts_at=begin, ends_at=finish, on_call=on_call, order=order))
    return found


def doubled(duties: Iterable[Held]) -> list[Doubled]:
    """The spans in which somebody is on call for several teams at once, by their beginning."""
    found: list[Doubled] = []
    for worker, own in _by_worker(duties):
        marks = sorted({moment for duty in own for moment in (duty.starts_at, duty.ends_at)})
        before: tuple[str, ...] = ()
        for begin, finish in pairwise(marks):
            teams = tuple(sorted({duty.team for duty in own if duty.starts_at <= begin < duty.ends_at}))
            if teams[1:] and teams == before:
                found[-1] = replace(found[-1], ends_at=finish)
            elif teams[1:]:
                found.append(Doubled(worker=worker, teams=teams, starts_at=begin, ends_at=finish))
            before = teams
    return sorted(found, key=lambda one: (one.starts_at, one.worker))


def tired(duties: Iterable[Held]) -> list[Tired]:
    """Where somebody goes from one duty to the next with less rest than either rota asks for, by the later beginning.
    Duties that overlap count as one."""
    found: list[Tired] = []
    for worker, own in _by_worker(duties):
        before = own[0]
        for duty in own[1:]:
            needed = max(before.rest or timedelta(0), duty.rest or timedelta(0))
            if before.ends_at <= duty.starts_at < before.ends_at + needed:
                found.append(
                    Tired(
                        worker=worker,
                        teams=(before.team, duty.team),
                        starts_at=before.ends_at,
                        ends_at=duty.starts_at,
                        needed=needed,
                    )
                )
            before = max(before, duty, key=lambda one: one.ends_at)
    return sorted(found, key=lambda one: (one.ends_at, one.worker))


def _by_worker(duties: Iterable[Held]) -> list[tuple[str, list[Held]]]:
    ordered = sorted(duties, key=lambda duty: (duty.worker, duty.starts_at, duty.ends_at, duty.team))
    return [(worker, list(own)) for worker, own in groupby(ordered, key=lambda duty: duty.worker)]
