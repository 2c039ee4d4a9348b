"""The rulebook in force, and putting another one in its place."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api import examples
from api.access import AdminDep, Caller, RuntimeDep, SupervisorDep
from api.problems import ApiError, responses
from api.rulebook_shapes import ComparisonShape, RulebookShape, RulebookVersions
from service.errors import Fault, Invalid
from service.flows import setup, simulation
from service.models.rulebooks import RulebookVersion
from service.records import rulebooks
from service.runtime import Runtime

router = APIRouter(prefix="/v1/rulebook", tags=["Rulebook"])

LONGEST_REASON = 500
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]

_EXAMPLE: dict[str, Any] = {
    "name": "bristol",
    "version": 1,
    "state": "in force",
    "made_at": "2026-11-20T09:00:00Z",
    "made_by": "start",
    "activated_at": "2026-11-20T09:00:00Z",
    "activated_by": "start",
    "why": None,
    "source": "rulebook: bristol\n…",
}


def _shape(version: RulebookVersion, in_force: int) -> dict[str, Any]:
    earlier = "past" if version.activated_at else "waiting"
    return {
        "name": version.name,
        "version": version.number,
        "state": "in force" if version.number == in_force else earlier,
        "made_at": version.made_at,
        "made_by": version.made_by,
        "activated_at": version.activated_at,
        "activated_by": version.activated_by,
        "why": version.why,
        "source": version.source,
    }


@router.get(
    "",
    response_model=RulebookShape,
    summary="Read the rulebook in force",
    responses={**examples.answer(_EXAMPLE), **responses(401, 403, 429)},
)
def read_rulebook(_caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """As YAML in `source`."""
    with runtime.reading() as work:
        return _shape(work.session.get_one(RulebookVersion, work.policy.number), work.policy.number)


@router.put(
    "",
    response_model=RulebookShape,
    summary="Put a rulebook in force",
    responses={**examples.answer(_EXAMPLE), **responses(401, 403, 413, 415, 422, 429)},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/yaml": {"schema": {"type": "string"}, "example": _EXAMPLE["source"]},
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["source"],
                        "properties": {"source": {"type": "string"}, "why": {"type": ["string", "null"]}},
                    },
                    "example": {"source": _EXAMPLE["source"], "why": "a new school"},
                },
            },
        }
    },
)
async def put_rulebook(request: Request, caller: AdminDep, runtime: RuntimeDep) -> Any:
    """Refused whole, with every fault's line, field and what would be right; or kept as a version, and put in force for new
    incidents, at once or, where rulebooks are reviewed, by a second person.

    Send the YAML itself, or JSON `{"source": "…", "why": "…"}`.
    """
    body = (await request.body()).decode("utf-8", "replace")
    kind = request.headers.get("content-type", "").split(";")[0]
    source, why = (body, None) if kind == "application/yaml" else _from_json(body)
    return await run_in_threadpool(_put, runtime, source, why, caller)


def _from_json(body: str) -> tuple[str, str | None]:
    try:
        given = json.loads(body)
    except ValueError:
        raise Invalid("the content is wrong", (Fault("", "this is not JSON"),)) from None
    source, why = (given.get("source"), given.get("why")) if isinstance(given, dict) else (None, None)
    if isinstance(why, str) and ("\x00" in why or len(why) > LONGEST_REASON):
        raise Invalid("the content is wrong", (Fault("/why", f"one line of at most {LONGEST_REASON} characters"),))
    if not isinstance(source, str) or not isinstance(why, str | None):
        raise Invalid("the content is wrong", (Fault("/source", "the rulebook's YAML as one string is needed"),))
    return source, why


def _put(runtime: Runtime, source: str, why: str | None, caller: Caller) -> dict[str, Any]:
    number, _ = setup.apply_rulebook(
        runtime,
        source,
        read=setup.shipped_files,
        author=_author(caller),
        why=why,
        reviewed=runtime.settings.reviews_rulebooks,
    )
    return _version(runtime, number)


@router.get(
    "/versions",
    response_model=RulebookVersions,
    summary="List every version",
    responses={**examples.answer({"items": [_EXAMPLE]}), **responses(401, 403, 429)},
)
def list_versions(_caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Newest first, with who wrote it, why, and who put it in force."""
    with runtime.reading() as work:
        return {"items": [_shape(version, work.policy.number) for version in rulebooks.versions(work.session)]}


@router.post(
    "/versions/{number}/activate",
    response_model=RulebookShape,
    summary="Put a version in force",
    responses={**examples.answer(_EXAMPLE), **responses(401, 403, 404, 422, 429)},
)
def activate_version(number: Number, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """A new version needs somebody else than who wrote it (`CALLOUT_RULEBOOK_REVIEW=off` for small teams). One that was
    in force before is brought back in this one call. It counts for new incidents, on every replica at once."""
    if caller.localities:
        raise ApiError(403, "the rulebook is for keys that see the whole area")
    setup.activate_rulebook(runtime, number, author=_author(caller), reviewed=runtime.settings.reviews_rulebooks)
    return _version(runtime, number)


class Simulation(BaseModel):
    """A rulebook to try over what was reported in a period; all of it if none is given."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"source": _EXAMPLE["source"], "from": "2026-10-01T00:00:00Z"}},
    )

    source: str
    start: AwareDatetime | None = Field(default=None, alias="from")
    end: AwareDatetime | None = Field(default=None, alias="to")


@router.post(
    "/simulate",
    response_model=ComparisonShape,
    summary="Try a rulebook over past incidents",
    responses={**examples.answer(examples.COMPARISON), **responses(401, 403, 413, 415, 422, 429)},
)
def simulate(body: Simulation, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """What it would have opened, raised and paged, beside the one in force. Nothing is changed."""
    if caller.localities:
        raise ApiError(403, "the rulebook is for keys that see the whole area")
    candidate = setup.checked_rulebook(runtime, body.source, read=setup.shipped_files)
    return simulation.over_the_database(runtime, candidate, start=body.start, end=body.end)


def _author(caller: Caller) -> setup.Author:
    return setup.Author(name=caller.name, key_id=caller.key_id)


def _version(runtime: Runtime, number: int) -> dict[str, Any]:
    with runtime.reading() as work:
        return _shape(work.session.get_one(RulebookVersion, number), work.policy.number)
