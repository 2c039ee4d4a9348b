"""Whether the service is alive, whether it is ready, and its figures."""

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from api.access import EngineDep, RuntimeDep
from service.flows import health
from service.settings import Switch

router = APIRouter(tags=["Health"])

_FIGURES = """# HELP callout_incidents_total Reports by what became of them.
# TYPE callout_incidents_total counter
callout_incidents_total{result="new"} 12.0
"""
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@router.get(
    "/healthz", summary="Alive?", responses={200: {"content": {"application/json": {"example": {"status": "alive"}}}}}
)
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get(
    "/readyz",
    summary="Ready?",
    responses={
        200: {
            "content": {"application/json": {"example": {"ready": True, "checks": {"database": "ok", "engine": "ok"}}}}
        },
        503: {
            "description": "Not ready; `checks` says what is missing",
            "content": {"application/json": {"example": {"ready": False, "checks": {"database": "can't be reached"}}}},
        },
    },
)
def ready(runtime: RuntimeDep, engine: EngineDep) -> Any:
    """Database reachable, schema current, rulebook loaded, engine ticking, and nothing due that waits too long."""
    checks = health.checks(runtime)
    if runtime.settings.engine is Switch.ON:
        checks["engine"] = "ok" if engine.ticking() else "has not come round lately"
    good = all(found.split(":")[0] == "ok" for found in checks.values())
    return JSONResponse({"ready": good, "checks": checks}, 200 if good else 503)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": _FIGURES}}}},
)
def metrics(runtime: RuntimeDep) -> Response:
    """Incidents, messages by channel and result, times to first page and acknowledgement, open tasks, lags."""
    return Response(health.figures(runtime), media_type=PROMETHEUS)
