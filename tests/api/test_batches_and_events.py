"""The other ways in: many reports at once, and CloudEvents in both of their modes."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.conftest import body_of, pointers, problem

STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}


def place() -> dict[str, Any]:
    return {"place": {"name": f"Invented Academy {uuid.uuid4().hex[:6]}"}}


def test_a_batch_tells_of_each_report_in_its_order_and_a_bad_one_harms_no_other(
    partner: httpx.Client, supervisor: httpx.Client
) -> None:
    mark = uuid.uuid4().hex[:8]
    reports: list[Any] = [
        body_of(source_ref=f"B-{mark}", **place()),
        {"type": "weapon_in_school", "occurred_at": "2026-11-20T14:41:00", "source_ref": f"BAD-{mark}"},
        "not a report",
        body_of(lawful_basis="because", source_ref=f"BASIS-{mark}"),
        body_of("note_only", source_ref=f"C-{mark}", drill=True),
        body_of(source_ref=f"C-{mark}", drill=True),
    ]
    reports.append(reports[0])
    answer = partner.post("/v1/incidents/batch", json={"incidents": reports})
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [item["status"] for item in items] == [201, 422, 422, 422, 201, 200, 200]
    assert items[6]["id"] == items[0]["id"]
    assert items[5]["id"] == items[4]["id"]
    assert items[1]["problem"]["errors"][0]["pointer"] == "/occurred_at"
    assert items[3]["problem"]["errors"][0]["pointer"] == "/lawful_basis"
    assert items[1]["id"] is None
    assert partner.get(f"/v1/incidents/{items[0]['id']}").json()["status"] == "open"
    kept = supervisor.get("/v1/incidents/refused", params={"limit": 5}).text
    assert f"BAD-{mark}" in kept
    assert f"BASIS-{mark}" in kept


def test_a_batch_of_five_hundred_is_taken_and_one_more_is_not(key_for: Callable[..., httpx.Client]) -> None:
    mine = key_for("partner")
    small = [
        {"type": "note_only", "occurred_at": "2026-11-20T14:41:00Z", "source_ref": f"M-{n}", "drill": True}
        for n in range(501)
    ]
    assert "/incidents" in pointers(mine.post("/v1/incidents/batch", json={"incidents": small}))
    answer = mine.post("/v1/incidents/batch", json={"incidents": small[:500]}, timeout=60)
    assert {item["status"] for item in answer.json()["items"]} == {201}
    assert len({item["id"] for item in answer.json()["items"]}) == 500


@pytest.mark.parametrize("body", [{}, {"incidents": []}, {"incidents": {}}, [], {"incidents": [{}], "colour": 1}])
def test_a_batch_that_is_none_is_refused(partner: httpx.Client, body: Any) -> None:
    problem(partner.post("/v1/incidents/batch", json=body), 422)


def test_a_batch_needs_a_partners_key(supervisor: httpx.Client, nobody: httpx.Client) -> None:
    batch = {"incidents": [body_of()]}
    problem(supervisor.post("/v1/incidents/batch", json=batch), 403)
    problem(nobody.post("/v1/incidents/batch", json=batch), 401)


def event(**changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": "https://cpoms.example.org/schools/100000",
        "type": "org.example.weapon-in-school",
        "time": "2026-11-20T14:41:00Z",
        "data": {"locality": "south", "setting": "school", **place()},
    } | changes


def test_a_structured_event_is_an_incident_and_the_same_event_again_is_a_replay(partner: httpx.Client) -> None:
    given = event()
    first = partner.post("/v1/incidents", content=json.dumps(given), headers=STRUCTURED)
    assert first.status_code == 201, first.text
    held = first.json()
    assert (held["type"], held["occurred_at"]) == ("weapon_in_school", "2026-11-20T14:41:00Z")
    assert held["tasks"][0]["pathway"] == "education-inclusion"
    again = partner.post("/v1/incidents", content=json.dumps(given), headers=STRUCTURED)
    assert (again.status_code, again.json()["id"], again.json()["replayed"]) == (200, held["id"], True)
    other = partner.post(
        "/v1/incidents", content=json.dumps(event(id=given["id"], data={"setting": "street"})), headers=STRUCTURED
    )
    problem(other, 409)


def test_the_data_decides_where_it_says_more_than_the_envelope(partner: httpx.Client) -> None:
    data = {"type": "drugs_in_school", "occurred_at": "2026-11-20T13:00:00Z", "locality": "south", "setting": "school"}
    answer = partner.post(
        "/v1/incidents", content=json.dumps(event(data=data, subject="x", extension="y")), headers=STRUCTURED
    )
    assert answer.status_code == 201, answer.text
    assert (answer.json()["type"], answer.json()["occurred_at"]) == ("drugs_in_school", "2026-11-20T13:00:00Z")


def test_a_binary_event_carries_its_envelope_in_headers(partner: httpx.Client) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": uuid.uuid4().hex,
        "ce-source": "urn:example:police%20feed",
        "ce-type": "org.example.weapon_in_school",
        "ce-time": "2026-11-20T14:41:00Z",
    }
    body = {"locality": "south", **place()}
    first = partner.post("/v1/incidents", json=body, headers=headers)
    again = partner.post("/v1/incidents", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200), first.text
    assert first.json()["type"] == "weapon_in_school"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"id": ""}, "/id"),
        ({"id": 7}, "/id"),
        ({"source": None}, "/source"),
        ({"type": ""}, "/type"),
        ({"time": "2026-11-20T14:41:00"}, "/time"),
        ({"datacontenttype": "text/xml"}, "/datacontenttype"),
        ({"data": None}, "/data"),
        ({"data": {"colour": "red"}}, "/data/colour"),
        ({"type": "Knife!"}, "/data/type"),
    ],
)
def test_a_wrong_event_is_told_by_pointers_into_it(
    partner: httpx.Client, changes: dict[str, Any], pointer: str
) -> None:
    answer = partner.post("/v1/incidents", content=json.dumps(event(**changes)), headers=STRUCTURED)
    assert list(pointers(answer)) == [pointer]


def test_a_wrong_header_of_a_binary_event_is_named(partner: httpx.Client) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-source": "x",
        "ce-type": "weapon_in_school",
        "ce-time": "2026-11-20T14:41:00Z",
    }
    assert list(pointers(partner.post("/v1/incidents", json={"locality": "south"}, headers=headers))) == [
        "/header/ce-id"
    ]
    headers["ce-id"] = "1"
    assert list(pointers(partner.post("/v1/incidents", json={"colour": 1}, headers=headers))) == ["/colour"]
