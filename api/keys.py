"""Access keys: made, listed and revoked by admins."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from api import examples
from api.access import AdminDep, RuntimeDep, callers_of
from api.problems import responses
from api.shapes import KeyPage, NewKeyShape
from rules.rhythm import Rhythm
from service.flows import feeds as feed_flow
from service.flows import setup
from service.models.access import AccessKey, Role
from service.records import feeds, keys

router = APIRouter(prefix="/v1/keys", tags=["Keys"])

KeyId = Annotated[str, Path(pattern=r"^key_[0-9a-f-]{36}$")]


class KeyBody(BaseModel):
    """Whose key, and what it may do."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"role": "partner", "name": "Example Academy CPOMS", "localities": []}},
    )

    role: Role
    name: str = Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")
    localities: list[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]] = Field(default=[], max_length=50)
    needs_lawful_basis: bool = False


_KEY: dict[str, Any] = {
    "id": "key_0193a1c2-7b22-7c3d-8f4a-1b2c3d4e5f64",
    "name": "Example Academy CPOMS",
    "role": "partner",
    "localities": [],
    "created_at": "2026-11-20T09:00:00Z",
    "revoked_at": None,
    "rhythm": None,
}
_RHYTHM = {
    "every": "PT24H",
    "during": None,
    "weekdays": "mon-fri",
    "hours": "08:00-18:00",
    "heard_at": "2026-11-20T15:41:04Z",
    "silent_since": None,
    "state": "speaking",
    "task": None,
}


def _shape(key: AccessKey, rhythm: dict[str, Any] | None = None) -> dict[str, Any]:
    told = ("id", "name", "role", "localities", "created_at", "revoked_at")
    return {field: getattr(key, field) for field in told} | {"rhythm": rhythm}


@router.post(
    "",
    status_code=201,
    response_model=NewKeyShape,
    summary="Make a key",
    responses={
        **examples.answer(_KEY | {"key": "ck_shown-only-now"}, status=201),
        **responses(401, 403, 413, 415, 422, 429),
    },
)
def create_key(body: KeyBody, caller: AdminDep, runtime: RuntimeDep) -> dict[str, Any]:
    """The key itself is in this answer and nowhere else."""
    key, text = setup.make_key(
        runtime,
        role=body.role,
        name=body.name,
        localities=list(body.localities),
        actor=caller.name,
        needs_lawful_basis=body.needs_lawful_basis,
    )
    return _shape(key) | {"key": text}


@router.get(
    "",
    response_model=KeyPage,
    summary="List keys",
    responses={**examples.answer({"items": [_KEY | {"rhythm": _RHYTHM}]}), **responses(401, 403, 429)},
)
def list_keys(_caller: AdminDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Without their secrets, and with what is expected of partners' feeds."""
    with runtime.database.reading() as session:
        rhythms = feeds.views(session)
        return {"items": [_shape(key, rhythms.get(key.id)) for key in keys.listed(session)]}


@router.put(
    "/{key_id}/rhythm",
    status_code=204,
    summary="Expect a feed to speak",
    responses=responses(401, 403, 404, 413, 415, 422, 429),
)
def expect_of_feed(key_id: KeyId, rhythm: Rhythm, caller: AdminDep, runtime: RuntimeDep) -> None:
    """When nothing comes from this key for longer, or all that comes is refused, the duty manager gets a triage task."""
    feed_flow.expect(runtime, key_id, rhythm, actor=caller.name)


@router.delete(
    "/{key_id}/rhythm",
    status_code=204,
    summary="Expect nothing of a feed",
    responses=responses(401, 403, 404, 422, 429),
)
def expect_nothing_of_feed(key_id: KeyId, caller: AdminDep, runtime: RuntimeDep) -> None:
    """What was opened for its silence is called off."""
    feed_flow.expect_nothing(runtime, key_id, actor=caller.name)


@router.delete("/{key_id}", status_code=204, summary="Revoke a key", responses=responses(401, 403, 404, 422, 429))
def revoke_key(key_id: KeyId, caller: AdminDep, runtime: RuntimeDep, request: Request) -> None:
    """It stops working at once."""
    setup.revoke_key(runtime, key_id, actor=caller.name)
    callers_of(request).forget()
