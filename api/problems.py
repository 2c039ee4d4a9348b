"""Every error leaves as RFC 9457 problem+json, from one table; none carries a stack trace or personal data."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from rules.incident import LINE, NO_NUL
from service import errors
from service.away import is_away
from service.records.inforce import NotSetUp

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
AWAY_SECONDS = 2  # a restart of PostgreSQL takes about so long
BUSY = "too many requests are waiting; nothing of this one was kept, send it again"

STATUS: dict[type[errors.ServiceError], int] = {
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.Conflict: 409,
    errors.Invalid: 422,
    errors.TooSoon: 429,
    NotSetUp: 503,
}


class FieldProblem(BaseModel):
    """One fault of a body or a parameter."""

    pointer: str = Field(description="RFC 6901 JSON pointer into the body; `/query/…` or `/header/…` for a parameter")
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None


# What FastAPI is not told of (see `responses`), for the description.
DESCRIBED: tuple[type[BaseModel], ...] = (Problem,)


class ApiError(Exception):
    """An error that belongs to HTTP alone: no key, the wrong content type, too many requests."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def problem(
    status: int, detail: str, *, faults: list[dict[str, str]] | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """One error as it leaves."""
    return JSONResponse(content(status, detail, faults), status, headers=headers, media_type=MEDIA_TYPE)


def content(status: int, detail: str, faults: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """The members of one error."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return body | ({"errors": faults} if faults else {})


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route declares of its errors, with an example of each. As its `model` FastAPI would build a validator of Problem
    for each error of each route, four hundred in all, at every start. What may be too large may be too slow."""
    every = (*statuses, HTTPStatus.REQUEST_TIMEOUT) if HTTPStatus.REQUEST_ENTITY_TOO_LARGE in statuses else statuses
    return {int(status): _declared(int(status)) for status in sorted(every)}


def _declared(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": EXAMPLES[status]}},
    }
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        said = "Seconds after which to send it again, where that is known."
        answer["headers"] = {"Retry-After": {"description": said, "schema": {"type": "integer", "minimum": 1}}}
    return answer


EXAMPLES: dict[int, dict[str, Any]] = {
    401: content(401, "no key was given; send it as: Authorization: Bearer KEY"),
    403: content(403, "this key has the role partner; supervisor is needed"),
    404: content(404, "there is no such task"),
    408: content(408, "the body did not come within 15 seconds; nothing of it was kept, send it again"),
    409: content(409, "K7 is taken by Amina Example"),
    413: content(413, "the body is over 256 KiB"),
    415: content(415, "send the body as application/json"),
    422: content(422, "the content is wrong", [{"pointer": "/occurred_at", "detail": "an offset is needed"}]),
    429: content(429, "too many requests with this key"),
    503: content(503, BUSY),
}


def service_faults(error: errors.ServiceError) -> list[dict[str, str]] | None:
    """The pointers of an Invalid."""
    faults = error.faults if isinstance(error, errors.Invalid) else ()
    return [{"pointer": fault.pointer, "detail": fault.detail} for fault in faults] or None


def status_of(error: errors.ServiceError) -> int:
    """The status under which an error of the service leaves."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)


def validation_faults(error: RequestValidationError) -> list[dict[str, str]]:
    """What FastAPI found, as pointers in plain words. The offending values are left out: they may be personal."""
    faults = []
    for found in error.errors():
        place = [str(part).replace("~", "~0").replace("/", "~1") for part in found["loc"]]
        if place and place[0] == "body":
            place = place[1:] if found["type"] != "json_invalid" else []
        faults.append({"pointer": "/" + "/".join(place) if place else "", "detail": _plain(found)})
    return faults


def _plain(found: Mapping[str, Any]) -> str:
    if found["type"] == "extra_forbidden":
        return "there is no such field"
    if found["type"] == "timezone_aware":
        return "an offset is needed, such as 2026-11-20T15:41:00Z"
    if found["type"] == "string_pattern_mismatch" and found.get("ctx", {}).get("pattern") in (LINE, NO_NUL):
        return "must hold no control characters"
    if found["type"] == "json_invalid":
        return f"this is not JSON: {found.get('ctx', {}).get('error', 'syntax error')}"
    return str(found["msg"]).removeprefix("Value error, ")


def install(app: FastAPI) -> None:
    """Let every error of the app leave as problem+json."""

    @app.exception_handler(errors.ServiceError)
    def _service(_request: Request, error: errors.ServiceError) -> JSONResponse:
        wait = {"Retry-After": str(int(error.seconds) + 1)} if isinstance(error, errors.TooSoon) else None
        return problem(status_of(error), error.detail, faults=service_faults(error), headers=wait)

    @app.exception_handler(ApiError)
    def _api(_request: Request, error: ApiError) -> JSONResponse:
        return problem(error.status, error.detail, headers=error.headers)

    @app.exception_handler(SQLAlchemyError)
    def _database(_request: Request, error: SQLAlchemyError) -> JSONResponse:
        if not is_away(error):
            raise error
        kind = type(error.orig if isinstance(error, DBAPIError) else error).__name__
        log.warning("the database is away", kind=kind)
        return problem(
            503, "the database can't be asked just now; try again", headers={"Retry-After": str(AWAY_SECONDS)}
        )
