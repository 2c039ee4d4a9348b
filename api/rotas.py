"""Changes to rotas beyond a single one: what was changed, swaps, and leave."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api import examples
from api.access import RuntimeDep, SupervisorDep
from api.people import TeamSlug, told
from api.periods import PeriodDep, within_reason
from api.problems import responses
from api.rota_shapes import LeavePage, LeaveShape, MadeOverrides, OverridePage
from rules.rotation import Override, OverrideKind
from service.flows import rostering

router = APIRouter(prefix="/v1", tags=["People"])

WorkerSlug = Annotated[str, Path(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64, examples=["amina"])]
OverrideId = Annotated[str, Path(pattern=r"^ovr_[0-9a-f-]{36}$")]
LeaveId = Annotated[str, Path(pattern=r"^lve_[0-9a-f-]{36}$")]

_OVERRIDE: dict[str, Any] = {
    "id": "ovr_0193a1c2-7b21-7c3d-8f4a-1b2c3d4e5f63",
    "team": "education-inclusion-south",
    "kind": "replace",
    "worker": "ben",
    "instead_of": "amina",
    "starts_at": "2026-11-20T17:00:00Z",
    "ends_at": "2026-11-21T09:00:00Z",
}
_LEAVE: dict[str, Any] = {
    "id": "lve_0193a1c2-7b22-7c3d-8f4a-1b2c3d4e5f64",
    "worker": "amina",
    "starts_at": "2026-12-21T00:00:00Z",
    "ends_at": "2027-01-04T00:00:00Z",
}
_SWAP: dict[str, Any] = {
    "worker": "amina",
    "starts_at": "2026-11-23T09:00:00Z",
    "ends_at": "2026-11-30T09:00:00Z",
    "with": {"worker": "ben", "starts_at": "2026-11-30T09:00:00Z", "ends_at": "2026-12-07T09:00:00Z"},
}


@router.get(
    "/teams/{slug}/overrides",
    response_model=OverridePage,
    summary="Changes to a rota",
    responses={**examples.answer({"items": [_OVERRIDE]}), **responses(401, 403, 404, 422, 429)},
)
def list_overrides(slug: TeamSlug, caller: SupervisorDep, runtime: RuntimeDep, period: PeriodDep) -> dict[str, Any]:
    """Those that touch a period, in the order in which they were made."""
    with runtime.reading() as work:
        return {"items": rostering.overrides(work, caller.scope, slug, period.start, period.end)}


@router.delete(
    "/teams/{slug}/overrides/{override_id}",
    status_code=204,
    summary="Take a change back",
    responses=responses(401, 403, 404, 422, 429),
)
def withdraw_override(slug: TeamSlug, override_id: OverrideId, caller: SupervisorDep, runtime: RuntimeDep) -> Response:
    """The rota counts again as it did before. The audit keeps both."""
    rostering.withdraw(runtime, caller.scope, slug, override_id)
    return Response(status_code=204)


class SwapSide(BaseModel):
    """One of the two who swap, and the period that they give away."""

    model_config = ConfigDict(extra="forbid")

    worker: str = Field(min_length=1, max_length=64)
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class SwapBody(SwapSide):
    """Two workers exchange their duties of two periods."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _SWAP})

    other: SwapSide = Field(alias="with")


@router.post(
    "/teams/{slug}/swaps",
    status_code=201,
    response_model=MadeOverrides,
    summary="Swap two duties",
    responses={
        **examples.answer({"items": [_OVERRIDE | {"warnings": []}]}, status=201),
        **responses(401, 403, 404, 413, 415, 422, 429),
    },
)
def add_swap(slug: TeamSlug, body: SwapBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Both are replaced, each in their own period, or, when one of the two can't be, neither is."""
    first = _replacing(body, body.other.worker, "")
    second = _replacing(body.other, body.worker, "/with")
    return {"items": [told(made) for made in rostering.swap(runtime, caller.scope, slug, first, second)]}


def _replacing(side: SwapSide, worker: str, where: str) -> Override:
    return Override(
        kind=OverrideKind.REPLACE,
        worker=worker,
        instead_of=side.worker,
        starts_at=within_reason(side.starts_at, f"{where}/starts_at"),
        ends_at=within_reason(side.ends_at, f"{where}/ends_at"),
    )


class LeaveBody(BaseModel):
    """From when to when a worker is away."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {name: _LEAVE[name] for name in ("starts_at", "ends_at")}}
    )

    starts_at: AwareDatetime
    ends_at: AwareDatetime


@router.get(
    "/workers/{slug}/leave",
    response_model=LeavePage,
    summary="A worker's leave",
    responses={**examples.answer({"items": [_LEAVE]}), **responses(401, 403, 404, 422, 429)},
)
def list_leave(slug: WorkerSlug, caller: SupervisorDep, runtime: RuntimeDep, period: PeriodDep) -> dict[str, Any]:
    """What touches a period, by its beginning."""
    with runtime.reading() as work:
        return {"items": rostering.leave(work, caller.scope, slug, period.start, period.end)}


@router.post(
    "/workers/{slug}/leave",
    status_code=201,
    response_model=LeaveShape,
    summary="Note a worker's leave",
    responses={**examples.answer(_LEAVE, status=201), **responses(401, 403, 404, 413, 415, 422, 429)},
)
def add_leave(slug: WorkerSlug, body: LeaveBody, caller: SupervisorDep, runtime: RuntimeDep) -> Any:
    """They are not paged meanwhile, in any team; `GET /v1/coverage` says where that leaves nobody who can be reached."""
    starts_at = within_reason(body.starts_at, "/starts_at")
    ends_at = within_reason(body.ends_at, "/ends_at")
    return rostering.add_leave(runtime, caller.scope, slug, starts_at, ends_at)


@router.delete(
    "/workers/{slug}/leave/{leave_id}",
    status_code=204,
    summary="Take leave back",
    responses=responses(401, 403, 404, 422, 429),
)
def withdraw_leave(slug: WorkerSlug, leave_id: LeaveId, caller: SupervisorDep, runtime: RuntimeDep) -> Response:
    """They are here after all."""
    rostering.withdraw_leave(runtime, caller.scope, slug, leave_id)
    return Response(status_code=204)
