"""What the rotas hold in a period: gaps, duties that nobody would answer, two duties at once, too little rest.

Every function takes the teams that it is asked about; none named means all of them, the duty manager's included.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from rules import cover, rotation
from rules.cover import Doubled, Held, Tired, Watch
from rules.rotation import Shift
from service.models.people import WorkerState
from service.models.rotas import Leave
from service.partnership import DUTY_TEAM, WorkerSpec
from service.records import contacts, people, rotas
from service.records.contacts import Proven
from service.work import Work

NOBODY = "nobody is on call"
NOBODY_BEHIND = "nobody stands behind them"


@dataclass(frozen=True, kw_only=True)
class TeamGap:
    """A span in which a team must have somebody on call and has nobody."""

    team: str
    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class AtRisk:
    """A span in which whoever is on call may not answer; `next` is the first behind them who can be reached."""

    team: str
    worker: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    next: str | None


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What keeps workers from answering: how they stand now, who is on leave when, and which numbers are verified."""

    states: Mapping[str, WorkerState]
    leave: Mapping[str, Sequence[Leave]]  # by worker
    proven: Proven


Span = TypeVar("Span", TeamGap, AtRisk)


def gaps(work: Work, start: datetime, end: datetime, teams: Iterable[str] | None = None) -> list[TeamGap]:
    """Where nobody is on call, by team and beginning. Somebody who is not in the partnership any more is nobody."""
    found: list[TeamGap] = []
    for team in _asked(work, teams):
        rota = rotas.rota_of(work, team, start, end)
        if rota is None or team == DUTY_TEAM:
            continue  # behind a duty rota stands the list of duty managers
        for watch in _watches(work, team, start, end):
            if any(worker in work.partnership.worker_by_slug for worker in watch.on_call):
                continue
            gone = f"{watch.on_call[0]} is not in the partnership any more" if watch.on_call else NOBODY
            span = Shift(worker=None, starts_at=watch.starts_at, ends_at=watch.ends_at)
            for part in rotation.covered(rota, span, work.partnership.zone):
                _put(found, TeamGap(team=team, starts_at=part.starts_at, ends_at=part.ends_at, reason=gone))
    return found


def at_risk(work: Work, start: datetime, end: datetime, teams: Iterable[str] | None = None) -> list[AtRisk]:
    """Duties that nobody would answer, or that nobody stands behind, with the reason, by team and beginning."""
    known = _Known(
        states=people.states(work),
        leave=work.session.once(("leave", start, end), lambda: _leave(work, start, end), of=[Leave]),
        proven=contacts.proven_numbers(work),
    )
    found: list[AtRisk] = []
    for team in _asked(work, teams):
        lead = people.lead_of(work, team)
        cuts = [moment for rows in known.leave.values() for row in rows for moment in (row.starts_at, row.ends_at)]
        for watch in _watches(work, team, start, end, cuts):
            risk = _risk(work, team, watch, lead, known)
            if risk:
                _put(found, risk)
    return found


def _leave(work: Work, start: datetime, end: datetime) -> dict[str, list[Leave]]:
    found: dict[str, list[Leave]] = {}
    for row in rotas.leave_between(work, start, end):
        found.setdefault(row.worker, []).append(row)
    return found


def _put(found: list[Span], span: Span) -> None:
    """Add a span, or let the last one grow where it says the same and ends where this one begins."""
    last = found[-1] if found else None
    if (
        last
        and last.ends_at == span.starts_at
        and replace(last, ends_at=span.ends_at, starts_at=span.starts_at) == span
    ):
        found[-1] = replace(last, ends_at=span.ends_at)
    else:
        found.append(span)


def _risk(
    work: Work,
    team: str,
    watch: Watch,
    lead: str | None,
    known: _Known,
) -> AtRisk | None:
    on_call = [worker for worker in watch.on_call if worker in work.partnership.worker_by_slug]
    if not on_call:
        return None
    behind = [worker for worker in (*watch.order, *([lead] if lead else [])) if worker != on_call[0]]
    able = [worker for worker in dict.fromkeys(behind) if not _why_not(work, worker, watch, known)]
    reason = _why_not(work, on_call[0], watch, known) or (None if able else NOBODY_BEHIND)
    if reason is None:
        return None
    return AtRisk(
        team=team,
        worker=on_call[0],
        starts_at=watch.starts_at,
        ends_at=watch.ends_at,
        reason=reason,
        next=able[0] if able else None,
    )


