"""Reports as they arrive: one as JSON or as a CloudEvent, or many at once; what is wrong in them is told by pointers."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from api import examples
from api.access import PartnerDep, with_a_key
from api.feeds import cloudevents, fhir
from api.feeds.cloudevents import CloudEvent
from api.imports import Kind
from rules.incident import IncidentReport

MOST = 500
Model = TypeVar("Model", bound=BaseModel)
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Arrived:
    """A report that can be read. An event brings its own key by which it is known again; an admission says that it `begins`."""

    report: IncidentReport
    idempotency_key: str | None = None
    begins: bool = False


@dataclass(frozen=True)
class Sent:
    """A body that is not JSON of ours: a message or a file, not yet looked at. `kind` is None for a CSV file, which is known
    by its header row."""

    body: bytes
    kind: Kind | None


IDEMPOTENCY_KEY = TypeAdapter(Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")])
SENT_AS: dict[str, Kind | None] = {
    fhir.MEDIA_TYPE: Kind.FHIR,
    "application/hl7-v2": Kind.HL7,
    "application/hl7-v2+er7": Kind.HL7,
    "x-application/hl7-v2+er7": Kind.HL7,
    "text/csv": None,
}


class Batch(BaseModel):
    """Many reports. Each is read on its own, so that a bad one harms no other."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"incidents": [examples.REPORT]}})

    incidents: list[Any] = Field(min_length=1, max_length=MOST)


async def read_report(request: Request) -> Arrived | Sent:
    """The report in a request's body. Raises RequestValidationError, which names every fault."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind in SENT_AS:
        return Sent(await request.body(), SENT_AS[kind])
    body = await request.body()
    if kind != cloudevents.STRUCTURED and not cloudevents.is_binary(request.headers):
        return Arrived(_report(body))
    given = parse_json(body)
    if kind == cloudevents.STRUCTURED:
        event = cloudevents.report_of(validated(CloudEvent, given))
        return Arrived(validated(IncidentReport, event.report, _in_data), event.idempotency_key)
    event = cloudevents.report_of(validated(CloudEvent, cloudevents.from_headers(request.headers, given), _in_headers))
    return Arrived(validated(IncidentReport, event.report), event.idempotency_key)


def idempotency_key(request: Request) -> str | None:
    """By which a repeated request is known again. Raises RequestValidationError."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    try:
        return IDEMPOTENCY_KEY.validate_python(given)
    except ValidationError as error:
        found = [{**fault, "loc": ("header", "idempotency-key")} for fault in error.errors(include_url=False)]
        raise RequestValidationError(found) from None


def _report(body: bytes) -> IncidentReport:
    try:
        return IncidentReport.model_validate_json(body)
    except ValidationError:
        # Read again by the way that every other body takes, so that what is wrong with it is told in the same words.
        return validated(IncidentReport, parse_json(body))


async def read_batch(request: Request, _caller: PartnerDep) -> list[Any]:
    """The reports of a batch, not yet looked at. Raises RequestValidationError."""
    return validated(Batch, parse_json(await request.body())).incidents


BatchDep = Annotated[list[Any], Depends(read_batch)]


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. Raises RequestValidationError."""
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is not UTF-8, or nested too deeply"
        found = {"type": "json_invalid", "loc": ("body",), "msg": "JSON decode error", "ctx": {"error": reason}}
        raise RequestValidationError([found], body=body.decode("utf-8", "replace")) from None


def _in_body(place: Place) -> Place:
    return ("body", *place)


def _in_data(place: Place) -> Place:
    return ("body", "data", *place)


def _in_headers(place: Place) -> Place:
    return ("body", *place[1:]) if place[0] == "data" else ("header", f"{cloudevents.PREFIX}{place[0]}")


def validated(model: type[Model], given: Any, where: Callable[[Place], Place] = _in_body) -> Model:
    """A model from plain values. Raises RequestValidationError; `where` says what part of the request a fault is in."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = [{**fault, "loc": where(fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(found, body=given) from None


# Other resources are understood and passed over; a Bundle is looked through for encounters.
FHIR_RESOURCE: dict[str, Any] = {
    "type": "object",
    "required": ["resourceType"],
    "properties": {"resourceType": {"type": "string", "pattern": "^[A-Za-z]+$", "examples": ["Bundle"]}},
}
# What the route for reports reads by itself, for the description.
REPORT: dict[str, Any] = {
    "security": with_a_key(),
    "parameters": [
        {
            "name": "idempotency-key",
            "in": "header",
            "required": False,
            "schema": {
                "anyOf": [IDEMPOTENCY_KEY.json_schema(), {"type": "null"}],
                "examples": ["7d1f0c5e"],
                "title": "Idempotency-Key",
            },
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/IncidentReport"},
                "examples": {"weapon in school": {"summary": "A weapon found in a school", "value": examples.REPORT}},
            },
            cloudevents.STRUCTURED: {"schema": {"$ref": "#/components/schemas/CloudEvent"}},
            fhir.MEDIA_TYPE: {
                "schema": {"anyOf": [{"$ref": "#/components/schemas/Encounter"}, FHIR_RESOURCE]},
                "example": fhir.Encounter.model_config["json_schema_extra"]["example"],  # type: ignore[index]  # pydantic allows a function there
            },
            **{
                media_type: {"schema": {"type": "string"}, "example": examples.HL7}
                for media_type, kind in SENT_AS.items()
                if kind is Kind.HL7
            },
            "text/csv": {"schema": {"type": "string"}, "example": examples.CSV},
        },
    },
}
BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Batch"}}},
    }
}
# The bodies that are read here and not by FastAPI, for the description.
DESCRIBED: tuple[type[BaseModel], ...] = (IncidentReport, CloudEvent, Batch, fhir.Encounter)
