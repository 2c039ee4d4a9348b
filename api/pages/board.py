"""The wallboard: open tasks with their countdowns by locality, worst first."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.access import Caller, RuntimeDep
from api.pages.rendering import page
from api.pages.sign_in import give_session, supervisor_here
from service.records import boards, providers
from service.runtime import Runtime
from service.shared import Shared

router = APIRouter()

Locality = Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,64}$")]


@router.get("/board", response_class=HTMLResponse)
def show_board(request: Request, runtime: RuntimeDep, locality: Locality = None) -> Response:
    """The whole page."""
    caller, key_id = supervisor_here(request, runtime)
    if caller is None:
        here = f"/board?locality={locality}" if locality else "/board"
        return RedirectResponse(f"/sign-in?next={quote(here)}", 303)
    response = page(request, "board.html", **_context(runtime, caller, locality))
    if key_id:
        give_session(response, runtime, key_id)
    return response


@router.get("/board/open", response_class=HTMLResponse)
def show_open(request: Request, runtime: RuntimeDep, locality: Locality = None) -> Response:
    """The part that changes. Every open board asks for it after each change, so those that show the same share one."""
    caller, _ = supervisor_here(request, runtime)
    if caller is None:
        return Response("signed out", 401, media_type="text/plain")
    views: Shared[bytes] = request.app.state.boards
    shown = views.get(
        (tuple(caller.localities), locality),
        lambda: bytes(page(request, "_board.html", **_context(runtime, caller, locality)).body),
    )
    return HTMLResponse(shown)


def _context(runtime: Runtime, caller: Caller, locality: str | None) -> dict[str, Any]:
    with runtime.reading() as work:
        down = [each for each in providers.standing(work, runtime.notifiers) if not each.up]
        return boards.board(work, caller.localities, locality) | {"down": down}
