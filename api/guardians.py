"""Community guardians: the list of those whose texts are taken as concerns."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api import examples
from api.access import RuntimeDep, SupervisorDep
from api.problems import responses
from service.flows import guardianship
from service.models.guardians import Guardian, Trade
from service.records import guardians

router = APIRouter(prefix="/v1/guardians", tags=["Guardians"])

GuardianId = Annotated[str, Path(pattern=r"^gdn_[0-9a-f-]{36}$")]
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")
]
_BODY: dict[str, Any] = {
    "name": "Gita Example",
    "organisation": "Example Hotel",
    "trade": "hotel",
    "phone": "+447700900180",
    "locality": "south",
}
_GUARDIAN = {"id": "gdn_0193a1c2-7b25-7c3d-8f4a-1b2c3d4e5f67", **_BODY, "added_at": "2026-11-20T09:00:00Z"}


class GuardianBody(BaseModel):
    """Who, where they work, and the number that they text from."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _BODY})

    name: Line
    organisation: Line
    trade: Trade
    phone: Annotated[str, StringConstraints(max_length=32)]
    locality: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]


class GuardianShape(BaseModel):
    """Somebody on the list."""

    id: str
    name: str
    organisation: str
    trade: Trade
    phone: str = Field(description="in E.164")
    locality: str
    added_at: datetime


class GuardianPage(BaseModel):
    """Everybody on the list."""

    items: list[GuardianShape]


def _shape(guardian: Guardian) -> dict[str, Any]:
    return {field: getattr(guardian, field) for field in GuardianShape.model_fields}


@router.get(
    "",
    response_model=GuardianPage,
    summary="List guardians",
    responses={**examples.answer({"items": [_GUARDIAN]}), **responses(401, 403, 429)},
)
def list_guardians(caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Those of the caller's localities, the newest first."""
    with runtime.reading() as work:
        return {"items": [_shape(guardian) for guardian in guardians.listed(work, caller.localities)]}


@router.post(
    "",
    status_code=201,
    response_model=GuardianShape,
    summary="Add a guardian",
    responses={**examples.answer(_GUARDIAN, status=201), **responses(401, 403, 404, 409, 413, 415, 422, 429)},
)
def add_guardian(body: GuardianBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """From now on a text from this number is a community concern for triage, answered with thanks and 999 advice."""
    guardian = guardianship.add(runtime, **body.model_dump(), localities=caller.localities, actor=caller.name)
    return _shape(guardian)


@router.delete(
    "/{guardian_id}", status_code=204, summary="Remove a guardian", responses=responses(401, 403, 404, 422, 429)
)
def remove_guardian(guardian_id: GuardianId, caller: SupervisorDep, runtime: RuntimeDep) -> None:
    """Later texts from the number are a stranger's: no answer, and nothing happens."""
    guardianship.remove(runtime, guardian_id, localities=caller.localities, actor=caller.name)
