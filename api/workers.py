"""Workers: how they stand, and whether their numbers and addresses are known to be theirs."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api import examples
from api.access import RuntimeDep, SupervisorDep
from api.problems import responses
from api.rotas import WorkerSlug
from notifiers.base import Channel
from service.flows import workers
from service.numbers import ChannelOrder, QuietHours
from service.records.preferences import Wish

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
        {"channel": "sms", "number": 1, "verified": True, "stopped_since": None},
        {"channel": "email", "number": None, "verified": True, "stopped_since": None},
    ],
    "preferences": {
        "channels": ["voice", "sms", "email"],
        "quiet": [{"number": 1, "hours": "22:00-07:00"}],
        "set_by": "Dana, duty desk",
        "set_at": "2026-11-20T15:42:00Z",
    },
}
_SENT = {"channel": "sms", "ends_at": "2026-11-20T15:52:00Z"}


class ChannelShape(BaseModel):
    """A way to reach somebody by an address of its own; calls go to the number that gets texts."""

    channel: Literal["sms", "email"]
    number: int | None = Field(description="which of their numbers, in the order of the partnership file; 1 is `phone`")
    verified: bool
    stopped_since: datetime | None = Field(
        description="since when texts to it are stopped, because STOP came from it while it was a further number"
    )


class QuietShape(BaseModel):
    """A number and the hours of local time in which it is left in peace."""

    number: int
    hours: str


class PreferencesShape(BaseModel):
    """How a worker is reached: every channel in the order in which they are tried, and the numbers that are quiet. `set_by`,
    `set_at`: null where the partnership file says so."""

    channels: list[Literal["sms", "voice", "email"]]
    quiet: list[QuietShape]
    set_by: str | None
    set_at: datetime | None


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
    preferences: PreferencesShape


class WorkerPage(BaseModel):
    """Workers."""

    items: list[WorkerShape]


@router.get(
    "",
    response_model=WorkerPage,
    summary="List workers",
    responses={**examples.answer({"items": [_WORKER]}), **responses(401, 403, 429)},
)
def list_workers(caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Those who serve in the caller's teams: on or off, out of reach and why, and what is verified."""
    with runtime.reading() as work:
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


class QuietBody(BaseModel):
    """One number that is left in peace for some hours."""

    model_config = ConfigDict(extra="forbid")

    number: int = Field(
        ge=1, le=6, description="which of their numbers, in the order of the partnership file; 1 is `phone`"
    )
    hours: QuietHours = Field(description="local time, such as 22:00-07:00; it may pass midnight")


class PreferencesBody(BaseModel):
    """How a worker wants to be reached; what is left out is as the partnership file says."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"channels": ["voice", "sms"], "quiet": [{"number": 1, "hours": "22:00-07:00"}]},
        },
    )

    channels: ChannelOrder | None = Field(
        default=None, description="what is tried first, and what after it; what is not named follows: sms, voice, email"
    )
    quiet: list[QuietBody] | None = Field(default=None, max_length=6, description="an empty list: none is ever quiet")


@router.put(
    "/{slug}/preferences",
    response_model=PreferencesShape,
    summary="Set how a worker is reached",
    responses={**examples.answer(_WORKER["preferences"]), **responses(401, 403, 404, 413, 415, 422, 429)},
)
def put_preferences(
    slug: WorkerSlug, body: PreferencesBody, caller: SupervisorDep, runtime: RuntimeDep
) -> dict[str, Any]:
    """In place of what the partnership file says, from the next page on; whatever was set before is replaced. No page is lost
    to it: a quiet number is used after everything else has failed."""
    quiet = None if body.quiet is None else [(each.number, each.hours) for each in body.quiet]
    return workers.prefer(runtime, caller.scope, slug, Wish(channels=body.channels, quiet=quiet))


@router.delete(
    "/{slug}/preferences",
    status_code=204,
    summary="Reach a worker as the partnership file says",
    responses=responses(401, 403, 404, 422, 429),
)
def drop_preferences(slug: WorkerSlug, caller: SupervisorDep, runtime: RuntimeDep) -> Response:
    """Again: nothing happens."""
    workers.prefer_the_file(runtime, caller.scope, slug)
    return Response(status_code=204)
