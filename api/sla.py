"""How the deadlines stand now, and how they were kept."""

import csv
import io
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime

from api import examples
from api.access import NowDep, RuntimeDep, SupervisorDep
from api.answered import answered
from api.problems import responses
from api.shapes import Report, Standing
from rules.sla import MilestoneName
from service.errors import Fault, Invalid
from service.records import reports

router = APIRouter(prefix="/v1/sla", tags=["Deadlines"])

LAST = timedelta(days=28)
CSV = "text/csv"
COUNTS = ("met", "missed", "open", "met_percent", "median_minutes", "p90_minutes")

_STANDING = {
    "at": "2026-11-20T16:05:00Z",
    "milestones": {"on_track": 2, "at_risk": 1, "breached": 0, "met": 0, "met_late": 0, "paused": 0, "cancelled": 0},
    "derived": 0,
    "by_pathway": {"education-inclusion": {"on_track": 2, "at_risk": 1}},
    "by_locality": {"south": {"on_track": 2, "at_risk": 1}},
    "attention": [
        {
            "task": "tsk_0193a1c2-7b1f-7c3d-8f4a-1b2c3d4e5f61",
            "code": "K7",
            "milestone": "acknowledge",
            "due_at": "2026-11-20T16:12:04Z",
            "state": "at_risk",
            "derived": False,
        }
    ],
}
_REPORT = {
    "from": "2026-10-26T00:00:00Z",
    "to": "2026-11-23T00:00:00Z",
    "by": "pathway",
    "rows": [examples.REPORT_FIGURES],
    "total": examples.REPORT_FIGURES | {"key": "all"},
}
_CSV = (
    "pathway,opened,derived,completed,open,acknowledge_met,acknowledge_missed,acknowledge_open,acknowledge_met_percent,…\n"
    "education-inclusion,12,0,9,2,11,1,0,91.7,…\n"
    "all,12,0,9,2,11,1,0,91.7,…\n"
)


@router.get(
    "",
    response_model=Standing,
    summary="How the deadlines stand now",
    responses={**examples.answer(_STANDING), **responses(401, 403, 429)},
)
def sla_now(caller: SupervisorDep, runtime: RuntimeDep) -> Response:
    """Milestones of live tasks by state, pathway and locality, and what is at risk or breached, worst first."""
    with runtime.reading() as work:
        standing = reports.standing(work, caller.localities)
    return answered(Standing, standing)


@router.get(
    "/report",
    response_model=Report,
    summary="How the deadlines were kept",
    responses={
        200: {
            "content": {"application/json": {"example": _REPORT}, CSV: {"schema": {"type": "string"}, "example": _CSV}}
        },
        **responses(401, 403, 422, 429),
    },
)
def sla_report(
    request: Request,
    caller: SupervisorDep,
    runtime: RuntimeDep,
    now: NowDep,
    start: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    by: Literal["pathway", "team", "locality", "week"] = "pathway",
) -> Any:
    """Tasks opened from `from` up to `to` (the last 28 days if not given), as JSON, or as CSV with `Accept: text/csv`."""
    end = end or now
    start = start or end - LAST
    if start >= end:
        raise Invalid("the period is empty", (Fault("/query/from", "must lie before to"),))
    with runtime.reading_at_one_moment() as work:
        figures = reports.kept(work, start=start, end=end, by=by, localities=caller.localities)
    if CSV in request.headers.get("accept", ""):
        return Response(_csv(figures), media_type=CSV)
    return figures


def _csv(figures: dict[str, Any]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [name.value for name in MilestoneName]
    writer.writerow(
        [
            figures["by"],
            "opened",
            "derived",
            "completed",
            "open",
            *(f"{name}_{count}" for name in names for count in COUNTS),
        ]
    )
    for row in [*figures["rows"], figures["total"]]:
        values = [row["milestones"][name][count] for name in names for count in COUNTS]
        writer.writerow([row["key"], row["opened"], row["derived"], row["completed"], row["open"], *values])
    return out.getvalue()
