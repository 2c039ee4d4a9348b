"""Who is on call, changes to rotas, the partnership file."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api import examples
from api.access import AdminDep, RuntimeDep, SupervisorDep
from api.periods import MomentDep, within_reason
from api.problems import responses
from api.rota_shapes import MadeOverride
from api.shapes import AppliedShape, OnCall
from rules.rotation import Override, OverrideKind
from service.flows import rostering, setup
from service.runtime import Runtime

router = APIRouter(prefix="/v1", tags=["People"])

TeamSlug = Annotated[
    str, Path(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64, examples=["education-inclusion-south"])
]

_ON_CALL = {
    "team": "education-inclusion-south",
    "at": "2026-11-20T15:42:00Z",
    "on_call": ["amina"],
    "backups": ["ben"],
    "lead": "amina",
    "away": {},
    "notes": [],
}
_OVERRIDE: dict[str, Any] = {
    "kind": "replace",
    "worker": "ben",
    "instead_of": "amina",
    "starts_at": "2026-11-20T17:00:00Z",
    "ends_at": "2026-11-21T09:00:00Z",
}


@router.get(
    "/teams/{slug}/on-call",
    response_model=OnCall,
    summary="Who is on call",
    responses={**examples.answer(_ON_CALL), **responses(401, 403, 404, 422, 429)},
)
def read_on_call(slug: TeamSlug, caller: SupervisorDep, runtime: RuntimeDep, at: MomentDep) -> dict[str, Any]:
    """By the rota and its overrides, at a moment; who is off or can't be reached now stands in `away`."""
    with runtime.reading() as work:
        return rostering.on_call(work, caller.scope, slug, at)


class OverrideBody(BaseModel):
    """A change to a rota for a while: `add` somebody, `remove` somebody, or `replace` one by another."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _OVERRIDE})

    kind: Literal["add", "remove", "replace"]
    worker: str = Field(min_length=1, max_length=64)
    instead_of: str | None = Field(default=None, min_length=1, max_length=64)
    starts_at: AwareDatetime
    ends_at: AwareDatetime


@router.post(
    "/teams/{slug}/overrides",
    status_code=201,
    response_model=MadeOverride,
    summary="Change a rota for a while",
    responses={
        **examples.answer(
            {"id": "ovr_0193a1c2-7b21-7c3d-8f4a-1b2c3d4e5f63", "team": "education-inclusion-south"}
            | _OVERRIDE
            | {"warnings": ["ben has 8h off from 09:00 Sat 21 Nov to 17:00 Sat 21 Nov; 11h are asked for"]},
            status=201,
        ),
        **responses(401, 403, 404, 413, 415, 422, 429),
    },
)
def add_override(slug: TeamSlug, body: OverrideBody, caller: SupervisorDep, runtime: RuntimeDep) -> Any:
    """A stand-in, somebody more, a day away. What contradicts the rota or another change is refused by name; what should
    merely be known stands in `warnings`."""
    change = Override(
        kind=OverrideKind(body.kind),
        worker=body.worker,
        instead_of=body.instead_of,
        starts_at=within_reason(body.starts_at, "/starts_at"),
        ends_at=within_reason(body.ends_at, "/ends_at"),
    )
    return told(rostering.override(runtime, caller.scope, slug, change))


def told(made: rostering.Made) -> dict[str, Any]:
    """A change that was made, as it is answered."""
    return made.row.model_dump() | {"warnings": made.warnings}


_PARTNERSHIP: dict[str, Any] = {
    "partnership": "bristol",
    "timezone": "Europe/London",
    "teams": [
        {
            "slug": "education-inclusion-south",
            "name": "Education inclusion, South",
            "locality": "south",
            "lead": "amina",
            "rota": {
                "rotation": "weekly",
                "handover": "Mon 09:00",
                "starts": "2026-01-05",
                "workers": ["amina", "ben"],
            },
        }
    ],
    "workers": [
        {
            "slug": "amina",
            "name": "Amina Example",
            "phone": "+447700900101",
            "email": "amina@example.org",
            "verified": True,
        },
        {"slug": "ben", "name": "Ben Specimen", "phone": "+447700900102"},
    ],
    "duty": {"workers": ["amina"]},
}


@router.get(
    "/partnership",
    summary="Read the partnership file",
    responses={**examples.answer(_PARTNERSHIP), **responses(401, 403, 429)},
)
def read_partnership(_caller: AdminDep, runtime: RuntimeDep) -> dict[str, Any]:
    """As it is in force."""
    with runtime.reading() as work:
        return work.partnership.model_dump(mode="json", exclude_none=True)


@router.put(
    "/partnership",
    response_model=AppliedShape,
    summary="Apply a partnership file",
    responses={
        **examples.answer({"changes": ["worker ben: changed (phone)"]}),
        **responses(401, 403, 413, 415, 422, 429),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "object"}, "example": _PARTNERSHIP},
                "application/yaml": {"schema": {"type": "string"}, "example": "partnership: bristol\nteams: […]\n…"},
            },
        }
    },
)
async def put_partnership(request: Request, caller: AdminDep, runtime: RuntimeDep) -> Any:
    """The whole file, as JSON or YAML. The same file again changes nothing."""
    return await run_in_threadpool(_apply, runtime, (await request.body()).decode("utf-8", "replace"), caller.name)


def _apply(runtime: Runtime, text: str, actor: str) -> dict[str, Any]:
    return {"changes": setup.apply_partnership(runtime, text, actor=actor).changes}
