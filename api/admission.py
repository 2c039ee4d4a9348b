"""Who is let in when more requests wait for the database than it can answer in time: reads are turned away first, then new
work; whatever a phone or a provider sends, never."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import BUSY, problem

NEVER = ("/v1/callbacks/", "/t/", "/static/", "/healthz", "/readyz", "/metrics")
READS = ("GET", "HEAD")


class Admission:
    """Counts the requests that were let in and are not answered yet, and turns others away before their body is read.

    Reads get no more than half of the room: a board asks again, a report may never come again. The event loop alone counts,
    so no lock is needed.
    """

    def __init__(self, app: ASGIApp, *, longest: int) -> None:
        self._app = app
        self._longest = longest
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or turn it away."""
        if scope["type"] != "http" or scope["path"].startswith(NEVER):
            await self._app(scope, receive, send)
        elif self._waiting >= (self._longest // 2 if scope["method"] in READS else self._longest):
            await problem(503, BUSY, headers={"Retry-After": "1"})(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._waiting += 1
        inside = True

        def leave() -> None:
            nonlocal inside
            self._waiting -= inside
            inside = False

        async def answering(message: Message) -> None:
            # A stream goes on for hours after it has begun, and waits for nothing.
            leave()
            await send(message)

        try:
            await self._app(scope, receive, answering)
        finally:
            leave()
