"""Incidents: recorded once however often they come, revised, retracted, drilled, and shown to those whose they are."""

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.conftest import Report, body_of, pointers, problem


def place(number: int) -> dict[str, Any]:
    """A place where nothing else happens, so that no report joins another's task."""
    return {"name": f"Invented Academy {number}", "lat": 51.4 + number / 1000, "lon": -2.59}


def test_the_answer_tells_what_was_decided_and_what_was_opened(partner: httpx.Client) -> None:
    body = body_of(
        source_ref="CP-1", setting="school", place=place(1), people=[{"ref": "p1", "role": "victim", "age": 14}]
    )
    answer = partner.post("/v1/incidents", json=body | {"attributes": {"weapon": "blade", "n": [1, {"deep": None}]}})
    assert answer.status_code == 201
    held = answer.json()
    assert answer.headers["Location"] == f"/v1/incidents/{held['id']}"
    assert held["id"].startswith("inc_")
    assert held["status"] == "open"
    assert held["rulebook"] == "bristol@1"
    assert held["replayed"] is False
    decision, task = held["decisions"][0], held["tasks"][0]
    assert (decision["rule"], decision["pathway"]) == ("weapon-in-school", "education-inclusion")
    assert decision["reason"]
    assert (task["pathway"], task["team"], task["state"]) == (
        "education-inclusion",
        "education-inclusion-south",
        "open",
    )
    assert [milestone["milestone"] for milestone in task["sla"]] == ["acknowledge", "contact", "complete"]
    assert {milestone["state"] for milestone in task["sla"]} == {"on_track"}
    read = partner.get(answer.headers["Location"]).json()
    assert {name: read[name] for name in body} == body | {"occurred_at": "2026-11-20T14:41:00Z"} | {
        "people": [{"ref": "p1", "role": "victim", "age": 14, "age_band": None, "school_urn": None}],
        "place": read["place"],
    }
    assert read["attributes"] == {"weapon": "blade", "n": [1, {"deep": None}]}


