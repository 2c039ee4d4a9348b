"""create_app(runtime): routers, middleware, lifespan. Read this first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from pydantic import SecretStr

from api import (
    audit,
    callbacks,
    health,
    incidents,
    keys,
    people,
    problems,
    rulebook,
    sandbox,
    sla,
    stream,
    tasks,
)
from api.access import RateLimit
from api.boundary import Boundary
from api.pages import board, sandbox_page, sign_in, task_page
from service.engine import Engine
from service.runtime import Runtime, build_runtime
from service.settings import EngineSwitch, Mode, Settings

VERSION = "0.1.0"
STATIC = Path(__file__).parent / "pages" / "static"
SUMMARY = (
    "Rapid response to serious violence against young people: an incident comes in, somebody accountable goes out."
)


def create_app(runtime: Runtime) -> FastAPI:
    """The whole HTTP side over one runtime."""
    engine = Engine(runtime)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if runtime.settings.engine is EngineSwitch.ON:
            engine.start()
        yield
        if runtime.settings.engine is EngineSwitch.ON:
            await run_in_threadpool(engine.stop)
        runtime.close()

    app = FastAPI(
        title="Callout",
        version=VERSION,
        summary=SUMMARY,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=_name_of,
    )
    app.state.runtime = runtime
    app.state.engine = engine
    app.state.rate_limit = RateLimit(a_minute=runtime.settings.rate_limit, burst=runtime.settings.rate_burst)
    app.add_middleware(Boundary, secure=runtime.settings.public_url.startswith("https://"))
    problems.install(app)
    app.add_exception_handler(RequestValidationError, _invalid)
    for part in (incidents, tasks, sla, people, rulebook, audit, keys, callbacks, stream, health):
        app.include_router(part.router)
    for page in (board, task_page, sign_in):
        app.include_router(page.router, include_in_schema=False)
    if runtime.settings.sandbox:
        app.include_router(sandbox.router)
        app.include_router(sandbox_page.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC))

    @app.get("/openapi.json", include_in_schema=False)
    def document() -> dict[str, Any]:
        return openapi(app)

    return app


def _name_of(route: APIRoute) -> str:
    return route.name


def openapi(app: FastAPI) -> dict[str, Any]:
    """The description of this API: what openapi.yaml at the top level holds."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        document["servers"] = [{"url": "/", "description": "this installation"}]
        schemas = document["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for path in document["paths"].values():
            for operation in path.values():
                answer = operation["responses"].get("422")
                if answer and "application/json" in answer.get("content", {}):
                    answer["content"].pop("application/json")
        app.openapi_schema = document
    return app.openapi_schema


def describe() -> dict[str, Any]:
    """The description without a running service: that of a sandbox, which has every address."""
    settings = Settings.model_construct(
        mode=Mode.SANDBOX,
        engine=EngineSwitch.OFF,
        database_url="sqlite://",
        secret_key=SecretStr("not used to describe"),
    )
    runtime = build_runtime(settings)
    document = openapi(create_app(runtime))
    runtime.close()
    return document


def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Say what is wrong with a body; one that was meant to be an incident is kept."""
    if not isinstance(error, RequestValidationError):
        raise error
    faults = problems.validation_faults(error)
    if request.method == "POST" and request.url.path == "/v1/incidents":
        incidents.keep_refused(request, problems.content(422, "the content is wrong", faults), error.body)
    return problems.problem(422, "the content is wrong", faults=faults)
