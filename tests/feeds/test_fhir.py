"""Encounters as a modern hospital system posts them: alone, in a bundle, and one a line."""

import copy
import json
from typing import Any

import pytest

from api.feeds.fhir import Encounter
from api.feeds.reading import Faulty, PassedOver, Reported, Retracted
from api.imports import Kind
from tests.feeds.conftest import read

EXAMPLE: dict[str, Any] = Encounter.model_config["json_schema_extra"]["example"]  # type: ignore[index]


def encounter(**changes: Any) -> dict[str, Any]:
    return (
        copy.deepcopy(EXAMPLE)
        | {"text": {"status": "generated", "div": "<div>SURNAME</div>"}, "extension": [{"valueString": "SURNAME"}]}
        | changes
    )


def of(document: Any) -> list[Any]:
    return read(json.dumps(document), Kind.FHIR)


def test_an_encounter_becomes_a_report_without_a_name() -> None:
    (found,) = of(encounter(subject={"reference": "Patient/f201", "display": "SURNAME"}))
    assert isinstance(found, Reported)
    told = found.report
    assert told.type == "hospital_stabbing"
    assert told.occurred_at.isoformat() == "2026-11-20T14:20:00+00:00"
    assert told.place is not None
    assert told.place.ods == "ZZ901"
    assert told.people[0].ref.startswith("p-")
    for raw in ("SURNAME", "V-2201", "f201"):
        assert raw not in told.model_dump_json() + found.kept


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_one_that_was_not_takes_its_report_back(status: str) -> None:
    ((back,), (first,)) = of(encounter(status=status, reasonCode=[])), of(encounter())
    assert isinstance(back, Retracted)
    assert isinstance(first, Reported)
    assert back.source_ref == first.report.source_ref


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "planned"}, "the encounter's status is planned: nobody has come"),
        ({"class": {"code": "IMP"}}, "the encounter is no emergency (class is not EMER)"),
        ({"reasonCode": []}, "no reasonCode is in the table"),
        ({"reasonCode": [{"text": "stabbed"}]}, "no reasonCode is in the table"),
        (
            {"reasonCode": [{"coding": [{"system": "http://snomed.info/sct", "code": "276853009"}]}]},
            "self-inflicted",
        ),
        ({"resourceType": "Patient"}, "resources other than Encounter are not taken"),
    ],
)
def test_what_is_not_for_us_is_passed_over(changes: dict[str, Any], reason: str) -> None:
    (found,) = of(encounter(**changes))
    assert found == PassedOver(line=1, reason=reason)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"resourceType": 7}, "/resourceType"),
        ({"status": "there"}, "/status"),
        ({"class": "EMER"}, "/class"),
        ({"class": {}}, "/class/code"),
        ({"period": {}}, "/period/start"),
        ({"period": {"start": "2026-11-20"}}, "/period/start"),
        ({"period": {"start": "2026-11-20T14:20:00"}}, "/period/start"),
        ({"period": {"start": "2026-11-31T14:20:00Z"}}, "/period/start"),
        ({"identifier": [{"value": 7}]}, "/identifier/0/value"),
        ({"identifier": []}, "/identifier"),
        ({"serviceProvider": {"display": "The Infirmary"}}, "/serviceProvider/identifier/value"),
        ({"serviceProvider": {"identifier": {"value": "ZZ901"}}}, "/serviceProvider/identifier/system"),
        ({"subject": {"display": "SURNAME"}}, "/subject"),
        ({"reasonCode": [{"coding": [{"code": 99}]}]}, "/reasonCode/0/coding/0/code"),
        ({"id": "\ud800", "identifier": []}, "/id"),
    ],
)
def test_a_fault_is_told_by_a_pointer(changes: dict[str, Any], pointer: str) -> None:
    (found,) = of(encounter(**changes))
    assert isinstance(found, Faulty), found
    assert found.faults[0].pointer == pointer
    assert "SURNAME" not in found.kept
    (bundled,) = of({"resourceType": "Bundle", "entry": [{}, {"resource": encounter(**changes)}]})
    if pointer != "/resourceType":
        assert bundled.faults[0].pointer == "/entry/1/resource" + pointer


def test_a_bundle_is_its_encounters() -> None:
    entries = [{"resource": {"resourceType": "Patient", "name": [{"family": "SURNAME"}]}}, {"resource": encounter()}]
    other = encounter(identifier=[{"use": "old", "value": "x"}, {"value": "V-2"}], status="finished")
    (first, second) = of({"resourceType": "Bundle", "entry": [*entries, {"resource": other}, {}, 7]})
    assert (first.line, second.line) == (2, 3)
    assert first.report.source_ref != second.report.source_ref
    assert of({"resourceType": "Bundle", "entry": entries[:1]}) == [
        PassedOver(line=1, reason="the bundle holds no encounter")
    ]
    assert of({"resourceType": "Bundle"})[0].faults[0].pointer == "/entry"


def test_a_file_may_hold_one_a_line_or_one_over_many_lines() -> None:
    lines = "\n".join([json.dumps(encounter()), "", "{cut", json.dumps(encounter(status="cancelled"))])
    found = read(lines, Kind.FHIR)
    assert [(type(each), each.line) for each in found] == [(Reported, 1), (Faulty, 3), (Retracted, 4)]
    (pretty,) = read("\n" + json.dumps(encounter(), indent=2), Kind.FHIR)
    assert isinstance(pretty, Reported)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "7", "{", "[" * 5000, '{"resourceType": ' + '{"a":' * 900 + "1" + "}" * 901]
)
def test_what_is_no_resource_is_a_fault_or_nothing(text: str) -> None:
    assert all(isinstance(found, Faulty) for found in read(text, Kind.FHIR))
