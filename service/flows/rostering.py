"""Who is on call, and changes to a rota for a while: stand-ins, swaps, days away, leave."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rules.rotation import Override, OverrideKind
from service.errors import Fault, Invalid, NotFound
from service.flows.actions import Scope
from service.models.people import OverrideRow
from service.models.rotas import Leave
from service.records import calendar_sources, contradictions, paging, people, rotas, warnings
from service.runtime import Runtime
from service.work import Work

LONGEST_CHANGE = timedelta(days=366)


def on_call(work: Work, scope: Scope, team: str, at: datetime) -> dict[str, Any]:
    """Who is on call for a team at a moment. Raises NotFound."""
    _visible(work, scope, team)
    order = people.page_order(work, team, at)
    now_on = people.on_call(work, team, at)
    gone = people.away(work, at)
    return {
        "team": team,
        "at": at,
        "on_call": now_on,
        "backups": [worker for worker in order if worker not in now_on],
        "lead": people.lead_of(work, team),
        "away": {worker: gone[worker] for worker in work.partnership.members(team) if worker in gone},
        "notes": list(_notes(work, team)),
    }


def _notes(work: Work, team: str) -> Iterator[str]:
    """What is said about a team's calendars that can't be read."""
    zone = work.partnership.zone
    for row in calendar_sources.of_teams(work, [team]):
        if row.failing_since is None:
            continue
        copy = (
            f"its copy of {paging.clock_time(row.fetched_at, zone)} is used" if row.fetched_at else "it was never read"
        )
        since = paging.clock_time(row.failing_since, zone)
        yield f"the calendar of {row.layer or 'this rota'} can't be read since {since}: {row.error}; {copy}"


def overrides(work: Work, scope: Scope, team: str, start: datetime, end: datetime) -> Sequence[OverrideRow]:
    """The changes to a team's rota that touch a period. Raises NotFound."""
    _visible(work, scope, team)
    return rotas.override_rows(work, team, start, end)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A change that was made, and what should be known about it."""

    row: OverrideRow
    warnings: list[str]


def override(runtime: Runtime, scope: Scope, team: str, change: Override) -> Made:
    """Change a rota. Raises NotFound for a team, Invalid for what can't be and for whatever it contradicts."""
    with runtime.transaction() as work:
        _visible(work, scope, team)
        faults = []
        if change.kind is OverrideKind.REPLACE and not change.instead_of:
            faults.append(Fault("/instead_of", "is needed to replace somebody"))
        if change.kind is not OverrideKind.REPLACE and change.instead_of:
            faults.append(Fault("/instead_of", "goes with kind replace alone"))
        row = _change(work, scope, team, change, OWN, faults)
        return Made(row=row, warnings=warnings.about(work, team, change))


def swap(runtime: Runtime, scope: Scope, team: str, first: Override, second: Override) -> list[Made]:
    """Two workers exchange their duties of two periods: both changes are made or neither. Raises NotFound, Invalid."""
    with runtime.transaction() as work:
        _visible(work, scope, team)
        rows = [
            _change(work, scope, team, first, FIRST_OF_SWAP, []),
            _change(work, scope, team, second, SECOND_OF_SWAP, []),
        ]
        return [
            Made(row=row, warnings=warnings.about(work, team, change))
            for row, change in zip(rows, (first, second), strict=True)
        ]


def withdraw(runtime: Runtime, scope: Scope, team: str, override_id: str) -> None:
    """Take a change back. Raises NotFound."""
    with runtime.transaction() as work:
        _visible(work, scope, team)
        rotas.lock(work, team)
        rotas.withdraw_override(work, team, override_id, actor=scope.actor)


OWN = {field: f"/{field}" for field in ("worker", "instead_of", "starts_at", "ends_at")}
FIRST_OF_SWAP = OWN | {"worker": "/with/worker", "instead_of": "/worker"}
SECOND_OF_SWAP = {
    "worker": "/worker",
    "instead_of": "/with/worker",
    "starts_at": "/with/starts_at",
    "ends_at": "/with/ends_at",
}


def _change(
    work: Work, scope: Scope, team: str, change: Override, pointers: Mapping[str, str], faults: list[Fault]
) -> OverrideRow:
    """One change, if nothing speaks against it; `pointers` says where each of its fields stands in the caller's body."""
    faults += [
        Fault(pointers[field], f"nobody in the partnership is called {slug!r}")
        for field, slug in (("worker", change.worker), ("instead_of", change.instead_of))
        if slug and slug not in work.partnership.worker_by_slug
    ]
    if change.worker == change.instead_of:
        faults.append(Fault(pointers["worker"], "must be somebody else than the one who is replaced"))
    faults += [Fault(pointers[field], says) for field, says in _period(work, change.starts_at, change.ends_at)]
    if not faults:
        rotas.lock(work, team)
        faults += [Fault(pointers[field], says) for field, says in contradictions.to(work, team, change)]
    if faults:
        raise Invalid("the change is refused: " + faults[0].detail, tuple(faults))
    return rotas.add_override(work, team, change, actor=scope.actor)


def _period(work: Work, starts_at: datetime, ends_at: datetime) -> Iterator[tuple[str, str]]:
    if starts_at >= ends_at:
        yield "ends_at", "must lie after starts_at"
    elif ends_at <= work.now:
        yield "ends_at", "has passed already"
    elif ends_at - starts_at > LONGEST_CHANGE:
        yield "ends_at", f"must lie at most {LONGEST_CHANGE.days} days after starts_at"


def leave(work: Work, scope: Scope, worker: str, start: datetime, end: datetime) -> Sequence[Leave]:
    """A worker's leave in a period. Raises NotFound."""
    _theirs(work, scope, worker)
    return rotas.leave_between(work, start, end, worker)


def add_leave(runtime: Runtime, scope: Scope, worker: str, starts_at: datetime, ends_at: datetime) -> Leave:
    """Note that a worker is away. They are not paged meanwhile, and coverage says where that leaves nobody.
    Raises NotFound, and Invalid for a period that can't be."""
    with runtime.transaction() as work:
        _theirs(work, scope, worker)
        faults = [Fault(OWN[field], says) for field, says in _period(work, starts_at, ends_at)]
        if faults:
            raise Invalid("the leave is refused: " + faults[0].detail, tuple(faults))
        return rotas.add_leave(work, worker, starts_at, ends_at, actor=scope.actor)


def withdraw_leave(runtime: Runtime, scope: Scope, worker: str, leave_id: str) -> None:
    """Note that a worker is not away after all. Raises NotFound."""
    with runtime.transaction() as work:
        _theirs(work, scope, worker)
        rotas.withdraw_leave(work, worker, leave_id, actor=scope.actor)


def _visible(work: Work, scope: Scope, team: str) -> None:
    if not scope.sees_team(work.partnership, team):
        raise NotFound("there is no such team")


def _theirs(work: Work, scope: Scope, worker: str) -> None:
    if not scope.sees_worker(work.partnership, worker):
        raise NotFound("there is no such worker")
