"""The rulebook in force, and putting another one in its place."""

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from api import examples
from api.access import AdminDep, RuntimeDep, SupervisorDep, WorkDep
from api.problems import responses
from api.shapes import RulebookShape
from service.errors import Fault, Invalid
from service.flows import setup
from service.models.rulebooks import RulebookVersion
from service.records import rulebooks
from service.runtime import Runtime

router = APIRouter(prefix="/v1/rulebook", tags=["Rulebook"])

LONGEST_REASON = 500

_EXAMPLE = {
    "name": "bristol",
    "version": 1,
    "activated_at": "2026-11-20T09:00:00Z",
    "made_by": "start",
    "why": None,
    "source": "rulebook: bristol\n…",
}


def _shape(version: RulebookVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": version.number,
        "activated_at": version.activated_at,
        "made_by": version.made_by,
        "why": version.why,
        "source": version.source,
    }


@router.get(
    "",
    response_model=RulebookShape,
    summary="Read the rulebook in force",
    responses={**examples.answer(_EXAMPLE), **responses(401, 403, 429)},
)
def read_rulebook(_caller: SupervisorDep, work: WorkDep) -> dict[str, Any]:
    """As YAML in `source`."""
    return _shape(work.session.get_one(RulebookVersion, work.policy.number))


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
    """Refused whole, with every fault's line, field and what would be right, or put in force at once for new incidents.

    Send the YAML itself, or JSON `{"source": "…", "why": "…"}`.
    """
    body = (await request.body()).decode("utf-8", "replace")
    kind = request.headers.get("content-type", "").split(";")[0]
    source, why = (body, None) if kind == "application/yaml" else _from_json(body)
    return await run_in_threadpool(_put, runtime, source, why, caller.name)


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


def _put(runtime: Runtime, source: str, why: str | None, actor: str) -> dict[str, Any]:
    setup.apply_rulebook(runtime, source, read=setup.shipped_files, actor=actor, why=why, strict=True)
    with runtime.database.reading() as session:
        version = rulebooks.in_force(session)
        if version is None:
            raise RuntimeError("a rulebook was kept and is not there")
        return _shape(version)
