"""Rotas as calendars: files for whoever has a key, and secret addresses for Outlook, Google and phones."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from api import examples
from api.access import RuntimeDep, SupervisorDep
from api.people import TeamSlug
from api.problems import responses
from api.rotas import WorkerSlug
from service.flows import rota_feeds
from service.flows.rota_feeds import Feed
from service.models.rotas import CalendarLink

router = APIRouter(tags=["Calendars"])

LinkId = Annotated[str, Path(pattern=r"^cal_[0-9a-f-]{36}$")]

_FILE = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Callout//Rotas//EN\r\nCALSCALE:GREGORIAN\r\nMETHOD:PUBLISH\r\n"
    "NAME:On call: Outreach\\, South\r\nX-WR-CALNAME:On call: Outreach\\, South\r\nX-WR-TIMEZONE:Europe/London\r\n"
    "REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\nX-PUBLISHED-TTL:PT1H\r\n"
    "BEGIN:VEVENT\r\nUID:5f2f1c3e-6f0b-5b0e-9d55-1b7d3b0f4a11\r\nDTSTAMP:20261120T154200Z\r\n"
    "DTSTART:20261120T160000Z\r\nDTEND:20261121T160000Z\r\nSEQUENCE:0\r\n"
    "SUMMARY:Leroy Figment: Outreach\\, South\r\nSTATUS:CONFIRMED\r\nTRANSP:TRANSPARENT\r\n"
    "X-MICROSOFT-CDO-BUSYSTATUS:FREE\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
_CALENDAR: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "An iCalendar file (RFC 5545)",
        "content": {"text/calendar": {"schema": {"type": "string"}, "example": _FILE}},
    }
}
_LINK: dict[str, Any] = {
    "id": "cal_0193a1c2-7b24-7c3d-8f4a-1b2c3d4e5f66",
    "team": None,
    "worker": "amina",
    "made_by": "Grace Sample",
    "made_at": "2026-11-20T15:42:00Z",
}
_NEW_LINK = _LINK | {
    "url": "https://callout.example.org/calendars/dGhpcyBpcyBhbiBleGFtcGxlIGFuZCBubyByZWFsIHRva2Vu.ics"
}


class LinkShape(BaseModel):
    """A secret address without its secret: whose shifts it shows, and who made it."""

    id: str
    team: str | None
    worker: str | None
    made_by: str
    made_at: datetime


class NewLinkShape(LinkShape):
    """A secret address, shown only now. Whoever has it reads the calendar without a key, until it is revoked."""

    url: str


class LinkPage(BaseModel):
    """The addresses that still work."""

    items: list[LinkShape]


def _file(feed: Feed) -> Response:
    from api import ics  # noqa: PLC0415 - no start waits for what writes calendars

    # Outlook opens from its cache, so it must be let to keep the file for a moment.
    headers = {"Content-Disposition": 'inline; filename="rota.ics"', "Cache-Control": "private, max-age=300"}
    return Response(ics.render(feed), media_type=ics.MEDIA_TYPE, headers=headers)


def _shown(made: tuple[CalendarLink, str]) -> dict[str, Any]:
    row, url = made
    return row.model_dump(exclude={"token_hash"}) | {"url": url}


@router.get(
    "/v1/teams/{slug}/rota.ics",
    response_class=Response,
    summary="A team's rota as a calendar",
    responses={**_CALENDAR, **responses(401, 403, 404, 422, 429)},
)
def read_team_calendar(slug: TeamSlug, caller: SupervisorDep, runtime: RuntimeDep) -> Response:
    """Its shifts, swaps and stand-ins included, and its gaps, from four weeks back to half a year ahead."""
    with runtime.reading() as work:
        return _file(rota_feeds.of_team(work, caller.scope, slug))


@router.get(
    "/v1/workers/{slug}/rota.ics",
    response_class=Response,
    summary="A worker's shifts as a calendar",
    responses={**_CALENDAR, **responses(401, 403, 404, 422, 429)},
)
def read_worker_calendar(slug: WorkerSlug, caller: SupervisorDep, runtime: RuntimeDep) -> Response:
    """Their shifts in every team, from four weeks back to half a year ahead."""
    with runtime.reading() as work:
        return _file(rota_feeds.of_worker(work, caller.scope, slug))


@router.post(
    "/v1/teams/{slug}/calendar-links",
    status_code=201,
    response_model=NewLinkShape,
    summary="Make a secret address for a team's calendar",
    responses={
        **examples.answer(_NEW_LINK | {"team": "outreach-south", "worker": None}, status=201),
        **responses(401, 403, 404, 422, 429),
    },
)
def make_team_link(slug: TeamSlug, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """To subscribe to from Outlook, Google or a phone, which can't send a key. It is shown only now."""
    return _shown(rota_feeds.make_link(runtime, caller.scope, team=slug, worker=None))


@router.post(
    "/v1/workers/{slug}/calendar-links",
    status_code=201,
    response_model=NewLinkShape,
    summary="Make a secret address for a worker's calendar",
    responses={**examples.answer(_NEW_LINK, status=201), **responses(401, 403, 404, 422, 429)},
)
def make_worker_link(slug: WorkerSlug, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """To subscribe to from Outlook, Google or a phone, which can't send a key. It is shown only now."""
    return _shown(rota_feeds.make_link(runtime, caller.scope, team=None, worker=slug))


@router.get(
    "/v1/calendar-links",
    response_model=LinkPage,
    summary="Secret addresses of calendars",
    responses={**examples.answer({"items": [_LINK]}), **responses(401, 403, 429)},
)
def list_links(caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Those that still work, without their secrets."""
    with runtime.reading() as work:
        return {"items": rota_feeds.links(work, caller.scope)}


@router.delete(
    "/v1/calendar-links/{link_id}",
    status_code=204,
    summary="Revoke a secret address",
    responses=responses(401, 403, 404, 422, 429),
)
def revoke_link(link_id: LinkId, caller: SupervisorDep, runtime: RuntimeDep) -> Response:
    """It ends at once: whoever asks is answered as if it had never been."""
    rota_feeds.revoke_link(runtime, caller.scope, link_id)
    return Response(status_code=204)


@router.get(
    "/calendars/{token}.ics",
    response_class=Response,
    summary="A calendar under its secret address",
    responses={**_CALENDAR, **responses(404, 422)},
)
def read_calendar(token: str, runtime: RuntimeDep) -> Response:
    """Without a key. An address that is wrong, revoked, or of somebody who has left is answered with the same 404."""
    with runtime.reading() as work:
        return _file(rota_feeds.by_token(work, token))
