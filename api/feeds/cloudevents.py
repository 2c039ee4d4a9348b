"""CloudEvents 1.0 over HTTP, structured and binary: the event's data is the report, its envelope fills what that lacks.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and …/bindings/http-protocol-binding.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

STRUCTURED = "application/cloudevents+json"
PREFIX = "ce-"
NonEmpty = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]+$")]


class CloudEvent(BaseModel):
    """The envelope: its required attributes, those that mean something here, and any extension."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "specversion": "1.0",
                "id": "5f0c2a",
                "source": "https://cpoms.example.org/schools/100000",
                "type": "org.example.weapon_in_school",
                "time": "2026-11-20T15:41:00Z",
                "data": {"setting": "school", "place": {"urn": "100000"}},
            }
        },
    )

    specversion: Literal["1.0"]
    id: NonEmpty
    source: NonEmpty
    type: NonEmpty
    time: AwareDatetime | None = None
    datacontenttype: Annotated[str, StringConstraints(pattern=r"^application/([\w.-]+\+)?json($|;)")] | None = None
    data: dict[str, Any] = Field(description="the report; `type` and `occurred_at` may be left to the envelope")


@dataclass(frozen=True)
class Delivered:
    """A report out of an event. The same event delivered again has the same `idempotency_key`."""

    report: dict[str, Any]
    idempotency_key: str


def is_binary(headers: Mapping[str, str]) -> bool:
    """Whether a request carries an event's attributes in its headers."""
    return f"{PREFIX}specversion" in headers


def from_headers(headers: Mapping[str, str], data: Any) -> dict[str, Any]:
    """A binary event as the structured one that says the same."""
    attributes = {name[len(PREFIX) :]: unquote(value) for name, value in headers.items() if name.startswith(PREFIX)}
    return attributes | {"data": data}


def report_of(event: CloudEvent) -> Delivered:
    """The report: `type` is the last part of the event's type, `occurred_at` its time, where the data has none."""
    last = event.type.replace("/", ".").rsplit(".", 1)[-1].replace("-", "_").lower()
    filled: dict[str, Any] = {"type": last}
    if event.time is not None:
        filled["occurred_at"] = event.time.isoformat()
    # Source and id name one event for ever (section "id"), so they say when it was seen before.
    return Delivered(filled | event.data, f"{event.source} {event.id}")
