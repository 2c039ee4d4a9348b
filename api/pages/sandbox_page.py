"""The sandbox page: the workers' phones side by side."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from api.access import RuntimeDep
from api.pages.rendering import page
from api.pages.sign_in import give_session, supervisor_here

router = APIRouter()


@router.get("/sandbox", response_class=HTMLResponse)
def show_sandbox(request: Request, runtime: RuntimeDep) -> Response:
    """What it shows comes from /v1/sandbox/state."""
    response = page(request, "sandbox.html")
    _, key_id = supervisor_here(request, runtime)
    if key_id:
        give_session(response, runtime, key_id)
    return response
