"""A worker's page for one task, reached by the link in a text. A GET changes nothing; taking is two gestures."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from api.access import RuntimeDep
from api.pages.rendering import page
from service.errors import Conflict, Invalid, NotFound
from service.flows import worker_page
from service.runtime import Runtime

router = APIRouter()

Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Field = Annotated[str, Form(max_length=2000)]
NONCE_SECONDS = 3600
TWO_GESTURES = ("take", "pass")


@router.get("/t/{token}", response_class=HTMLResponse)
def show_task(request: Request, token: Token, runtime: RuntimeDep, done: str = "") -> Response:
    """The facts, and what can be done. Opened by a link preview, nothing happens."""
    return _show(request, runtime, token, notice=worker_page.NOTICES.get(done))


@router.post("/t/{token}", response_class=HTMLResponse)
def act(
    request: Request,
    token: Token,
    runtime: RuntimeDep,
    action: Field,
    nonce: Field = "",
    confirm: Field = "",
    sure: Field = "",
    reason: Field = "",
    outcome: Field = "",
    note: Field = "",
) -> Response:
    """One action. Mail scanners submit forms, so taking and passing ask again, for a tick that a scanner doesn't set."""
    if not _fresh(runtime, token, nonce):
        return _show(request, runtime, token, error="This page was open for too long. Please do it again.")
    if action in TWO_GESTURES and not (confirm and sure == "yes"):
        return _confirm(request, runtime, token, action, "Tick the box to go on." if confirm else None)
    try:
        if action == "details":
            return _show(request, runtime, token, details=worker_page.open_details(runtime, token))
        worker_page.act(runtime, token, action, reason=reason, outcome=outcome, note=note)
    except NotFound:
        return page(request, "task_gone.html", 404)
    except (Conflict, Invalid) as error:
        return _show(request, runtime, token, error=error.detail)
    return RedirectResponse(f"/t/{token}?done={action}", 303)


def _show(
    request: Request,
    runtime: Runtime,
    token: str,
    *,
    notice: str | None = None,
    error: str | None = None,
    details: list[dict[str, str]] | None = None,
) -> Response:
    try:
        context: dict[str, Any] = worker_page.look(runtime, token)
    except NotFound:
        return page(request, "task_gone.html", 404)
    extra: dict[str, Any] = {"token": token, "nonce": _nonces(runtime).dumps(token)}
    return page(request, "task.html", **context, **extra, notice=notice, error=error, details=details)


def _confirm(request: Request, runtime: Runtime, token: str, action: str, error: str | None) -> Response:
    try:
        context: dict[str, Any] = worker_page.look(runtime, token)
    except NotFound:
        return page(request, "task_gone.html", 404)
    extra: dict[str, Any] = {"token": token, "nonce": _nonces(runtime).dumps(token), "action": action}
    return page(request, "task_confirm.html", **context, **extra, error=error)


def _nonces(runtime: Runtime) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(runtime.keyring.session_secret, salt="task page")


def _fresh(runtime: Runtime, token: str, nonce: str) -> bool:
    try:
        return bool(_nonces(runtime).loads(nonce, max_age=NONCE_SECONDS) == token)
    except BadSignature:
        return False
