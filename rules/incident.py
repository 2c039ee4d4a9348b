"""What a partner reports, and which of its fields a rule may ask about."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from rules.calendar import WEEKDAYS

UNKNOWN_AGE = -1
_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)\s*([0-9][A-Z]{2})")


def _postcode(text: str) -> str:
    found = _POSTCODE.fullmatch(text.strip().upper())
    if found is None:
        raise ValueError("is not a postcode such as BS4 1AA")
    return f"{found[1]} {found[2]}"


def _text_alone(attributes: dict[str, Any]) -> dict[str, Any]:
    """JSON may escape half a character (RFC 8259, section 8.2): nothing can keep that or send it on."""
    try:
        json.dumps(attributes, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a character: an escape such as \\ud800 without its other half") from None
    return attributes


def _offset(value: Any) -> Any:
    """A number would be read as seconds since 1970: nobody means that, and it has no offset."""
    if isinstance(value, int | float):
        raise ValueError("must be a time with an offset, such as 2026-11-20T15:41:00Z")
    return value


def _storable(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the calendar") from None


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$", max_length=64)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,63}$")]
# One line of text: control characters would break logs, texts and lists, and PostgreSQL keeps no NUL.
NO_NUL = r"^[^\x00]*$"
LINE = r"^[^\x00-\x1f\x7f]*$"
Ref = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=LINE)]
Short = Annotated[str, StringConstraints(max_length=200, pattern=LINE)]


class Place(BaseModel):
    """Where it happened, by whatever identifies it: any of these may be left out."""

    model_config = ConfigDict(extra="forbid")

    name: Short | None = Field(default=None, examples=["Example Academy"])
    urn: Annotated[str, StringConstraints(pattern=r"^[0-9]{5,7}$")] | None = Field(
        default=None, description="a school's URN in Get Information about Schools", examples=["100000"]
    )
    ods: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{3,10}$", to_upper=True)] | None = Field(
        default=None, description="an NHS organisation or site code", examples=["ZZ901"]
    )
    hospital: Slug | None = Field(default=None, description="a hospital by its slug in the rulebook's places")
    uprn: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}$")] | None = None
    usrn: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,8}$")] | None = None
    postcode: Annotated[str, AfterValidator(_postcode)] | None = Field(default=None, examples=["BS4 1AA"])
    lat: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
    lon: float | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)
    text: Short | None = Field(default=None, description="such as: the bus stop opposite the park gate")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat and lon go together")
        return self


class Person(BaseModel):
    """Somebody in an incident, by a reference that only the partner can resolve: never a name."""

    model_config = ConfigDict(extra="forbid")

    ref: Ref = Field(examples=["p-7f3a"])
    role: Slug = Field(description="the part they had, such as victim, witness, subject", examples=["victim"])
    age: int | None = Field(default=None, ge=0, le=120)
    age_band: Short | None = Field(default=None, examples=["13-15"])
    school_urn: Annotated[str, StringConstraints(pattern=r"^[0-9]{5,7}$")] | None = None


class IncidentReport(BaseModel):
    """One event, as a partner reports it. An unknown field is refused; `attributes` is free."""

    model_config = ConfigDict(extra="forbid")

    type: Word = Field(description="what happened, as a word of the rulebook's", examples=["weapon_in_school"])
    occurred_at: Annotated[AwareDatetime, BeforeValidator(_offset), AfterValidator(_storable)] = Field(
        description="with an offset", examples=["2026-11-20T15:41:00Z"]
    )
    source_ref: Ref | None = Field(default=None, description="the partner's own id of the event", examples=["CP-88213"])
    locality: Slug | None = Field(default=None, examples=["south"])
    setting: Slug | None = Field(default=None, examples=["school"])
    place: Place | None = None
    people: list[Person] = Field(default=[], max_length=200)
    groups: list[Ref] = Field(default=[], max_length=200, examples=[["g-19"]])
    summary: Annotated[str, StringConstraints(max_length=8000, pattern=NO_NUL)] | None = None
    attributes: Annotated[dict[str, JsonValue], AfterValidator(_text_alone)] = Field(
        default={}, examples=[{"weapon": "knife"}]
    )
    lawful_basis: Slug | None = None
    drill: bool = False


class Known(Protocol):
    """What a rule may ask of a place that the rulebook lists."""

    @property
    def kind(self) -> str:
        """School, hospital or area."""
        ...


# Every field that `when:` and `of:` may name, with its CEL type. Free text is not among them: rules judge facts.
FIELDS: Mapping[str, str] = {
    "type": "string",
    "setting": "string",
    "locality": "string",
    "partner": "string",
    "occurred_at": "timestamp",
    "hour": "int",
    "weekday": "string",
    "place_kind": "string",
    "place_name": "string",
    "urn": "string",
    "ods": "string",
    "hospital": "string",
    "postcode": "string",
    "people_count": "int",
    "youngest": "int",
    "oldest": "int",
    "roles": "list(string)",
    "groups": "list(string)",
    "attributes": "map(string, dyn)",
    "derived": "bool",
    "drill": "bool",
}


def facts(
    report: IncidentReport,
    *,
    zone: ZoneInfo,
    partner: str,
    locality: str | None,
    place: Known | None,
    derived: bool,
) -> dict[str, Any]:
    """A report as the values that rules ask about: what is missing is empty text, or -1 for an age. `hour` and
    `weekday` (mon … sun) are local."""
    local = report.occurred_at.astimezone(zone)
    where = report.place or Place()
    ages = [person.age for person in report.people if person.age is not None]
    return {
        "type": report.type,
        "setting": report.setting or "",
        "locality": locality or "",
        "partner": partner,
        "occurred_at": report.occurred_at,
        "hour": local.hour,
        "weekday": WEEKDAYS[local.weekday()],
        "place_kind": place.kind if place else "",
        "place_name": where.name or "",
        "urn": where.urn or "",
        "ods": where.ods or "",
        "hospital": where.hospital or "",
        "postcode": where.postcode or "",
        "people_count": len(report.people),
        "youngest": min(ages, default=UNKNOWN_AGE),
        "oldest": max(ages, default=UNKNOWN_AGE),
        "roles": sorted({person.role for person in report.people}),
        "groups": list(report.groups),
        "attributes": report.attributes,
        "derived": derived,
        "drill": report.drill,
    }
