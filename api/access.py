"""Who is calling, and what they may see and do; the session and the moment that a route works with."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from itsdangerous import BadSignature, URLSafeTimedSerializer

from api.feeds.codelists import CodeLists
from api.problems import ApiError
from service.desk import Desk
from service.engine import Engine
from service.flows.actions import Scope
from service.models.access import AccessKey, Role
from service.records import keys
from service.runtime import Runtime

SESSION_COOKIE = "callout_session"
SESSION_SECONDS = 12 * 3600
MOST_KEPT = 10_000

# Said to whoever reads the description; who calls is found out by `authenticate`.
bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An access key, as `Authorization: Bearer KEY`")
cookie = APIKeyCookie(
    name=SESSION_COOKIE, auto_error=False, scheme_name="session", description="A supervisor signed in on the pages"
)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody with a key: what they are, and which localities they may see (none named: all). `trial`: the test for which
    the service itself calls."""

    key_id: str
    name: str
    role: Role
    localities: tuple[str, ...]
    needs_lawful_basis: bool = False
    trial: str | None = None

    @property
    def scope(self) -> Scope:
        """What the service lets them act on."""
        return Scope(actor=self.name, localities=self.localities)


def runtime_of(request: Request) -> Runtime:
    """The runtime that the app was made with."""
    return cast(Runtime, request.app.state.runtime)


def engine_of(request: Request) -> Engine:
    """The engine of this process, started or not."""
    return cast(Engine, request.app.state.engine)


def code_lists_of(request: Request) -> CodeLists:
    """What partners' codes mean, as the app was made with."""
    return cast(CodeLists, request.app.state.code_lists)


def desk_of(request: Request) -> Desk:
    """Where this process takes reports in."""
    return cast(Desk, request.app.state.desk)


# What waits for nothing is async: for the rest FastAPI fetches a thread.
async def _runtime(request: Request) -> Runtime:
    return runtime_of(request)


async def _engine(request: Request) -> Engine:
    return engine_of(request)


RuntimeDep = Annotated[Runtime, Depends(_runtime)]
EngineDep = Annotated[Engine, Depends(_engine)]


async def _now(runtime: RuntimeDep) -> datetime:
    return runtime.clock.now()


NowDep = Annotated[datetime, Depends(_now)]


KEY, SESSION = "key", "session"


class Callers:
    """Who was behind a key a moment ago: a key that is revoked elsewhere is refused here when that is over, and one that
    is revoked here at once."""

    def __init__(self, *, seconds: float = 0.5) -> None:
        self._seconds = seconds
        self._kept: dict[tuple[str, str], tuple[float, Caller]] = {}
        self._reading: dict[tuple[int, str], asyncio.Future[Caller | None]] = {}
        self._age = 0

    @property
    def age(self) -> int:
        """How often everything was forgotten."""
        return self._age

    def find(self, text: str, *, kind: str = KEY) -> Caller | None:
        """The caller by the text of a key, or by what stands behind a session, if it was seen a moment ago. Nobody may pass
        the one off as the other: an id is no secret."""
        until, caller = self._kept.get((kind, keys.hash_of(text)), (0.0, None))
        return caller if time.monotonic() < until else None

    def keep(self, text: str, caller: Caller, age: int, *, kind: str = KEY) -> None:
        """A caller was read from the database when `age` was what it said, so that a key revoked since is not kept."""
        if age == self._age:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[kind, keys.hash_of(text)] = (time.monotonic() + self._seconds, caller)

    async def read(self, text: str, read: Callable[[], Caller | None]) -> Caller | None:
        """What `read` finds behind the text of a key, in a thread: one for all who come with it meanwhile, because those who call
        at the same time have all been forgotten at the same time. Whoever comes after `forget` does not join one from before."""
        asked = self._age, keys.hash_of(text)
        reading = self._reading.get(asked)
        if reading is None:
            reading = self._reading[asked] = asyncio.ensure_future(run_in_threadpool(read))
            reading.add_done_callback(lambda _: self._reading.pop(asked))
        return await asyncio.shield(reading)  # who goes away takes nobody's answer along

    def forget(self) -> None:
        """A key was changed."""
        self._age += 1
        self._kept.clear()


def callers_of(request: Request) -> Callers:
    """The callers that the app has seen."""
    return cast(Callers, request.app.state.callers)


async def authenticate(request: Request) -> Caller:
    """The caller by their key, or by a page's session. Raises 401, and 429 with Retry-After."""
    runtime, text, known = runtime_of(request), given_key(request), callers_of(request)
    if text is None:
        caller = await run_in_threadpool(signed_in, request, runtime)
    else:
        caller = known.find(text) or await known.read(text, lambda: _by_key(known, runtime, text))
    return _let_in(request, runtime, text, caller)


