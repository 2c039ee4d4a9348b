"""A task as its supervisors see it: its deadlines, its history, the network behind it, and the button that brings the
workers together."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.access import Caller, RuntimeDep, signed_in
from api.pages.rendering import page
from api.pages.sign_in import give_session, supervisor_here
from api.problems import ApiError
from service.errors import Conflict, Invalid, NotFound, ServiceError
from service.flows import meetings
from service.records import boards
from service.runtime import Runtime

router = APIRouter()

TaskId = Annotated[str, Path(pattern=r"^tsk_[0-9a-f-]{36}$")]


@router.get("/board/tasks/{task_id}", response_class=HTMLResponse)
def show_card(request: Request, runtime: RuntimeDep, task_id: TaskId) -> Response:
    """The whole page."""
    caller, key_id = supervisor_here(request, runtime)
    if caller is None:
        return RedirectResponse(f"/sign-in?next={quote(f'/board/tasks/{task_id}')}", 303)
    response = _show(request, runtime, caller, task_id)
    if key_id:
        give_session(response, runtime, key_id)
    return response


@router.post("/board/tasks/{task_id}", response_class=HTMLResponse)
def bring_together(
    request: Request,
    runtime: RuntimeDep,
    task_id: TaskId,
    at: Annotated[str, Form(max_length=40)] = "",
    place: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Ask the workers of the network to meet."""
    caller = signed_in(request, runtime)
    if caller is None:
        raise ApiError(401, "sign in on this service's own page first")
    moment = _local(runtime, at)
    if moment is None or not place.strip():
        return _show(request, runtime, caller, task_id, error="Give a day, a time and a place.", at=at, place=place)
    try:
        meetings.convene(runtime, task_id, at=moment, place=place, localities=caller.localities, actor=caller.name)
    except NotFound:
        return _show(request, runtime, caller, task_id)
    except (Conflict, Invalid) as error:
        return _show(request, runtime, caller, task_id, error=_said(error), at=at, place=place)
    return RedirectResponse(f"/board/tasks/{task_id}#together", 303)


def _said(error: ServiceError) -> str:
    faults = error.faults if isinstance(error, Invalid) else ()
    return "; ".join(f"{fault.pointer.lstrip('/').capitalize()}: {fault.detail}" for fault in faults) or error.detail


def _local(runtime: Runtime, text: str) -> datetime | None:
    """What a browser's own field for a day and a time gives, on the partnership's clocks."""
    with runtime.reading() as work:
        zone = work.partnership.zone
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        return None


def _show(
    request: Request,
    runtime: Runtime,
    caller: Caller,
    task_id: str,
    *,
    error: str | None = None,
    at: str = "",
    place: str = "",
) -> HTMLResponse:
    try:
        with runtime.reading() as work:
            context: dict[str, Any] = boards.task_card(work, task_id, caller.localities)
    except NotFound:
        return page(request, "card_gone.html", 404)
    return page(request, "task_card.html", 409 if error else 200, **context, error=error, at=at, place=place)
