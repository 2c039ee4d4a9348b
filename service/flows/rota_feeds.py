"""Rotas as calendars to be subscribed to: a team's or a worker's shifts, by a key or under a secret address."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from rules.cover import Held
from service.errors import NotFound
from service.flows.actions import Scope
from service.models.rotas import CalendarLink
from service.records import calendar_links, coverage, rotas
from service.records.coverage import TeamGap
from service.runtime import Runtime
from service.work import Work

BEHIND, AHEAD = timedelta(days=28), timedelta(days=182)
# Names our shifts for uuid5; a calendar knows a shift again by it, so it must never change.
NAMESPACE = uuid.UUID("7b1f7c3d-8f4a-5b2c-9d4e-5f600193a1c2")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One shift, or one gap, of a feed."""

    uid: str
    summary: str
    description: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A calendar with a name, from four weeks back to half a year ahead."""

    name: str
    zone: str
    stamped_at: datetime
    entries: tuple[Entry, ...]


def of_team(work: Work, scope: Scope, team: str) -> Feed:
    """A team's shifts and gaps. Raises NotFound."""
    if not scope.sees_team(work.partnership, team):
        raise NotFound("there is no such team")
    return _of_team(work, team)


def of_worker(work: Work, scope: Scope, worker: str) -> Feed:
    """A worker's shifts in every team. Raises NotFound."""
    _theirs(work, scope, worker)
    return _of_worker(work, worker)


def by_token(work: Work, token: str) -> Feed:
    """What a secret address shows. Raises NotFound, in the same words whatever is wrong with it."""
    link = calendar_links.follow(work, token)
    try:
        return _of_team(work, link.team) if link.team else _of_worker(work, link.worker or "")
    except NotFound:
        raise NotFound(calendar_links.UNKNOWN) from None


def _of_team(work: Work, team: str) -> Feed:
    if rotas.spec_of(work, team) is None:
        raise NotFound("this team has no rota")
    start, end = _window(work)
    held = [
        _entry(work, one, work.partnership.worker_name(one.worker)) for one in coverage.held(work, start, end, [team])
    ]
    # One that began before the window is cut by it, and would be another gap each day.
    gaps = [_gap(work, gap) for gap in coverage.gaps(work, start, end, [team]) if gap.starts_at > start]
    return _feed(work, f"On call: {work.partnership.team_name(team)}", [*held, *gaps])


def _of_worker(work: Work, worker: str) -> Feed:
    if worker not in work.partnership.worker_by_slug:
        raise NotFound("there is no such worker")
    start, end = _window(work)
    teams = rotas.teams_with(work, worker, start, end)
    held = [one for one in coverage.held(work, start, end, teams) if one.worker == worker]
    entries = [_entry(work, one, "On call") for one in held]
    return _feed(work, f"On call: {work.partnership.worker_name(worker)}", entries)


def _window(work: Work) -> tuple[datetime, datetime]:
    return work.now - BEHIND, work.now + AHEAD


def _feed(work: Work, name: str, entries: list[Entry]) -> Feed:
    ordered = sorted(entries, key=lambda entry: (entry.starts_at, entry.uid))
    return Feed(name=name, zone=work.partnership.timezone, stamped_at=work.now, entries=tuple(ordered))


def _entry(work: Work, one: Held, who: str) -> Entry:
    return Entry(
        uid=_uid(work, one.team, one.worker, one.starts_at),
        summary=f"{who}: {work.partnership.team_name(one.team)}",
        description=one.layer or "",
        starts_at=one.starts_at,
        ends_at=one.ends_at,
    )


def _gap(work: Work, gap: TeamGap) -> Entry:
    return Entry(
        uid=_uid(work, gap.team, "", gap.starts_at),
        summary=f"NOBODY ON CALL: {work.partnership.team_name(gap.team)}",
        description=gap.reason,
        starts_at=gap.starts_at,
        ends_at=gap.ends_at,
    )


def _uid(work: Work, team: str, worker: str, starts_at: datetime) -> str:
    """The same for the same shift in every feed and at every fetch; a stand-in's shift is another one."""
    return str(uuid.uuid5(NAMESPACE, f"{work.partnership.partnership}/{team}/{worker}/{starts_at.timestamp():.0f}"))


def make_link(runtime: Runtime, scope: Scope, *, team: str | None, worker: str | None) -> tuple[CalendarLink, str]:
    """A secret address for a team's or a worker's shifts, shown only now. Raises NotFound."""
    with runtime.transaction() as work:
        if team is not None:
            of_team(work, scope, team)
        else:
            _theirs(work, scope, worker or "")
        return calendar_links.make(work, team=team, worker=worker, actor=scope.actor)


def links(work: Work, scope: Scope) -> list[CalendarLink]:
    """The addresses that still work, of teams and workers that a supervisor sees."""
    return [row for row in calendar_links.listed(work) if _sees(work, scope, row)]


def revoke_link(runtime: Runtime, scope: Scope, link_id: str) -> None:
    """End an address at once. Raises NotFound."""
    with runtime.transaction() as work:
        row = work.session.get(CalendarLink, link_id)
        if row is None or not _sees(work, scope, row):
            raise NotFound("there is no such calendar link")
        calendar_links.revoke(work, row, actor=scope.actor)


def _sees(work: Work, scope: Scope, row: CalendarLink) -> bool:
    if not scope.localities:
        return True
    teams = [row.team] if row.team else work.partnership.teams_of(row.worker or "")
    return any(scope.sees_team(work.partnership, team) for team in teams)


def _theirs(work: Work, scope: Scope, worker: str) -> None:
    if not scope.sees_worker(work.partnership, worker):
        raise NotFound("there is no such worker")
