"""FHIR R4 encounters from a hospital, alone, in a Bundle, or one a line: who came, when and why becomes a report without a
name; one that was cancelled or entered in error takes it back, and one that is going on after that begins anew.

https://hl7.org/fhir/R4/encounter.html. Of a resource only the part below is read, so that nothing else of a patient can enter.
"""

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from api.feeds.codelists import Clinical
from api.feeds.reading import (
    Faulty,
    Feed,
    NotOurs,
    PassedOver,
    Reading,
    Reported,
    Retracted,
    Wrong,
    masked,
    pointer_to,
    report_of,
)
from api.feeds.times import ISO, NoTime, from_formats
from rules.incident import LINE
from service.errors import Fault

MEDIA_TYPE = "application/fhir+json"
EMERGENCY = "EMER"
ENCOUNTER, BUNDLE = "Encounter", "Bundle"
# The codes of NHS organisations and sites in England: https://fhir.nhs.uk/Id/ods-organization-code.
ODS = ("https://fhir.nhs.uk/Id/ods-organization-code", "https://fhir.nhs.uk/Id/ods-site-code")
# What of a refused resource may be stored as it came: words of the standard, and no patient's.
DEEPEST = 20
# Somebody is there. One that is finished may be a late word of what was taken back.
GOING_ON = ("arrived", "triaged", "in-progress", "onleave")
_OFFSET = re.compile(r"T.*(Z|[+-]\d\d:\d\d)$", re.ASCII)
OPEN = frozenset({"resourceType", "status", "code", "system", "use", "type"})
Text = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=LINE)]


class Part(BaseModel):
    """A part of a resource: what is not named here is not looked at."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class Coding(Part):
    """A code of a system."""

    system: Text | None = None
    code: Text | None = None


class Concept(Part):
    """A reason, in as many coding systems as somebody gave."""

    coding: Annotated[list[Coding], Field(max_length=100)] = Field(default=[])


class Identifier(Part):
    """An id that some system gave."""

    use: str | None = None
    system: Text | None = None
    value: Text | None = None


class Reference(Part):
    """A pointer to another resource, or to what identifies it."""

    reference: Text | None = None
    identifier: Identifier | None = None


class Period(Part):
    """When it began."""

    start: Text


class Encounter(Part):
    """An encounter, as much of it as a report needs."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "resourceType": "Encounter",
                "identifier": [{"system": "https://hospital.example.org/visits", "value": "V-2201"}],
                "status": "in-progress",
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER"},
                "subject": {"reference": "Patient/f201"},
                "period": {"start": "2026-11-20T14:20:00Z"},
                "reasonCode": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "X99"}]}],
                "serviceProvider": {
                    "identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "ZZ901"}
                },
            }
        }
    )

    resource_type: Literal["Encounter"] = Field(alias="resourceType")
    id: Text | None = None
    identifier: Annotated[list[Identifier], Field(max_length=100)] = Field(default=[])
    status: Literal[
        "planned",
        "arrived",
        "triaged",
        "in-progress",
        "onleave",
        "finished",
        "cancelled",
        "entered-in-error",
        "unknown",
    ]
    encounter_class: Coding = Field(alias="class")
    subject: Reference | None = None
    period: Period | None = None
    reason: Annotated[list[Concept], Field(max_length=100)] = Field(default=[], alias="reasonCode")
    provider: Reference | None = Field(default=None, alias="serviceProvider")


def read(lines: Iterator[str], table: Clinical, feed: Feed) -> Iterator[Reading]:
    """What a file says: one resource on each line, or one document over all of them."""
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    for count, (number, line) in enumerate(numbered):
        document = _value(line)
        if document is None and count == 0:
            # A resource that is set out over several lines.
            document = _value("".join(chain([line], (rest for _, rest in numbered))))
        yield from of_document(document, table, feed, line=number)


def of_document(document: Any, table: Clinical, feed: Feed, *, line: int = 1) -> Iterator[Reading]:
    """What a resource says; of a Bundle, what each encounter in it says: its line is the number of its entry."""
    if not isinstance(document, dict):
        fault = Fault("", "this is not a FHIR resource in JSON: an object with resourceType is needed")
        yield Faulty(line=line, faults=(fault,), kept="")
        return
    if document.get("resourceType") != BUNDLE:
        yield _of(document, "", table, feed, line)
        return
    entries = document.get("entry")
    if not isinstance(entries, list):
        yield Faulty(line=line, faults=(Fault("/entry", "must be the list of the bundle's entries"),), kept="")
        return
    found = False
    for number, entry in enumerate(entries):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == ENCOUNTER:
            found = True
            yield _of(resource, pointer_to("entry", number, "resource"), table, feed, number + 1)
    if not found:
        yield PassedOver(line=line, reason="the bundle holds no encounter")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _of(resource: dict[str, Any], where: str, table: Clinical, feed: Feed, line: int) -> Reading:
    try:
        return _reading(resource, table, feed, line)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        faults = tuple(Fault(where + pointer_to(*fault["loc"]), _plain(fault["msg"])) for fault in found)
    except Wrong as wrong:
        faults = (Fault(where + wrong.fault.pointer, wrong.fault.detail),)
    except NotOurs as reason:
        return PassedOver(line=line, reason=str(reason))
    return Faulty(line=line, faults=faults, kept=json.dumps(_shape(resource), ensure_ascii=False))


