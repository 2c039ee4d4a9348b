"""The rulebook in force: read, replaced as a whole, refused as a whole; a running task keeps the policy it was opened under."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import Report, problem
from tests.running import running_service

YAML = {"Content-Type": "application/yaml"}


@pytest.fixture
def source(supervisor: httpx.Client) -> str:
    found: str = supervisor.get("/v1/rulebook").json()["source"]
    return found


def test_the_shipped_book_is_in_force(supervisor: httpx.Client) -> None:
    book = supervisor.get("/v1/rulebook").json()
    assert book["name"] == "bristol"
    assert "pathways:" in book["source"]


def test_a_book_with_faults_is_refused_with_their_lines(admin: httpx.Client, source: str) -> None:
    wrong = source.replace("sms_label: Education response", "sms_label: Knife response").replace(
        "incident.setting", "incident.seting", 1
    )
    answer = problem(admin.put("/v1/rulebook", content=wrong, headers=YAML), 422)
    told = {fault["pointer"]: fault["detail"] for fault in answer["errors"]}
    line = next(n for n, text in enumerate(wrong.splitlines(), 1) if "Knife response" in text)
    assert told["/pathways/education-inclusion/sms_label"].startswith(f"line {line}: ")
    assert any("seting" in detail and "setting" in detail for detail in told.values())
    assert admin.get("/v1/rulebook").json()["source"] == source


def test_a_new_book_counts_for_new_incidents_alone(
    admin: httpx.Client, supervisor: httpx.Client, report: Report, source: str
) -> None:
    running = report(drill=True)["tasks"][0]
    before = supervisor.get("/v1/rulebook").json()["version"]
    changed = source.replace("acknowledge: 30m", "acknowledge: 10m", 1)
    assert changed != source
    put = admin.put("/v1/rulebook", json={"source": changed, "why": "the board asked for it"}).json()
    assert (put["version"], put["why"]) == (before + 1, "the board asked for it")
    fresh = report(drill=True)
    assert fresh["rulebook"] == f"bristol@{before + 1}"

    def minutes(task: str) -> float:
        found = supervisor.get(f"/v1/tasks/{task}").json()
        due = next(m["due_at"] for m in found["sla"] if m["milestone"] == "acknowledge")
        return round(_seconds(due) - _seconds(found["opened_at"])) / 60

    assert minutes(fresh["tasks"][0]["id"]) == 10
    assert minutes(running["id"]) == 30
    again = admin.put("/v1/rulebook", content=changed, headers=YAML).json()
    assert again["version"] == before + 1, "the same book again is not another version"


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def test_a_rulebook_is_tried_over_the_past_without_changing_anything(
    supervisor: httpx.Client, partner: httpx.Client, report: Report, source: str, key_for: Callable[..., httpx.Client]
) -> None:
    report("theft_of_a_bicycle", locality="south")
    body = {"source": source.replace('"community_concern"', '"theft_of_a_bicycle"')}
    told = supervisor.post("/v1/rulebook/simulate", json=body)
    assert told.status_code == 200, told.text
    assert told.json()["incidents"] >= 1
    assert told.json()["active"]["opened"] == told.json()["candidate"]["opened"]
    later = supervisor.post("/v1/rulebook/simulate", json=body | {"from": "2027-01-01T00:00:00Z"}).json()
    assert (later["incidents"], later["from"]) == (0, None)
    assert supervisor.get("/v1/rulebook").json()["source"] == source
    problem(supervisor.post("/v1/rulebook/simulate", json={"source": "rulebook: x"}), 422)
    problem(partner.post("/v1/rulebook/simulate", json=body), 403)
    problem(key_for("supervisor", "south").post("/v1/rulebook/simulate", json=body), 403)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"source": 5}', b'{"why": "x"}'])
def test_a_body_that_holds_no_book_is_refused(admin: httpx.Client, body: bytes) -> None:
    problem(admin.put("/v1/rulebook", content=body, headers={"Content-Type": "application/json"}), 422)


def test_a_second_person_puts_a_new_version_in_force_and_anybody_brings_an_old_one_back(tmp_path: Path) -> None:
    with running_service(tmp_path, CALLOUT_RULEBOOK_REVIEW="on") as service:
        writer, reviewer, partner = (service.client(role) for role in ("admin", "supervisor", "partner"))
        source = reviewer.get("/v1/rulebook").json()["source"]
        changed = source.replace("acknowledge: 30m", "acknowledge: 10m", 1)
        put = writer.put("/v1/rulebook", json={"source": changed, "why": "quicker"}).json()
        assert (put["version"], put["state"], put["activated_at"]) == (2, "waiting", None)
        again = writer.put("/v1/rulebook", json={"source": changed}).json()
        assert (again["version"], again["state"]) == (2, "waiting")
        assert reviewer.get("/v1/rulebook").json()["version"] == 1

        refused = writer.post("/v1/rulebook/versions/2/activate")
        assert "second person" in problem(refused, 403)["detail"]
        problem(partner.post("/v1/rulebook/versions/2/activate"), 403)
        problem(reviewer.post("/v1/rulebook/versions/9/activate"), 404)
        south = writer.post("/v1/keys", json={"role": "supervisor", "name": "South", "localities": ["south"]}).json()[
            "key"
        ]
        headers = {"Authorization": f"Bearer {south}"}
        problem(partner.post("/v1/rulebook/versions/2/activate", headers=headers), 403)

        active = reviewer.post("/v1/rulebook/versions/2/activate").json()
        assert (active["state"], active["activated_by"], active["made_by"]) == (
            "in force",
            "demo supervisor",
            "demo admin",
        )
        body = {"type": "weapon_in_school", "occurred_at": "2026-11-20T14:41:00Z", "locality": "south"}
        assert partner.post("/v1/incidents", json=body).json()["rulebook"] == "bristol@2"

        back = writer.post("/v1/rulebook/versions/1/activate")
        assert back.json()["state"] == "in force"
        listed = reviewer.get("/v1/rulebook/versions").json()["items"]
        assert [(item["version"], item["state"]) for item in listed] == [(2, "past"), (1, "in force")]
        actions = [entry["action"] for entry in reviewer.get("/v1/audit").json()["items"]]
        assert actions.count("rulebook.activated") == 3
        assert actions.count("rulebook.stored") == 2
        for client in (writer, reviewer, partner):
            client.close()


def test_what_was_put_in_force_by_the_api_is_not_undone_by_a_restart(tmp_path: Path) -> None:
    with running_service(tmp_path) as service, service.client("admin") as admin:
        source = admin.get("/v1/rulebook").json()["source"]
        admin.put("/v1/rulebook", json={"source": source.replace("acknowledge: 30m", "acknowledge: 10m", 1)})
    with running_service(tmp_path) as service, service.client("admin") as admin:
        assert admin.get("/v1/rulebook").json()["version"] == 2
