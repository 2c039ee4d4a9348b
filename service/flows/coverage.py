"""Where the rotas leave nobody on call."""

from datetime import datetime
from typing import Any

from rules import rotation
from service.flows.actions import Scope
from service.records import rotas
from service.work import Work


def gaps(work: Work, scope: Scope, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """The spans of a period in which a team has nobody on call."""
    found = []
    for team in work.partnership.teams:
        rota = rotas.rota_of(work, team.slug, start, end)
        if rota is None or not scope.sees_team(work.partnership, team.slug):
            continue
        changes = rotas.overrides_of(work, team.slug, start, end)
        spans = rotation.gaps(rota, changes, start=start, end=end, zone=work.partnership.zone)
        found += [
            {"team": team.slug, "starts_at": s.starts_at, "ends_at": s.ends_at, "reason": "nobody is on call"}
            for s in spans
        ]
    return found
