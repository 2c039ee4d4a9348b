"""Server-sent events: a board hears that something changed, and asks for what it may see."""

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse

from api.access import RuntimeDep, SupervisorDep
from api.problems import responses
from service.runtime import Runtime

router = APIRouter(prefix="/v1", tags=["Boards"])

PING_SECONDS = 15
GATHER_SECONDS = 0.05


@router.get(
    "/stream",
    summary="Hear of changes as they happen",
    response_class=EventSourceResponse,
    responses={
        200: {
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'event: change\ndata: {"now": "2026-11-20T15:42:04Z"}\n\n',
                }
            }
        },
        **responses(401, 403, 429),
    },
)
async def stream(request: Request, _caller: SupervisorDep, runtime: RuntimeDep) -> EventSourceResponse:
    """`change` comes after every commit, several at once as one; it says that there is news, never what it is."""
    return EventSourceResponse(_changes(request, runtime), ping=PING_SECONDS)


async def _changes(request: Request, runtime: Runtime) -> AsyncIterator[dict[str, str]]:
    loop = asyncio.get_running_loop()
    news = asyncio.Event()

    def tell() -> None:
        loop.call_soon_threadsafe(news.set)

    forget = runtime.changed.listen(tell)
    try:
        while not await request.is_disconnected():
            yield {"event": "change", "data": json.dumps({"now": runtime.clock.now().isoformat()})}
            await news.wait()
            await asyncio.sleep(GATHER_SECONDS)
            news.clear()
    finally:
        forget()
