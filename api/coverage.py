"""Where the rotas leave nobody on call, or nobody who would answer."""

from typing import Any

from fastapi import APIRouter

from api import examples
from api.access import RuntimeDep, SupervisorDep
from api.periods import PeriodDep
from api.problems import responses
from api.rota_shapes import Coverage
from service.flows import coverage

router = APIRouter(prefix="/v1", tags=["People"])

_COVERAGE: dict[str, Any] = {
    "from": "2026-11-20T00:00:00Z",
    "to": "2026-12-04T00:00:00Z",
    "gaps": [
        {
            "team": "outreach-south",
            "starts_at": "2026-11-21T09:00:00Z",
            "ends_at": "2026-11-21T17:00:00Z",
            "reason": "nobody is on call",
        }
    ],
    "at_risk": [
        {
            "team": "education-inclusion-south",
            "worker": "ben",
            "starts_at": "2026-11-23T09:00:00Z",
            "ends_at": "2026-11-30T09:00:00Z",
            "reason": "the number is not verified",
            "next": "amina",
        }
    ],
    "double": [
        {
            "worker": "leroy",
            "teams": ["outreach-south", "elsewhere"],
            "starts_at": "2026-11-22T16:00:00Z",
            "ends_at": "2026-11-23T16:00:00Z",
        }
    ],
    "rest": [
        {
            "worker": "owen",
            "teams": ["hospital-navigators-riverside", "hospital-navigators-riverside"],
            "off_from": "2026-11-24T08:00:00Z",
            "off_until": "2026-11-24T16:00:00Z",
            "hours": 8.0,
            "needed_hours": 11.0,
        }
    ],
    "unknown": [
        {
            "team": "hospital-navigators-riverside",
            "layer": "Trust e-roster",
            "event": "Bank staff, late",
            "starts_at": "2026-11-25T12:00:00Z",
            "ends_at": "2026-11-25T20:00:00Z",
        }
    ],
    "sources": [
        {
            "team": "hospital-navigators-riverside",
            "layer": "Trust e-roster",
            "fetched_at": "2026-11-20T06:10:00Z",
            "failing_since": "2026-11-20T06:25:00Z",
            "error": "it answered 503",
            "skipped": 0,
        }
    ],
}


@router.get(
    "/coverage",
    response_model=Coverage,
    summary="Where nobody is on call",
    responses={**examples.answer(_COVERAGE), **responses(401, 403, 422, 429)},
)
def read_coverage(caller: SupervisorDep, runtime: RuntimeDep, period: PeriodDep) -> dict[str, Any]:
    """Every team's rota in a period of at most 92 days; the next fourteen if none is given: `gaps` in which nobody is on
    call, duties `at_risk` because whoever is on call can't be reached or nobody stands behind them, people with `double`
    duty, too little `rest` between two, events of calendars kept elsewhere by `unknown` people, and how reading those
    calendars goes (`sources`)."""
    with runtime.reading() as work:
        return coverage.of_period(work, caller.scope, period.start, period.end)
