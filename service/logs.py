"""Structured logs: one JSON line an event, with its request's id, and never a text, a number or a name."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

from service.settings import Settings

FRAMES = 12


def _frames_alone(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its kind and its frames. Its message is left out: it may quote what somebody wrote."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["kind"] = type(error).__name__
        event["frames"] = traceback.format_tb(error.__traceback__)[-FRAMES:]
    return event


def configure(settings: Settings) -> None:
    """Send our events, and what the libraries say, to standard error: JSON when live, readable in a sandbox."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _frames_alone,
    ]
    last = structlog.dev.ConsoleRenderer(colors=False) if settings.sandbox else structlog.processors.JSONRenderer()
    level = logging.WARNING if settings.sandbox else logging.INFO
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=last))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
