"""Templates rendered with what every page says."""

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.access import runtime_of

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates = Jinja2Templates(env=_environment)


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """One page. `sandbox` is on every page: nobody may take a demonstration for the real thing."""
    values["sandbox"] = runtime_of(request).settings.sandbox
    return _templates.TemplateResponse(request, template, values, status_code=status)
