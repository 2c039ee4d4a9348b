"""Where the rotas leave nobody on call, or nobody who would answer, as a supervisor may see it."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from service.flows.actions import Scope
from service.models.rotas import CalendarSource, ImportedShift
from service.partnership import DUTY_TEAM
from service.records import calendar_sources, coverage, rotas
from service.work import Work

ELSEWHERE = "elsewhere"


def of_period(work: Work, scope: Scope, start: datetime, end: datetime) -> dict[str, Any]:
    """Everything that is wrong with the rotas of a supervisor's teams in a period. What a worker of theirs does for a
    team of another locality is said to be elsewhere."""
    partnership = work.partnership
    teams = [slug for slug in (*partnership.team_by_slug, DUTY_TEAM) if scope.sees_team(partnership, slug)]

    def named(slugs: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(slug if slug in teams else ELSEWHERE for slug in slugs))

    return {
        "from": start,
        "to": end,
        "gaps": [asdict(gap) for gap in coverage.gaps(work, start, end, teams)],
        "at_risk": [asdict(risk) for risk in coverage.at_risk(work, start, end, teams)],
        "double": [
            asdict(one) | {"teams": named(one.teams)}
            for one in coverage.doubled(work, start, end)
            if set(one.teams) & set(teams)
        ],
        "rest": [
            {
                "worker": one.worker,
                "teams": named(one.teams),
                "off_from": one.starts_at,
                "off_until": one.ends_at,
                "hours": round((one.ends_at - one.starts_at) / HOUR, 2),
                "needed_hours": round(one.needed / HOUR, 2),
            }
            for one in coverage.tired(work, start, end)
            if set(one.teams) & set(teams)
        ],
        "unknown": [_event(event) for team in teams for event in rotas.unknown_events(work, team, start, end)],
        "sources": [_source(row) for row in calendar_sources.of_teams(work, teams)],
    }


def _event(event: ImportedShift) -> dict[str, Any]:
    span = {"starts_at": event.starts_at, "ends_at": event.ends_at}
    return {"team": event.team, "layer": event.layer, "event": event.said or ""} | span


def _source(row: CalendarSource) -> dict[str, Any]:
    told = ("team", "layer", "fetched_at", "failing_since", "error", "skipped")
    return {field: getattr(row, field) for field in told}


HOUR = timedelta(hours=1)
