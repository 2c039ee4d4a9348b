"""Incidents: reported, replayed, revised and retracted by partners; read by partners and supervisors."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from api import examples, posted, problems
from api.access import (
    AnyoneDep,
    Caller,
    PartnerDep,
    RuntimeDep,
    SupervisorDep,
    code_lists_of,
    desk_of,
    runtime_of,
)
from api.posted import ImportShape, PassedOverShape
from api.problems import responses
from api.refusals import Refusal, keep_refused, told
from api.reporters import keep_to_tests, reporter
from api.reports import BATCH_BODY, REPORT, Arrived, BatchDep, Sent, idempotency_key, read_report, validated
from api.shapes import BatchShape, IncidentPage, IncidentShape, RefusedPage
from rules.incident import IncidentReport
from service.errors import NotFound, ServiceError
from service.flows import intake
from service.models.access import Role
from service.models.incidents import Incident, Purpose
from service.records import incidents, views
from service.records.judging import Submission, Taken
from service.runtime import Runtime
from service.work import Work

IN_ONE_TRANSACTION = 50
router = APIRouter(prefix="/v1/incidents", tags=["Incidents"])

IncidentId = Annotated[str, Path(pattern=r"^inc_[0-9a-f-]{36}$", examples=["inc_0193a1c2-7b1e-7c3d-8f4a-1b2c3d4e5f60"])]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(pattern=r"^inc_[0-9a-f-]{36}$", description="`next` of the page before")]


@router.post(
    "",
    status_code=201,
    response_model=IncidentShape,
    summary="Report an incident",
    openapi_extra=REPORT,
    responses={
        200: {
            "description": (
                "Held already: a replay, a revision, or one that was taken back; a message that is not for us; "
                "or, for a file, what became of each of its rows"
            ),
            "model": IncidentShape | PassedOverShape | ImportShape,
            "content": {"application/json": {"example": examples.INCIDENT | {"replayed": True}}},
        },
        201: {"description": "Recorded and judged", "content": {"application/json": {"example": examples.INCIDENT}}},
        **responses(401, 403, 409, 413, 415, 422, 429),
    },
)
async def report_incident(request: Request) -> Any:
    """Record one event, judge it, open its tasks and page the first worker of each; 201 only after the commit.

    As plain JSON, or as a CloudEvent 1.0: structured, or binary with `ce-*` headers. The event's `data` is the report; its
    `source` and `id` stand in for an Idempotency-Key.

    A hospital's integration engine may send an HL7 v2 admission message or a FHIR R4 Encounter: names stay outside, ids
    become pseudonyms, a cancelled visit takes its report back, and what is not for us is answered with `passed_over`. A
    CSV file (police.uk, ISTV, or a layout of the partner's own) is answered row by row, as several messages at once are.
    """
    # As dependencies these three took FastAPI as long as the rest of the request (1,240 Python calls; 640 so).
    caller = await reporter(request)
    arrived = await read_report(request)
    key = idempotency_key(request)
    runtime = runtime_of(request)
    keep_to_tests(caller, None if isinstance(arrived, Sent) else arrived.report)
    if isinstance(arrived, Sent):
        opened = await run_in_threadpool(posted.opened, arrived, caller, runtime, code_lists_of(request))
        if isinstance(opened, Response):
            return opened
        arrived = opened
    arrived = replace(arrived, idempotency_key=key or arrived.idempotency_key)
    submission = _submission(caller, arrived, shown=True)
    try:
        taken = await desk_of(request).take(submission)
    except ServiceError as error:
        refusal = Refusal(told(error), _as_sent(arrived.report))
        await run_in_threadpool(keep_refused, caller, runtime, [refusal])
        raise
    runtime.metrics.taken_in("test" if caller.trial else taken.result)
    view = taken.view
    if view is None:
        view = await run_in_threadpool(_view, runtime, taken.incident_id)
    shape = IncidentShape.model_validate(
        view | {"replayed": taken.result == "replayed", "revised": taken.result == "revised"}
    )
    location = {"Location": f"/v1/incidents/{taken.incident_id}"}
    return Response(shape.model_dump_json(), _status(taken), location, media_type="application/json")


def _view(runtime: Runtime, incident_id: str) -> dict[str, Any]:
    with runtime.reading() as work:
        return views.incident_view(work, work.session.get_one(Incident, incident_id))


@router.post(
    "/batch",
    response_model=BatchShape,
    summary="Report many incidents",
    openapi_extra=BATCH_BODY,
    responses={**examples.answer(examples.BATCH), **responses(401, 403, 413, 415, 422, 429)},
)
def report_batch(given: BatchDep, caller: PartnerDep, runtime: RuntimeDep) -> dict[str, Any]:
    """At most 500. The answer has what became of each, in order, with the status that it would have had alone."""
    read = [_read(item) for item in given]
    reports = [item for item in read if isinstance(item, IncidentReport)]
    results = iter(_accept_in_turns(runtime, [_submission(caller, Arrived(report)) for report in reports]))
    items, refused = [], []
    for item, sent in zip(read, given, strict=True):
        result = next(results) if isinstance(item, IncidentReport) else item
        if isinstance(result, Taken):
            runtime.metrics.taken_in(result.result)
            items.append({"status": _status(result), "id": result.incident_id, "problem": None})
        else:
            problem = told(result) if isinstance(result, ServiceError) else result
            refused.append(Refusal(problem, sent))
            items.append({"status": problem["status"], "id": None, "problem": problem})
    keep_refused(caller, runtime, refused)
    return {"items": items}


def _read(item: Any) -> IncidentReport | dict[str, Any]:
    try:
        return validated(IncidentReport, item)
    except RequestValidationError as error:
        return problems.content(422, "the content is wrong", problems.validation_faults(error))


def _accept_in_turns(runtime: Runtime, submissions: list[Submission]) -> Iterator[Taken | ServiceError]:
    """A long batch in several transactions: other partners' reports get their turn in between."""
    for start in range(0, len(submissions), IN_ONE_TRANSACTION):
        yield from intake.accept(runtime, submissions[start : start + IN_ONE_TRANSACTION])


def _submission(caller: Caller, arrived: Arrived, *, shown: bool = False) -> Submission:
    return Submission(
        report=arrived.report,
        key_id=caller.key_id,
        partner=caller.name,
        idempotency_key=caller.trial or arrived.idempotency_key,
        trial=caller.trial,
        needs_lawful_basis=caller.needs_lawful_basis,
        begins=arrived.begins,
        shown=shown,
    )


def _status(taken: Taken) -> int:
    return 201 if taken.result == "new" else 200


def _as_sent(report: IncidentReport) -> dict[str, Any]:
    return report.model_dump(mode="json", exclude_unset=True)


@router.get(
    "",
    response_model=IncidentPage,
    summary="List incidents, newest first",
    responses={**examples.answer({"items": [examples.INCIDENT], "next": None}), **responses(401, 403, 422, 429)},
)
def list_incidents(
    caller: AnyoneDep, runtime: RuntimeDep, purpose: Purpose | None = None, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """A partner sees its own, a supervisor those of its localities. `purpose=test`: the service's own tests, which are left
    out unless they are asked for."""
    with runtime.reading() as work:
        own = caller.key_id if caller.role is Role.PARTNER else None
        rows = incidents.page_of(
            work, key_id=own, localities=list(caller.localities), before=cursor, limit=limit + 1, purpose=purpose
        )
        more = len(rows) > limit
        return {
            "items": views.incident_views(work, rows[:limit]),
            "next": rows[limit - 1].id if more else None,
        }


@router.get(
    "/refused",
    response_model=RefusedPage,
    summary="List what was refused",
    responses={**examples.answer(examples.REFUSED), **responses(401, 403, 422, 429)},
)
def list_refused(caller: SupervisorDep, runtime: RuntimeDep, limit: Limit = 50) -> dict[str, Any]:
    """Bodies that could not be taken, newest first, so that a broken feed is seen. Only keys for the whole area see
    them: nobody knows where a report that can't be read belongs."""
    if caller.localities:
        return {"items": []}
    with runtime.reading() as work:
        return {
            "items": [
                {
                    "id": row.id,
                    "at": row.at,
                    "partner": row.partner,
                    "status": row.status,
                    "problem": row.problem,
                    "body": row.body,
                }
                for row in incidents.refused_lately(work, limit)
            ]
        }


@router.get(
    "/{incident_id}",
    response_model=IncidentShape,
    summary="Read an incident",
    responses={**examples.answer(examples.INCIDENT), **responses(401, 404, 422, 429)},
)
def read_incident(incident_id: IncidentId, caller: AnyoneDep, runtime: RuntimeDep) -> dict[str, Any]:
    """One incident with its decisions and tasks."""
    with runtime.reading() as work:
        return views.incident_view(work, _visible(work, caller, incident_id))


class Retraction(BaseModel):
    """Why a report is taken back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "reported by mistake"}})

    reason: str = Field(min_length=1, max_length=1000)


@router.post(
    "/{incident_id}/retract",
    response_model=IncidentShape,
    summary="Take an incident back",
    responses={
        **examples.answer(examples.INCIDENT | {"status": "retracted"}),
        **responses(401, 404, 413, 415, 422, 429),
    },
)
def retract_incident(
    incident_id: IncidentId, retraction: Retraction, caller: AnyoneDep, runtime: RuntimeDep
) -> dict[str, Any]:
    """Its open tasks are cancelled, whoever was paged or holds one is told not to attend, and the figures leave it out."""
    with runtime.reading() as work:
        _visible(work, caller, incident_id)
    intake.retract(runtime, incident_id, retraction.reason, actor=caller.name)
    with runtime.reading() as work:
        return views.incident_view(work, work.session.get_one(Incident, incident_id))


def _visible(work: Work, caller: Caller, incident_id: str) -> Incident:
    incident = work.session.get(Incident, incident_id)
    own = incident is not None and incident.key_id == caller.key_id
    if incident is None or not (own if caller.role is Role.PARTNER else caller.scope.sees(incident.locality)):
        raise NotFound("there is no such incident")
    return incident