def _reading(resource: dict[str, Any], table: Clinical, feed: Feed, line: int) -> Reading:
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or not kind.isalpha():
        raise Wrong("/resourceType", "must be Encounter, or Bundle")
    if kind != ENCOUNTER:
        raise NotOurs("resources other than Encounter are not taken")
    encounter = Encounter.model_validate(resource)
    visit = _visit(encounter, feed)
    if encounter.status in ("cancelled", "entered-in-error"):
        reason = "the visit was cancelled" if encounter.status == "cancelled" else "the visit was entered in error"
        return Retracted(line=line, source_ref=visit, reason=reason)
    if encounter.status in ("planned", "unknown"):
        raise NotOurs(f"the encounter's status is {encounter.status}: nobody has come")
    fields = _fields(encounter, table, feed) | {"source_ref": visit}
    report = report_of(fields, {"place.ods": "/serviceProvider/identifier/value"})
    kept = json.dumps(_shape(resource), ensure_ascii=False)
    return Reported(line=line, report=report, kept=kept, begins=encounter.status in GOING_ON)


def _fields(encounter: Encounter, table: Clinical, feed: Feed) -> dict[str, Any]:
    if not encounter.encounter_class.code:
        raise Wrong("/class/code", f"is missing: {EMERGENCY} for an emergency")
    if encounter.encounter_class.code != EMERGENCY:
        raise NotOurs("the encounter is no emergency (class is not EMER)")
    codings = [
        (system, coding.code)
        for concept in encounter.reason
        for coding in concept.coding
        if coding.code and coding.system and (system := table.system_of(coding.system))
    ]
    why = table.excluded(codings)
    if why:
        raise NotOurs(why)
    found = table.meaning(codings)
    if found is None:
        raise NotOurs("no reasonCode is in the table")
    entry, code = found
    if encounter.period is None:
        raise Wrong("/period/start", "is missing: when the patient came, with an offset")
    if not _OFFSET.search(encounter.period.start):
        raise Wrong("/period/start", "must be a time with an offset, such as 2026-11-20T14:20:00Z")
    try:
        moment = from_formats(encounter.period.start, [ISO], feed.zone)
    except NoTime as wrong:
        raise Wrong("/period/start", str(wrong)) from None
    return {
        "type": entry.type,
        "occurred_at": moment.at,
        "setting": table.setting,
        "place": _place(encounter),
        "people": _people(encounter, table, feed),
        "attributes": {"source": "fhir", "reason": f"{entry.system}:{code}"},
        "lawful_basis": table.lawful_basis,
    }


def _visit(encounter: Encounter, feed: Feed) -> str:
    for identifier in encounter.identifier:
        if identifier.value and identifier.use != "old":
            return feed.pseudonym(f"visit\0{identifier.value}\0{identifier.system or ''}")
    if encounter.id:
        return feed.pseudonym(f"visit\0{encounter.id}\0id")
    raise Wrong("/identifier", "an identifier with a value is needed, by which the visit is known when it comes again")


def _place(encounter: Encounter) -> dict[str, str] | None:
    if encounter.provider is None:
        return None
    identifier = encounter.provider.identifier
    if identifier is None or not identifier.value:
        raise Wrong("/serviceProvider/identifier/value", "is missing: the hospital's NHS code, such as ZZ901")
    if identifier.system not in ODS:
        raise Wrong("/serviceProvider/identifier/system", f"must be {ODS[0]}")
    return {"ods": identifier.value}


def _people(encounter: Encounter, table: Clinical, feed: Feed) -> list[dict[str, str]]:
    subject = encounter.subject
    if subject is None:
        return []
    identifier = subject.identifier
    if identifier and identifier.value:
        who = f"patient\0{identifier.value}\0{identifier.system or ''}"
    elif subject.reference:
        who = f"patient\0{subject.reference}\0reference"
    else:
        raise Wrong("/subject", "must have a reference, or an identifier with a value")
    return [{"ref": feed.pseudonym(who), "role": table.role}]


def _shape(value: Any, *, name: str = "", depth: int = 0) -> Any:
    """A resource without what identifies anybody: names of fields and words of the standard stay."""
    if depth > DEEPEST:
        return "…"
    if isinstance(value, dict):
        return {key: _shape(part, name=key, depth=depth + 1) for key, part in value.items()}
    if isinstance(value, list):
        return [_shape(part, name=name, depth=depth + 1) for part in value]
    if isinstance(value, bool) or value is None or (isinstance(value, str) and name in OPEN):
        return value
    return masked(str(value))


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Field required", "is missing")