@pytest.mark.parametrize("key", [{"source_ref": "R-1"}, {}], ids=["source_ref", "header"])
def test_the_same_report_again_changes_nothing(partner: httpx.Client, key: dict[str, str]) -> None:
    headers = {} if key else {"Idempotency-Key": "idem-1"}
    body = body_of(place=place(2 if key else 3)) | key
    first = partner.post("/v1/incidents", json=body, headers=headers)
    again = partner.post("/v1/incidents", json=body | {"occurred_at": "2026-11-20T14:41:00+00:00"}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() | {"replayed": True, "tasks": again.json()["tasks"]}
    assert again.headers["Location"] == first.headers["Location"]


def test_an_idempotency_key_with_other_content_is_a_conflict(partner: httpx.Client) -> None:
    headers = {"Idempotency-Key": "idem-2"}
    assert partner.post("/v1/incidents", json=body_of(place=place(4)), headers=headers).status_code == 201
    changed = partner.post("/v1/incidents", json=body_of(place=place(4), summary="else"), headers=headers)
    assert "Idempotency-Key" in problem(changed, 409)["detail"]


def test_two_partners_may_use_the_same_reference(partner: httpx.Client, key_for: Callable[..., httpx.Client]) -> None:
    body = body_of(source_ref="SAME", place=place(5), drill=True)
    first = partner.post("/v1/incidents", json=body)
    second = key_for("partner").post("/v1/incidents", json=body)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


def test_the_same_reference_with_other_content_is_a_revision(partner: httpx.Client, supervisor: httpx.Client) -> None:
    body = body_of("unheard_of", source_ref="REV-1", place=place(6))
    first = partner.post("/v1/incidents", json=body).json()
    assert [task["pathway"] for task in first["tasks"]] == ["triage"]
    same_decision = partner.post("/v1/incidents", json=body | {"summary": "more is known"})
    assert same_decision.status_code == 200
    assert same_decision.json()["revised"] is True
    assert same_decision.json()["id"] == first["id"]
    assert [task["id"] for task in same_decision.json()["tasks"]] == [first["tasks"][0]["id"]]
    other = partner.post("/v1/incidents", json=body | {"type": "weapon_in_school"}).json()
    assert {task["pathway"] for task in other["tasks"]} == {"triage", "education-inclusion"}
    assert other["revision"] == 3
    timeline = supervisor.get(f"/v1/tasks/{first['tasks'][0]['id']}").json()["timeline"]
    assert "incident revised" in {entry["event"] for entry in timeline}


def test_many_at_the_same_moment_are_one_incident(partner: httpx.Client) -> None:
    body = body_of(source_ref="RACE-1", place=place(7))
    answers: list[httpx.Response] = []

    def post() -> None:
        answers.append(partner.post("/v1/incidents", json=body))

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({task["id"] for answer in answers for task in answer.json()["tasks"]}) == 1


def test_a_type_that_no_rule_knows_opens_triage_for_the_duty_manager(report: Report) -> None:
    incident = report("never_heard_of_this", place=place(8))
    assert [(task["pathway"], task["team"]) for task in incident["tasks"]] == [("triage", "duty")]
    assert "no rule" in incident["decisions"][0]["reason"]


@pytest.mark.parametrize(
    ("where", "locality"),
    [
        ({"urn": "100000"}, "south"),
        ({"postcode": "BS4 1ZZ"}, "south"),
    ],
)
def test_the_locality_is_found_from_the_place(
    supervisor: httpx.Client, report: Report, where: dict[str, str], locality: str
) -> None:
    incident = report(locality=None, place=where, drill=True)
    task = supervisor.get(f"/v1/tasks/{incident['tasks'][0]['id']}").json()
    assert task["locality"] == locality


def test_a_place_that_nobody_knows_goes_to_the_duty_manager_with_the_reason(report: Report) -> None:
    incident = report(locality=None, place={"name": "nowhere in particular"})
    assert incident["tasks"][0]["team"] == "duty"
    assert "not one that the rulebook lists" in incident["decisions"][0]["reason"]
    elsewhere = report(locality="atlantis")
    assert elsewhere["tasks"][0]["team"] == "duty"
    assert "atlantis" in elsewhere["decisions"][0]["reason"]


def test_a_report_taken_back_cancels_its_tasks(partner: httpx.Client, supervisor: httpx.Client) -> None:
    incident = partner.post("/v1/incidents", json=body_of(source_ref="BACK-1", place=place(9))).json()
    pointers(partner.post(f"/v1/incidents/{incident['id']}/retract", json={}))
    answer = partner.post(f"/v1/incidents/{incident['id']}/retract", json={"reason": "wrong school"})
    assert answer.status_code == 200
    assert answer.json()["status"] == "retracted"
    assert answer.json()["tasks"][0]["state"] == "cancelled"
    again = partner.post(f"/v1/incidents/{incident['id']}/retract", json={"reason": "wrong school"})
    assert again.status_code == 200
    timeline = supervisor.get(f"/v1/tasks/{incident['tasks'][0]['id']}").json()["timeline"]
    assert [entry["event"] for entry in timeline].count("cancelled") == 1


def test_each_caller_sees_only_what_is_theirs(
    partner: httpx.Client, report: Report, key_for: Callable[..., httpx.Client]
) -> None:
    incident = report(place=place(10))
    other, north, south = key_for("partner"), key_for("supervisor", "north"), key_for("supervisor", "south")
    address = f"/v1/incidents/{incident['id']}"
    assert partner.get(address).status_code == 200
    assert south.get(address).status_code == 200
    for client in (other, north):
        problem(client.get(address), 404)
        problem(client.post(f"{address}/retract", json={"reason": "not mine"}), 404)
        assert incident["id"] not in client.get("/v1/incidents", params={"limit": 200}).text
    assert incident["id"] in south.get("/v1/incidents", params={"limit": 200}).text
    problem(partner.get("/v1/incidents/inc_00000000-0000-7000-8000-000000000000"), 404)
    problem(key_for("supervisor").post("/v1/incidents", json=body_of()), 403)


def test_a_list_is_paged_without_gaps_or_repeats(key_for: Callable[..., httpx.Client]) -> None:
    mine = key_for("partner")
    made = [
        mine.post("/v1/incidents", json=body_of("note_only", source_ref=f"P-{n}", drill=True)).json()["id"]
        for n in range(7)
    ]
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(10):
        page = mine.get("/v1/incidents", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == made[::-1]


def test_a_key_that_must_give_a_lawful_basis_is_held_to_it(key_for: Callable[..., httpx.Client]) -> None:
    strict = key_for("partner", needs_lawful_basis=True)
    assert "public_task" in pointers(strict.post("/v1/incidents", json=body_of(drill=True)))["/lawful_basis"]
    answer = strict.post("/v1/incidents", json=body_of(drill=True, lawful_basis="vital_interests"))
    assert answer.status_code == 201
    assert answer.json()["lawful_basis"] == "vital_interests"
