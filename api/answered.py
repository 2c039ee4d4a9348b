"""Answers to what is read again and again, ready to be sent."""

from typing import Any

from fastapi import Response
from pydantic import BaseModel


def answered(shape: type[BaseModel], content: dict[str, Any]) -> Response:
    """The content in its shape, as JSON. Left to FastAPI, an answer is put into its shape in another turn of the thread pool,
    as a session that is a dependency is opened and closed in two: together they took longer than to read a task."""
    return Response(shape.model_validate(content).model_dump_json(), media_type="application/json")