def _let_in(request: Request, runtime: Runtime, text: str | None, caller: Caller | None) -> Caller:
    if caller is None:
        detail = (
            "this key is not known or was revoked"
            if text is not None
            else "no key was given; send it as: Authorization: Bearer KEY"
        )
        raise ApiError(401, detail, {"WWW-Authenticate": "Bearer"})
    return let_in(request, runtime, caller)


def let_in(request: Request, runtime: Runtime, caller: Caller) -> Caller:
    """A caller who was identified, counted against their rate. Raises 429."""
    seconds = request.app.state.rate_limit.wait(caller.key_id, runtime.clock.now())
    if seconds:
        raise ApiError(429, "too many requests with this key", {"Retry-After": str(int(seconds) + 1)})
    request.state.caller = caller
    return caller


def identify_by_headers(request: Request) -> Caller:
    """The caller of a request whose body could not even be parsed, so that no route has asked who it is."""
    known: Caller | None = getattr(request.state, "caller", None)
    if known is not None:
        return known
    runtime, text = runtime_of(request), given_key(request)
    caller = signed_in(request, runtime) if text is None else _by_key(callers_of(request), runtime, text)
    return _let_in(request, runtime, text, caller)


def given_key(request: Request) -> str | None:
    """The text of the key that a request brings."""
    kind, text = get_authorization_scheme_param(request.headers.get("authorization"))
    return text if kind.lower() == "bearer" and text else None


def _by_key(known: Callers, runtime: Runtime, text: str) -> Caller | None:
    age = known.age
    with runtime.database.reading() as session:
        key = keys.find(session, text)
    if key is None:
        return None
    caller = caller_of(key)
    known.keep(text, caller, age)
    return caller


def caller_of(key: AccessKey) -> Caller:
    """A key's holder as a caller."""
    return Caller(
        key_id=key.id,
        name=key.name,
        role=Role(key.role),
        localities=tuple(key.localities),
        needs_lawful_basis=key.needs_lawful_basis,
    )


def _by_session(request: Request, runtime: Runtime, token: str | None) -> Caller | None:
    """Who is signed in on the pages. A form on another site can't act in their name: what changes something must come
    from our own pages."""
    if request.method not in ("GET", "HEAD") and not from_our_pages(request):
        return None
    if not token:
        return None
    try:
        key_id = sessions(runtime).loads(token, max_age=SESSION_SECONDS)
    except BadSignature:
        return None
    known = callers_of(request)
    caller, age = known.find(key_id, kind=SESSION), known.age
    if caller is None:
        with runtime.database.reading() as session:
            key = session.get(AccessKey, key_id)
        if key is None or key.revoked_at is not None:
            return None
        caller = caller_of(key)
        known.keep(key_id, caller, age, kind=SESSION)
    return caller


def signed_in(request: Request, runtime: Runtime) -> Caller | None:
    """Who is signed in in this browser."""
    return _by_session(request, runtime, request.cookies.get(SESSION_COOKIE))


def from_our_pages(request: Request) -> bool:
    """Whether a browser says that this request comes from a page of this service."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and origin.split("://", 1)[-1] == request.headers.get("host")


def sessions(runtime: Runtime) -> URLSafeTimedSerializer:
    """Signs the cookies of signed-in supervisors."""
    return URLSafeTimedSerializer(runtime.keyring.session_secret, salt="session")


GUARDS: set[Callable[..., Any]] = set()
SCHEMES = {scheme.scheme_name: scheme.model for scheme in (bearer, cookie)}


def with_a_key() -> list[dict[str, list[str]]]:
    """What the description says of a route that needs a key: by either way."""
    return [{name: []} for name in SCHEMES]


def allow(*roles: Role) -> Callable[..., Any]:
    """A dependency that lets only some roles in; admins may do everything. It looks for the key itself: each dependency more
    takes FastAPI a good part of what reading a task takes."""

    async def check(request: Request) -> Caller:
        return in_role(await authenticate(request), *roles)

    GUARDS.add(check)
    return check


def in_role(caller: Caller, *roles: Role) -> Caller:
    """A caller who has one of some roles, or is an admin. Raises 403."""
    if caller.role is not Role.ADMIN and caller.role not in roles:
        needed = " or ".join(role.value for role in roles) or "admin"
        raise ApiError(403, f"this key has the role {caller.role.value}; {needed} is needed")
    return caller


PartnerDep = Annotated[Caller, Depends(allow(Role.PARTNER))]
SupervisorDep = Annotated[Caller, Depends(allow(Role.SUPERVISOR))]
AnyoneDep = Annotated[Caller, Depends(allow(Role.PARTNER, Role.SUPERVISOR))]
AdminDep = Annotated[Caller, Depends(allow())]
