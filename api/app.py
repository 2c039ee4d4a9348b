"""create_app(runtime): routers, middleware, lifespan. Read this first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from pydantic import SecretStr
from starlette.exceptions import HTTPException

from api import (
    access,
    audit,
    calendars,
    callbacks,
    callbacks_notify,
    convenings,
    coverage,
    guardians,
    health,
    hotspots,
    incidents,
    keys,
    networks,
    people,
    problems,
    providers,
    reports,
    rotas,
    rulebook,
    sandbox,
    sla,
    stream,
    tasks,
    watch,
    workers,
)
from api.access import Callers
from api.admission import Admission
from api.boundary import Boundary
from api.feeds import codelists
from api.pages import board, places_map, sandbox_page, sign_in, task_card, task_page
from api.rate_limit import RateLimit
from api.refusals import Refusal, keep_refused
from service.desk import Desk
from service.engine import Engine
from service.models.access import Role
from service.runtime import Runtime, build_runtime
from service.settings import Mode, Settings, Switch
from service.shared import Shared

VERSION = "0.1.0"
STATIC = Path(__file__).parent / "pages" / "static"
SUMMARY = (
    "Rapid response to serious violence against young people: an incident comes in, somebody accountable goes out."
)

TAGS = [
    {"name": "Incidents", "description": "What partner systems report."},
    {"name": "Tasks", "description": "One team's work under a pathway: found, read, and acted on by supervisors."},
    {"name": "Deadlines", "description": "How the milestones stand now, and how they were kept."},
    {"name": "Networks", "description": "What recurs together across reports."},
    {"name": "Places", "description": "Where incidents recur, by a policy of the rulebook's."},
    {"name": "Guardians", "description": "Trained people of the community, whose texts are taken as concerns."},
    {"name": "People", "description": "Who is on call, gaps and changes in rotas, the partnership file."},
    {"name": "Calendars", "description": "Rotas as calendars to subscribe to, by key or under a secret address."},
    {"name": "Rulebook", "description": "The policy in force."},
    {"name": "Audit", "description": "The record that can't be changed unseen."},
    {"name": "Keys", "description": "Who may call."},
    {"name": "Providers", "description": "Who carries the messages, and how they stand."},
    {"name": "Callbacks", "description": "What providers send, signed by them."},
    {"name": "Boards", "description": "Changes as they happen."},
    {"name": "Health", "description": "For whoever runs the service. No key is needed."},
    {"name": "Sandbox", "description": "The clock and the on-screen phones. None of it exists in live mode."},
]

PARTS = (
    incidents,
    tasks,
    sla,
    networks,
    convenings,
    hotspots,
    guardians,
    people,
    coverage,
    rotas,
    workers,
    calendars,
    rulebook,
    audit,
    keys,
    providers,
    callbacks,
    callbacks_notify,
    stream,
    watch,
    health,
)


def create_app(runtime: Runtime) -> FastAPI:
    """The whole HTTP side over one runtime."""
    engine = Engine(runtime)
    desk = Desk(runtime)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if runtime.settings.engine is Switch.ON:
            engine.start()
        else:
            engine.follow()
        yield
        await run_in_threadpool(desk.stop)
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
        openapi_tags=TAGS,
        generate_unique_id_function=_name_of,
    )
    app.state.runtime = runtime
    app.state.engine = engine
    app.state.code_lists = codelists.load(runtime.settings.code_lists)
    app.state.callers = Callers()
    app.state.desk = desk
    app.state.boards = Shared[bytes](lambda: runtime.changed.count)
    app.state.rate_limit = RateLimit(a_minute=runtime.settings.rate_limit, burst=runtime.settings.rate_burst)
    app.add_middleware(Admission, longest=runtime.settings.intake_queue)
    app.add_middleware(Boundary, secure=runtime.settings.public_url.startswith("https://"))
    problems.install(app)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unreadable)
    for part in PARTS:
        app.include_router(part.router)
    for page in (board, places_map, task_card, task_page, sign_in):
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


def _complete(router: APIRouter, paths: dict[str, Any]) -> None:
    """Say which routes need a key. And FastAPI leaves out whatever is null, in examples too; there a null says something."""
    for route in router.routes:
        if not isinstance(route, APIRoute) or route.path_format not in paths:
            continue
        needs_key = any(each.call in access.GUARDS for each in route.dependant.dependencies)
        for method in route.methods or ():
            operation = paths[route.path_format][method.lower()]
            if needs_key:
                operation["security"] = access.with_a_key()
            answers = operation["responses"]
            for status, answer in route.responses.items():
                for kind, content in answer.get("content", {}).items():
                    if "example" in content:
                        answers[str(status)]["content"][kind]["example"] = jsonable_encoder(content["example"])


def _component(status: str) -> str:
    return "".join(word.capitalize() for word in HTTPStatus(int(status)).phrase.split())


def openapi(app: FastAPI) -> dict[str, Any]:
    """The description of this API: what openapi.yaml at the top level holds."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes, tags=app.openapi_tags
        )
        for part in (*PARTS, sandbox):
            _complete(part.router, document["paths"])
        schemes = {name: jsonable_encoder(model, exclude_none=True) for name, model in access.SCHEMES.items()}
        document["components"]["securitySchemes"] = schemes
        document["servers"] = [{"url": "/", "description": "this installation"}]
        schemas = document["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for model in (*reports.DESCRIBED, *problems.DESCRIBED):
            described = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= described.pop("$defs", {}) | {model.__name__: described}
        errors = {str(status): answer for status, answer in problems.responses(*problems.EXAMPLES).items()}
        document["components"]["responses"] = {_component(status): answer for status, answer in errors.items()}
        for path in document["paths"].values():
            for operation in path.values():
                declared = operation["responses"]
                if "security" in operation:
                    declared["503"] = {}
                for status in declared.keys() & errors.keys():
                    if "Problem" in str(declared[status]) or not declared[status]:
                        declared[status] = {"$ref": f"#/components/responses/{_component(status)}"}
        app.openapi_schema = document
    return app.openapi_schema


def describe() -> dict[str, Any]:
    """The description without a running service: that of a sandbox, which has every address."""
    settings = Settings.model_construct(
        mode=Mode.SANDBOX,
        engine=Switch.OFF,
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
    return _refuse(request, problems.validation_faults(error), error.body)


def _unreadable(request: Request, error: Exception) -> JSONResponse:
    """A body that is not even text; and every other error of the framework's own."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code != HTTPStatus.BAD_REQUEST:
        return problems.problem(error.status_code, str(error.detail), headers=error.headers)
    return _refuse(request, [{"pointer": "", "detail": "this is not JSON in UTF-8"}], "")


def _refuse(request: Request, faults: list[dict[str, str]], body: Any) -> JSONResponse:
    path = request.url.path
    if path.startswith("/v1/") and not path.startswith(("/v1/callbacks/", "/v1/sandbox/")):
        try:
            caller = access.identify_by_headers(request)
        except problems.ApiError as refusal:
            return problems.problem(refusal.status, refusal.detail, headers=refusal.headers)
        if request.method == "POST" and path == "/v1/incidents" and caller.role is not Role.SUPERVISOR:
            content = problems.content(422, "the content is wrong", faults)
            keep_refused(caller, access.runtime_of(request), [Refusal(content, body)])
    return problems.problem(422, "the content is wrong", faults=faults)
