"""Signing in on the pages: a key exchanged for a cookie. A sandbox signs in by itself."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.access import (
    SESSION_COOKIE,
    SESSION_SECONDS,
    Caller,
    RuntimeDep,
    caller_of,
    from_our_pages,
    sessions,
    signed_in,
)
from api.pages.rendering import page
from api.problems import ApiError
from service.flows import sandbox
from service.models.access import Role
from service.records import keys
from service.runtime import Runtime

router = APIRouter()


@router.get("/", response_class=RedirectResponse)
def home(runtime: RuntimeDep) -> RedirectResponse:
    """The first page: the phones in a sandbox, the board otherwise."""
    return RedirectResponse("/sandbox" if runtime.settings.sandbox else "/board", 303)


@router.get("/sign-in", response_class=HTMLResponse)
def show_sign_in(request: Request, next: str = "/board") -> HTMLResponse:  # noqa: A002 - the name in the address
    """The form."""
    return page(request, "sign_in.html", error=None, next=_inside(next))


@router.post("/sign-in", response_class=HTMLResponse)
def sign_in(
    request: Request,
    runtime: RuntimeDep,
    key: Annotated[str, Form(max_length=200)],
    next: Annotated[str, Form(max_length=200)] = "/board",  # noqa: A002 - the name in the form
) -> Response:
    """Take a supervisor's key and give a cookie."""
    if not from_our_pages(request):
        raise ApiError(403, "sign in from this service's own page")
    seconds = request.app.state.rate_limit.wait("sign-in", runtime.clock.now())
    if seconds:
        raise ApiError(429, "too many tries", {"Retry-After": str(int(seconds) + 1)})
    with runtime.database.reading() as session:
        found = keys.find(session, key.strip())
    if found is None or Role(found.role) is Role.PARTNER:
        error = "This key is not known, was revoked, or is not a supervisor's."
        return page(request, "sign_in.html", 401, error=error, next=_inside(next))
    response = RedirectResponse(_inside(next), 303)
    give_session(response, runtime, found.id)
    return response


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Forget the cookie."""
    if not from_our_pages(request):
        raise ApiError(403, "sign out from this service's own page")
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response


def supervisor_here(request: Request, runtime: Runtime) -> tuple[Caller | None, str | None]:
    """Who looks at a page, and the key to open a session for: in a sandbox the demonstration's supervisor."""
    caller = signed_in(request, runtime)
    if caller is not None or not runtime.settings.sandbox:
        return caller, None
    text = sandbox.demo_keys(runtime)[Role.SUPERVISOR]
    with runtime.database.reading() as session:
        key = keys.find(session, text)
    return (caller_of(key), key.id) if key else (None, None)


def give_session(response: Response, runtime: Runtime, key_id: str) -> None:
    """Set the cookie that a page's own requests carry."""
    response.set_cookie(
        SESSION_COOKIE,
        sessions(runtime).dumps(key_id),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=runtime.settings.public_url.startswith("https://"),
    )


def _inside(address: str) -> str:
    """An address on this service, so that a link can't send somebody elsewhere after signing in."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\")) else "/board"
