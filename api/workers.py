"""Workers: how they stand, and whether their numbers and addresses are known to be theirs."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api import examples
from api.access import RuntimeDep, SupervisorDep, WorkDep
from api.problems import responses
from api.rotas import WorkerSlug
from notifiers.base import Channel
from service.flows import workers

router = APIRouter(prefix="/v1/workers", tags=["People"])

_WORKER: dict[str, Any] = {
    "slug": "amina",
    "name": "Amina Example",
    "teams": ["education-inclusion-south"],
    "state": "on",
    "since": None,
    "leave_until": None,
    "unreachable_why": None,
    "channels": [
        {"channel": "sms", "number": 1, "verified": True},
        {"channel": "email", "number": None, "verified": True},
    ],
}
_SENT = {"channel": "sms", "ends_at": "2026-11-20T15:52:00Z"}


class ChannelShape(BaseModel):
    """A way to reach somebody by an address of its own; calls go to the number that gets texts."""

    channel: Literal["sms", "email"]
    number: int | None = Field(description="which of their numbers, in the order of the partnership file; 1 is `phone`")
    verified: bool


class WorkerShape(BaseModel):
    """A worker as a supervisor sees them: no number, no address."""

    slug: str
    name: str
    teams: list[str]
    state: Literal["on", "off", "on leave", "unreachable"]
    since: datetime | None = Field(description="since when they are off or can't be reached")
    leave_until: datetime | None
    unreachable_why: str | None
    channels: list[ChannelShape]


class WorkerPage(BaseModel):
    """Workers."""

    items: list[WorkerShape]


@router.get(
    "",
    response_model=WorkerPage,
    summary="List workers",
    responses={**examples.answer({"items": [_WORKER]}), **responses(401, 403, 429)},
)
def list_workers(caller: SupervisorDep, work: WorkDep) -> dict[str, Any]:
    """Those who serve in the caller's teams: on or off, out of reach and why, and what is verified."""
    return {"items": workers.listed(work, caller.scope)}


class VerifyBody(BaseModel):
    """Where the code is sent."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"channel": "sms"}})

    channel: Literal["sms", "email"]
    number: int = Field(default=1, ge=1, le=6, description="for `sms`, which of their numbers; 1 is `phone`")


class SentCode(BaseModel):
    """Until when the code counts."""

    channel: str
    ends_at: datetime


@router.post(
    "/{slug}/verify",
    status_code=202,
    response_model=SentCode,
    summary="Send a code to prove a number",
    responses={
        **examples.answer(_SENT, status=202),
        **responses(401, 403, 404, 409, 413, 415, 422, 429),
    },
)
def send_code(slug: WorkerSlug, body: VerifyBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Six digits for ten minutes. The worker answers with them by text, or reads them out to you. Three an hour at most."""
    ends_at = workers.ask(runtime, caller.scope, slug, Channel(body.channel), body.number)
    return {"channel": body.channel, "ends_at": ends_at}


class ConfirmBody(BaseModel):
    """The digits that arrived."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"code": "402913"}})

    code: Annotated[str, StringConstraints(pattern=r"^\d{6}$")]


@router.post(
    "/{slug}/verify/confirm",
    status_code=204,
    summary="Confirm a code",
    responses=responses(401, 403, 404, 409, 413, 415, 422, 429),
)
def confirm_code(slug: WorkerSlug, body: ConfirmBody, caller: SupervisorDep, runtime: RuntimeDep) -> Response:
    """What the worker read out. Five tries; then a new code has to be sent."""
    workers.confirm(runtime, caller.scope, slug, body.code)
    return Response(status_code=204)