def _why_not(work: Work, worker: str, watch: Watch, known: _Known) -> str | None:
    """Why a worker would not answer in a span; being off, or out of reach, is taken to last from when it began."""
    spec, state = work.partnership.worker_by_slug.get(worker), known.states.get(worker)
    if spec is None:
        return "is not in the partnership any more"
    if state and state.unreachable_since and state.unreachable_since < watch.ends_at:
        return f"can't be reached ({state.unreachable_why})"
    if state and state.off_since and state.off_since < watch.ends_at:
        return "is off"
    away = known.leave.get(worker, ())
    if any(row.starts_at < watch.ends_at and row.ends_at > watch.starts_at for row in away):
        return "is on leave"
    failed = state and state.number_failed_since and state.number_failed_since < watch.ends_at
    return _no_text(work, spec, known.proven, state.number_failed_why if state and failed else None)


def _no_text(work: Work, spec: WorkerSpec, proven: Proven, failed: str | None) -> str | None:
    """Why texts reach none of a worker's numbers. `failed`: why their first one does not work; None: it does."""
    counting = {phone.number for phone in spec.numbers if proven.counts(spec, phone.number)}
    texted = {number for number in counting if not contacts.stopped_since(work, number)}
    if failed is not None and not texted - {spec.phone}:
        return f"the number does not work ({failed})"
    if texted:
        return None
    return "STOP came from the number that is verified" if counting else "the number is not verified"


def doubled(work: Work, start: datetime, end: datetime) -> list[Doubled]:
    """Where somebody is on call for several teams at once."""
    found = cover.doubled(held(work, start, end))
    clipped = (replace(one, starts_at=max(one.starts_at, start), ends_at=min(one.ends_at, end)) for one in found)
    return [one for one in clipped if one.starts_at < one.ends_at]


def tired(work: Work, start: datetime, end: datetime) -> list[Tired]:
    """Where somebody begins a duty in the period with less rest before it than a rota asks for."""
    longest = longest_rest(work)
    if not longest:
        return []
    return [one for one in cover.tired(held(work, start - longest, end)) if start <= one.ends_at < end]


def longest_rest(work: Work) -> timedelta:
    """The longest rest that any rota asks for; nothing where none does."""
    specs = (rotas.spec_of(work, team) for team in _asked(work, None))
    asked = (rotation.ready(spec).rest for spec in specs if spec is not None)
    return max((rest for rest in asked if rest), default=timedelta(0))


def held(work: Work, start: datetime, end: datetime, teams: Iterable[str] | None = None) -> list[Held]:
    """Everybody's whole duties that touch a period, by team and beginning."""
    found: list[Held] = []
    for team in _asked(work, teams):
        rota = rotas.rota_of(work, team, start, end)
        if rota is None:
            continue
        changes = rotas.changes_around(work, team, start, end)
        found += [
            Held(
                team=team,
                worker=duty.worker,
                layer=duty.layer,
                starts_at=duty.starts_at,
                ends_at=duty.ends_at,
                rest=rota.rest,
            )
            for duty in rotation.duties(rota, changes, start=start, end=end, zone=work.partnership.zone)
        ]
    return found


def shifts_starting(work: Work, after: datetime, until: datetime, teams: Iterable[str] | None = None) -> list[Held]:
    """The duties that begin after one instant and up to another, of workers whom the partnership has."""
    if after >= until:
        return []
    return [
        duty
        for duty in held(work, after, until + rotas.MOMENT, teams)
        if after < duty.starts_at <= until and duty.worker in work.partnership.worker_by_slug
    ]


def _watches(work: Work, team: str, start: datetime, end: datetime, cuts: Iterable[datetime] = ()) -> list[Watch]:
    rota = rotas.rota_of(work, team, start, end)
    if rota is None:
        return _of_the_list(work, start, end, cuts)
    changes = rotas.overrides_of(work, team, start, end)
    found = cover.watches(rota, changes, start=start, end=end, zone=work.partnership.zone, cuts=cuts)
    if team != DUTY_TEAM:
        return found
    duty = work.partnership.duty.workers
    return [
        replace(
            watch,
            on_call=watch.on_call or tuple(duty),
            order=tuple(dict.fromkeys([*watch.order, *duty])),
        )
        for watch in found
    ]


def _of_the_list(work: Work, start: datetime, end: datetime, cuts: Iterable[datetime]) -> list[Watch]:
    """Duty managers without a rota: any of them answers, the first who can be reached."""
    duty = tuple(work.partnership.duty.workers)
    moments = sorted({start, end, *(moment for moment in cuts if start < moment < end)})
    return [Watch(starts_at=begin, ends_at=finish, on_call=duty, order=duty) for begin, finish in pairwise(moments)]


def _asked(work: Work, teams: Iterable[str] | None) -> list[str]:
    return list(teams) if teams is not None else [*work.partnership.team_by_slug, DUTY_TEAM]
