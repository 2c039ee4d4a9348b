"""Who is on call, where nobody is, changes for a while, and the partnership file."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import yaml

from tests.api.conftest import pointers, problem

TEAM = "/v1/teams/education-inclusion-south"


def test_who_is_on_call_follows_the_rota(supervisor: httpx.Client) -> None:
    before = supervisor.get(f"{TEAM}/on-call", params={"at": "2026-11-23T08:59:00Z"}).json()
    after = supervisor.get(f"{TEAM}/on-call", params={"at": "2026-11-23T09:00:00Z"}).json()
    assert {before["on_call"][0], after["on_call"][0]} == {"amina", "ben"}
    assert before["backups"] == after["on_call"]
    assert before["lead"] == "grace"
    now = supervisor.get(f"{TEAM}/on-call").json()
    assert len(now["on_call"]) == 1
    assert supervisor.get("/v1/teams/duty/on-call").json()["on_call"][0] == "dana"


def test_a_team_that_is_not_there_or_not_theirs_is_404(
    supervisor: httpx.Client, key_for: Callable[..., httpx.Client]
) -> None:
    problem(supervisor.get("/v1/teams/nobody/on-call"), 404)
    problem(key_for("supervisor", "north").get(f"{TEAM}/on-call"), 404)


def test_an_override_stands_in_for_a_while(supervisor: httpx.Client) -> None:
    at = {"at": "2026-12-02T12:00:00Z"}
    on_call = supervisor.get(f"{TEAM}/on-call", params=at).json()["on_call"][0]
    other = "ben" if on_call == "amina" else "amina"
    body = {
        "kind": "replace",
        "worker": other,
        "instead_of": on_call,
        "starts_at": "2026-12-02T08:00:00Z",
        "ends_at": "2026-12-02T18:00:00Z",
    }
    made = supervisor.post(f"{TEAM}/overrides", json=body)
    assert made.status_code == 201
    assert made.json()["team"] == "education-inclusion-south"
    assert supervisor.get(f"{TEAM}/on-call", params=at).json()["on_call"] == [other]
    later = supervisor.get(f"{TEAM}/on-call", params={"at": "2026-12-02T18:00:00Z"}).json()
    assert later["on_call"] == [on_call]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"worker": "nobody"}, "/worker"),
        ({"ends_at": "2026-12-01T00:00:00Z"}, "/ends_at"),
        ({"kind": "swap"}, "/kind"),
        ({"instead_of": "nobody"}, "/instead_of"),
        ({"starts_at": "2026-12-02T08:00:00"}, "/starts_at"),
    ],
)
def test_an_override_that_can_not_be_is_refused(supervisor: httpx.Client, change: dict[str, Any], pointer: str) -> None:
    body = {
        "kind": "replace",
        "worker": "ben",
        "instead_of": "amina",
        "starts_at": "2026-12-02T08:00:00Z",
        "ends_at": "2026-12-02T18:00:00Z",
    }
    assert pointer in pointers(supervisor.post(f"{TEAM}/overrides", json=body | change))


def test_a_day_without_anybody_is_a_gap(supervisor: httpx.Client) -> None:
    period = {"from": "2026-12-07T00:00:00Z", "to": "2026-12-14T00:00:00Z"}
    assert supervisor.get("/v1/coverage", params=period).json()["gaps"] == []
    team = "/v1/teams/outreach-north"
    for worker in ("leroy", "wanjiru"):
        away = {
            "kind": "remove",
            "worker": worker,
            "starts_at": "2026-12-08T00:00:00Z",
            "ends_at": "2026-12-09T00:00:00Z",
        }
        assert supervisor.post(f"{team}/overrides", json=away).status_code == 201
    gaps = supervisor.get("/v1/coverage", params=period).json()["gaps"]
    assert {gap["team"] for gap in gaps} == {"outreach-north"}
    assert min(gap["starts_at"] for gap in gaps) == "2026-12-08T00:00:00Z"
    assert max(gap["ends_at"] for gap in gaps) == "2026-12-09T00:00:00Z"


def test_the_partnership_file_comes_back_and_changes_nothing_when_applied_again(admin: httpx.Client) -> None:
    document = admin.get("/v1/partnership").json()
    assert document["partnership"] == "bristol"
    assert len(document["workers"]) == 14
    assert admin.put("/v1/partnership", json=document).json() == {"changes": []}
    as_yaml = yaml.safe_dump(document)
    headers = {"Content-Type": "application/yaml"}
    assert admin.put("/v1/partnership", content=as_yaml, headers=headers).json() == {"changes": []}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d: d["teams"][0]["rota"].update(workers=["nobody"]), "nobody"),
        (lambda d: d["workers"][0].update(phone="12"), "+447700900101"),
        (lambda d: d["teams"][0]["rota"].update(handover="Someday"), "Mon 09:00"),
        (lambda d: d.update(timezone="Mars/Olympus"), "Europe/London"),
        (lambda d: d["duty"].update(workers=[]), "at least 1"),
        (lambda d: d["workers"].append(dict(d["workers"][0])), "twice"),
        (lambda d: d.update(colour="red"), "colour"),
    ],
)
def test_a_partnership_with_a_fault_is_refused_whole(
    admin: httpx.Client, spoil: Callable[[dict[str, Any]], None], says: str
) -> None:
    document = admin.get("/v1/partnership").json()
    spoil(document)
    answer = problem(admin.put("/v1/partnership", json=document), 422)
    assert says in str(answer)
    assert admin.get("/v1/partnership").json() != document


def test_a_changed_phone_is_told_and_kept(admin: httpx.Client) -> None:
    document = admin.get("/v1/partnership").json()
    worker = next(w for w in document["workers"] if w["slug"] == "rosa")
    worker["phone"] = "+447700900155"
    assert admin.put("/v1/partnership", json=document).json()["changes"] == ["worker rosa: changed (phone)"]
    assert "+447700900155" in admin.get("/v1/partnership").text


def test_a_worker_without_a_proven_number_is_listed_and_sent_a_code(
    admin: httpx.Client, supervisor: httpx.Client
) -> None:
    document = admin.get("/v1/partnership").json()
    worker = next(w for w in document["workers"] if w["slug"] == "sian")
    worker.update(phone="+447700900157", verified=False)
    admin.put("/v1/partnership", json=document)
    listed = {each["slug"]: each for each in supervisor.get("/v1/workers").json()["items"]}
    assert listed["sian"]["channels"] == [
        {"channel": "sms", "number": 1, "verified": False, "stopped_since": None},
        {"channel": "email", "number": None, "verified": False, "stopped_since": None},
    ]
    assert "phone" not in listed["sian"]
    sent = supervisor.post("/v1/workers/sian/verify", json={"channel": "sms"})
    assert sent.status_code == 202, sent.text
    wrong = problem(supervisor.post("/v1/workers/sian/verify/confirm", json={"code": "12345"}), 422)
    assert wrong["errors"][0]["pointer"] == "/code"
    problem(supervisor.post("/v1/workers/amina/verify/confirm", json={"code": "123456"}), 409)
    problem(supervisor.post("/v1/workers/amina/verify", json={"channel": "sms"}), 409)
    problem(supervisor.post("/v1/workers/nobody/verify", json={"channel": "sms"}), 404)
    for _ in range(2):
        supervisor.post("/v1/workers/sian/verify", json={"channel": "sms"})
    refused = supervisor.post("/v1/workers/sian/verify", json={"channel": "sms"})
    problem(refused, 429)
    assert int(refused.headers["Retry-After"]) > 0


def test_how_a_worker_is_reached_is_set_shown_and_taken_back(supervisor: httpx.Client, partner: httpx.Client) -> None:
    path = "/v1/workers/ben/preferences"
    body = {"channels": ["voice", "sms"], "quiet": [{"number": 1, "hours": "22:00-07:00"}]}
    answer = supervisor.put(path, json=body)
    assert answer.status_code == 200, answer.text
    [ben] = [each for each in supervisor.get("/v1/workers").json()["items"] if each["slug"] == "ben"]
    assert ben["preferences"] == answer.json()
    assert ben["preferences"]["channels"] == ["voice", "sms", "email"]
    assert ben["preferences"]["quiet"] == body["quiet"]
    assert supervisor.delete(path).status_code == 204
    [ben] = [each for each in supervisor.get("/v1/workers").json()["items"] if each["slug"] == "ben"]
    assert ben["preferences"]["set_by"] is None
    problem(partner.put(path, json=body), 403)
    problem(supervisor.put("/v1/workers/nobody/preferences", json=body), 404)


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"channels": ["sms", "sms"]}, "/channels", "sms is there twice"),
        ({"channels": ["team"]}, "/channels", "sms, voice and email reach a worker"),
        ({"channels": ["fax"]}, "/channels/0", "sms"),
        ({"quiet": [{"number": 1, "hours": "late"}]}, "/quiet/0/hours", "is not hours such as 09:00-17:00"),
        ({"quiet": [{"number": 1, "hours": "07:00-07:00"}]}, "/quiet/0/hours", "begins and ends at the same time"),
        ({"quiet": [{"number": 6, "hours": "22:00-07:00"}]}, "/quiet/0/number", "the partnership file has one number"),
    ],
)
def test_a_preference_that_can_not_be_is_told_by_its_place(
    supervisor: httpx.Client, body: dict[str, Any], pointer: str, words: str
) -> None:
    assert words in pointers(supervisor.put("/v1/workers/ben/preferences", json=body))[pointer]
