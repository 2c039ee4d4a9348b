"""What every request passes before a route sees it: its id, its size, its content type, its headers out, one log line."""

import asyncio
import re
import secrets
import time
import traceback

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem

log = structlog.get_logger()

LIMIT = 256 * 1024
TOO_LARGE = "the body is over 256 KiB"
BODY_SECONDS = 15.0
TOO_SLOW = f"the body did not come within {BODY_SECONDS:.0f} seconds; nothing of it was kept, send it again"
GONE = 499  # in the log alone, as nginx has it: whoever asked left before all of it was here
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
TOKEN = re.compile(r"/(t|calendars)/[^/]+")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}


class Boundary:
    """Pure ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        # As they go out, because every answer bears them.
        self._static = _as_sent(HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {}))
        self._usual = [*self._static, *_as_sent({"Cache-Control": "no-store"})]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        structlog.contextvars.bind_contextvars(request=request_id)
        started, status = time.perf_counter(), 500
        begun = False

        async def dressed(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                begun = True
                status = message["status"]
                mine = self._static if scope["path"].startswith("/static/") else self._usual
                given = {name.lower() for name, _ in message["headers"]}
                added = [header for header in mine if header[0] not in given]
                message["headers"] = [*message["headers"], *added, (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            refusal = _refusal(scope, headers)
            if refusal:
                await problem(*refusal)(scope, receive, dressed)
            else:
                await self._app(scope, _Body(receive), dressed)
        except ClientDisconnect:
            status = GONE
        except Exception as error:
            # The frames, never the message: a validation error quotes the values that it did not like.
            log.error(
                "unexpected error", kind=type(error).__name__, frames=traceback.format_tb(error.__traceback__)[-8:]
            )
            if begun:
                raise
            await problem(500, "something went wrong here; it was logged")(scope, receive, dressed)
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            path = TOKEN.sub(r"/\1/…", scope["path"])
            log.info("request", method=scope["method"], path=path, status=status, ms=milliseconds)
            structlog.contextvars.clear_contextvars()


class _Body:
    """What is received of a request: no more than a body may have, and within the time that it may take, because a request that
    never ends would keep its place among those that wait."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._received, self._complete = 0, False
        self._until = asyncio.get_running_loop().time() + BODY_SECONDS

    async def __call__(self) -> Message:
        """The next of it. Raises HTTPException: FastAPI passes this one kind on as it is; any other would be told as a body that
        it can't parse."""
        try:
            async with asyncio.timeout_at(None if self._complete else self._until):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, TOO_SLOW) from None
        self._complete = self._complete or not message.get("more_body", False)
        self._received += len(message.get("body", b""))
        if self._received > LIMIT:
            raise HTTPException(413, TOO_LARGE)
        return message


def _as_sent(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _refusal(scope: Scope, headers: Headers) -> tuple[int, str] | None:
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > LIMIT:
        return 413, TOO_LARGE
    path: str = scope["path"]
    takes_json = path.startswith("/v1/") and not path.startswith("/v1/callbacks/")
    has_body = length != "0" or "transfer-encoding" in headers
    if takes_json and has_body and scope["method"] in ("POST", "PUT", "PATCH"):
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        allowed = (*ALSO_TAKES.get(path, ()), "application/json")
        if kind not in allowed:
            return 415, f"send the body as {' or '.join(allowed)}"
    return None


ALSO_TAKES: dict[str, tuple[str, ...]] = {
    "/v1/incidents": (
        "application/cloudevents+json",
        "application/fhir+json",
        "application/hl7-v2",
        "application/hl7-v2+er7",
        "x-application/hl7-v2+er7",
        "text/csv",
    ),
    "/v1/rulebook": ("application/yaml",),
    "/v1/partnership": ("application/yaml",),
}
