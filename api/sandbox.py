"""The sandbox's own addresses: the clock, the on-screen phones, example incidents. They exist in sandbox mode alone."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api import examples
from api.access import EngineDep, RuntimeDep, from_our_pages
from api.problems import ApiError, responses
from api.shapes import IncidentShape
from notifiers.base import InboundText
from rules.durations import Duration
from service.errors import Fault, Invalid, ServiceError
from service.flows import intake, replies, sandbox
from service.models.incidents import Incident
from service.numbers import e164
from service.records import phones, views
from service.records.judging import Submission

LONGEST_ADVANCE = timedelta(days=366)


def _same_site(request: Request) -> None:
    """No key is asked for here, so a page of another site must not be able to press the buttons."""
    site = request.headers.get("sec-fetch-site")
    if request.method == "POST" and (site or request.headers.get("origin")) and not from_our_pages(request):
        raise ApiError(403, "the sandbox is moved from its own pages, or by a program, not by another site")


router = APIRouter(prefix="/v1/sandbox", tags=["Sandbox"], dependencies=[Depends(_same_site)])


class Advance(BaseModel):
    """How far to move the clock."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"advance": "PT30M"}})

    advance: Duration = Field(description="ISO 8601, such as PT30M, or short, such as 30m")


class Typed(BaseModel):
    """A text typed on a phone."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"from": "+447700900101", "text": "take"}}, populate_by_name=True
    )

    sender: str = Field(alias="from", min_length=3, max_length=32)
    text: str = Field(max_length=1600)


class ExampleIncident(BaseModel):
    """Which example to report."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"type": "weapon_in_school", "locality": "south"}}
    )

    type: str = Field(min_length=1, max_length=64)
    locality: str | None = Field(default=None, max_length=64)
    drill: bool = False


_NOW = {"now": "2026-11-20T16:12:00Z"}
_MESSAGES = {
    "items": [
        {
            "at": "2026-11-20T15:42:04Z",
            "channel": "sms",
            "to": "+447700900101",
            "text": "K7 HIGH: Education response, South. …",
            "subject": None,
            "task": "tsk_0193a1c2-7b1f-7c3d-8f4a-1b2c3d4e5f61",
            "tasks": ["tsk_0193a1c2-7b1f-7c3d-8f4a-1b2c3d4e5f61"],
            "state": "delivered",
        }
    ]
}

_STATE: dict[str, Any] = {
    **_NOW,
    "timezone": "Europe/London",
    "partnership": "bristol",
    "localities": [{"slug": "south", "name": "South"}],
    "kinds": [{"type": "weapon_in_school", "title": "Weapon in school", "has_locality": True}],
    "phones": [],
    "tasks": [],
}


@router.get("/clock", summary="Read the clock", responses=examples.answer(_NOW))
def read_clock(runtime: RuntimeDep) -> dict[str, Any]:
    """The whole service lives by it."""
    return {"now": runtime.clock.now()}


@router.post("/clock", summary="Move the clock", responses={**examples.answer(_NOW), **responses(403, 413, 415, 422)})
def move_clock(body: Advance, runtime: RuntimeDep, engine: EngineDep) -> dict[str, Any]:
    """Everything that falls due on the way happens at its own time; the answer comes when all of it is done."""
    if body.advance > LONGEST_ADVANCE:
        raise Invalid("the content is wrong", (Fault("/advance", "at most 366 days at once"),))
    now = engine.advance(body.advance)
    sandbox.keep_clock(runtime)
    return {"now": now}


@router.get("/messages", summary="List what went out", responses=examples.answer(_MESSAGES))
def list_messages(runtime: RuntimeDep) -> dict[str, Any]:
    """Newest last."""
    with runtime.reading() as work:
        return {"items": phones.messages(work)}


@router.post(
    "/reply",
    summary="Text from a phone",
    responses={
        **examples.answer({"at": "2026-11-20T15:43:00Z", "meaning": "take", "code": "K7"}),
        **responses(403, 413, 415, 422),
    },
)
def reply(body: Typed, runtime: RuntimeDep) -> dict[str, Any]:
    """As if the provider had called back."""
    text: InboundText = sandbox.phone_text(runtime, _number(body.sender), body.text)
    understood = replies.receive(runtime, text)
    return {
        "at": text.received_at,
        "meaning": understood.meaning if understood else "repeated",
        "code": understood.code if understood else None,
    }


@router.get("/state", summary="Read the whole page's state", responses=examples.answer(_STATE))
def read_state(runtime: RuntimeDep) -> dict[str, Any]:
    """Phones, tasks, buttons and the clock."""
    with runtime.reading() as work:
        return {
            "now": work.now,
            "timezone": work.partnership.timezone,
            "partnership": work.partnership.partnership,
            "localities": [{"slug": slug, "name": name} for slug, name in work.partnership.locality_names.items()],
            "kinds": [{"type": kind.type, "title": kind.title, "has_locality": True} for kind in sandbox.KINDS],
            "phones": phones.threads(work),
            "tasks": phones.cards(work),
        }


@router.post(
    "/incident",
    status_code=201,
    response_model=IncidentShape,
    summary="Report an example",
    responses={**examples.answer(examples.INCIDENT, status=201), **responses(403, 413, 415, 422)},
)
def report_example(body: ExampleIncident, runtime: RuntimeDep) -> dict[str, Any]:
    """An invented incident of one kind, in the demonstration partner's name."""
    report = sandbox.example(runtime, body.type, body.locality, drill=body.drill)
    key = sandbox.demo_partner(runtime)
    taken = intake.accept(runtime, [Submission(report=report, key_id=key.id, partner=key.name)])[0]
    if isinstance(taken, ServiceError):
        raise taken
    runtime.metrics.taken_in(taken.result)
    with runtime.reading() as work:
        return views.incident_view(work, work.session.get_one(Incident, taken.incident_id))


def _number(number: str) -> str:
    try:
        return e164(number)
    except ValueError as error:
        raise Invalid(f"from: {error}") from None
