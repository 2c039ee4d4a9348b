"""Who is on call, where nobody is, and changes to a rota for a while."""

from datetime import datetime
from typing import Any

from rules import rotation
from rules.rotation import Override, OverrideKind
from service.errors import Fault, Invalid, NotFound
from service.flows.actions import Scope
from service.models.people import OverrideRow
from service.partnership import DUTY_TEAM
from service.records import people
from service.runtime import Runtime
from service.work import Work


def on_call(work: Work, scope: Scope, team: str, at: datetime) -> dict[str, Any]:
    """Who is on call for a team at a moment. Raises NotFound."""
    _visible(work, scope, team)
    order = people.page_order(work, team, at)
    now_on = people.on_call(work, team, at)
    gone = people.away(work)
    return {
        "team": team,
        "at": at,
        "on_call": now_on,
        "backups": [worker for worker in order if worker not in now_on],
        "lead": people.lead_of(work, team),
        "away": {worker: gone[worker] for worker in work.partnership.members(team) if worker in gone},
    }


def gaps(work: Work, scope: Scope, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """The spans of a period in which a team has nobody on call."""
    found = []
    for team in work.partnership.teams:
        if team.locality is not None and not scope.sees(team.locality):
            continue
        spans = rotation.coverage(
            team.rota,
            people.overrides_of(work, team.slug, start, end),
            start=start,
            end=end,
            zone=work.partnership.zone,
        )
        found += [
            {"team": team.slug, "starts_at": s.starts_at, "ends_at": s.ends_at, "reason": "nobody is on call"}
            for s in spans
            if s.worker is None
        ]
    return found


def override(
    runtime: Runtime,
    scope: Scope,
    team: str,
    *,
    kind: str,
    worker: str,
    instead_of: str | None,
    starts_at: datetime,
    ends_at: datetime,
) -> OverrideRow:
    """Change a rota. Raises NotFound for a team, Invalid for a worker or a period that can't be."""
    with runtime.transaction() as work:
        _visible(work, scope, team)
        faults = [
            Fault(f"/{field}", f"nobody in the partnership is called {slug!r}")
            for field, slug in (("worker", worker), ("instead_of", instead_of))
            if slug and slug not in work.partnership.worker_by_slug
        ]
        if kind == OverrideKind.REPLACE and not instead_of:
            faults.append(Fault("/instead_of", "is needed to replace somebody"))
        if kind != OverrideKind.REPLACE and instead_of:
            faults.append(Fault("/instead_of", "goes with kind replace alone"))
        if starts_at >= ends_at:
            faults.append(Fault("/ends_at", "must lie after starts_at"))
        if faults:
            raise Invalid("the override is refused", tuple(faults))
        change = Override(
            kind=OverrideKind(kind), worker=worker, instead_of=instead_of, starts_at=starts_at, ends_at=ends_at
        )
        return people.add_override(work, team, change, actor=scope.actor)


def _visible(work: Work, scope: Scope, team: str) -> None:
    spec = work.partnership.team_by_slug.get(team)
    if team != DUTY_TEAM and (spec is None or (spec.locality is not None and not scope.sees(spec.locality))):
        raise NotFound("there is no such team")
