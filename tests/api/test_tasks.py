"""Tasks: found by filters, acted on by supervisors, and refused with the reason when their state forbids it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.conftest import Report, pointers, problem

ACTIONS: dict[str, dict[str, Any] | None] = {
    "acknowledge": {"worker": "amina"},
    "decline": {"worker": "ben", "reason": "at another call"},
    "assign": {"worker": "ben"},
    "milestone": {"name": "contact"},
    "complete": {"outcome": "plan_agreed", "note": "all fine"},
    "cancel": {"reason": "not needed"},
    "pause": {"reason": "family asked"},
    "resume": None,
    "escalate": None,
    "note": {"text": "rang the school"},
}


@pytest.fixture
def act(supervisor: httpx.Client) -> Callable[..., httpx.Response]:
    """Sends one action on a task, with a body that is right unless another is given."""

    def send(task: str, action: str, **body: Any) -> httpx.Response:
        given = body or ACTIONS[action]
        return supervisor.post(f"/v1/tasks/{task}/{action}", **({"json": given} if given else {}))

    return send


def opened(report: Report, kind: str = "weapon_in_school", **fields: Any) -> str:
    task: str = report(kind, drill=True, **fields)["tasks"][0]["id"]
    return task


def test_a_task_is_taken_contacted_and_completed(
    report: Report, supervisor: httpx.Client, act: Callable[..., httpx.Response]
) -> None:
    task = opened(report)
    taken = act(task, "acknowledge").json()
    assert (taken["state"], taken["assignee"]) == ("acknowledged", "amina")
    assert taken["acknowledged_at"]
    assert taken["escalation"]["next_at"] is None
    contacted = act(task, "milestone").json()
    assert {m["milestone"]: m["state"] for m in contacted["sla"]}["contact"] == "met"
    done = act(task, "complete").json()
    assert (done["state"], done["outcome"]) == ("completed", "plan_agreed")
    assert done["completed_at"]
    events = [entry["event"] for entry in supervisor.get(f"/v1/tasks/{task}").json()["timeline"]]
    assert [e for e in events if e in ("opened", "taken", "milestone met", "completed")] == [
        "opened",
        "taken",
        "milestone met",
        "completed",
    ]


BEFORE: dict[str, list[str]] = {
    "open": [],
    "acknowledged": ["acknowledge"],
    "paused": ["pause"],
    "completed": ["acknowledge", "complete"],
    "cancelled": ["cancel"],
}
ALLOWED = {
    "open": {"acknowledge", "decline", "assign", "cancel", "pause", "escalate", "note"},
    "acknowledged": {"assign", "milestone", "complete", "cancel", "pause", "escalate", "note"},
    "paused": {"acknowledge", "decline", "assign", "cancel", "resume", "note"},
    "completed": {"note"},
    "cancelled": {"note"},
}


@pytest.mark.parametrize("state", BEFORE)
@pytest.mark.parametrize("action", ACTIONS)
def test_what_the_state_forbids_is_a_conflict_that_says_why(
    report: Report, act: Callable[..., httpx.Response], state: str, action: str
) -> None:
    task = opened(report)
    for step in BEFORE[state]:
        assert act(task, step).status_code == 200
    answer = act(task, action)
    if action in ALLOWED[state]:
        assert answer.status_code == 200, answer.text
        assert answer.json()["id"] == task
    else:
        assert problem(answer, 409)["detail"]


def test_a_conflict_says_who_holds_the_task(report: Report, act: Callable[..., httpx.Response]) -> None:
    task = opened(report)
    act(task, "acknowledge")
    assert "Amina Example" in problem(act(task, "acknowledge", worker="ben"), 409)["detail"]
    assert "Amina Example" in problem(act(task, "acknowledge", worker="amina"), 409)["detail"]
    assert "Amina Example" in problem(act(task, "decline", worker="ben"), 409)["detail"]


@pytest.mark.parametrize(
    ("action", "body", "pointer", "says"),
    [
        ("acknowledge", {"worker": "nobody"}, "/worker", "nobody"),
        ("assign", {"worker": ""}, "/worker", ""),
        ("milestone", {"name": "lunch"}, "/name", "contact"),
        ("complete", {"outcome": "splendid"}, "/outcome", "plan_agreed"),
        ("complete", {"outcome": "plan_agreed", "colour": 1}, "/colour", "no such field"),
        ("cancel", {"reason": ""}, "/reason", ""),
        ("pause", {"reason": "x", "until": "2020-01-01T00:00:00Z"}, "/until", "ahead"),
        ("pause", {"reason": "x", "until": "2027-01-01T00:00:00Z"}, "/until", "14 days"),
        ("note", {"text": "x" * 2001}, "/text", "2000"),
    ],
)
def test_a_wrong_action_says_what_would_be_right(
    report: Report, act: Callable[..., httpx.Response], action: str, body: dict[str, Any], pointer: str, says: str
) -> None:
    task = opened(report)
    act(task, "acknowledge") if action in ("complete", "milestone") else None
    found = pointers(act(task, action, **body))
    assert list(found) == [pointer]
    assert says in found[pointer]


def test_a_pause_moves_every_deadline_that_was_ahead(
    report: Report, act: Callable[..., httpx.Response], supervisor: httpx.Client, nobody: httpx.Client
) -> None:
    task = opened(report)
    act(task, "acknowledge")
    before = {m["milestone"]: m for m in act(task, "note").json()["sla"]}
    paused = act(task, "pause", reason="the family asked", until="2026-11-24T12:00:00Z").json()
    assert paused["paused_until"] == "2026-11-24T12:00:00Z"
    assert {m["milestone"]: m["state"] for m in paused["sla"]} == {
        "acknowledge": "met",
        "contact": "paused",
        "complete": "paused",
    }
    nobody.post("/v1/sandbox/clock", json={"advance": "PT1H"})
    resumed = act(task, "resume").json()
    assert resumed["paused_until"] is None
    after = {m["milestone"]: m for m in resumed["sla"]}
    assert after["complete"]["due_at"] > before["complete"]["due_at"]
    assert after["acknowledge"]["due_at"] == before["acknowledge"]["due_at"]


def test_declining_pages_the_next_step_at_once_and_keeps_the_reason(
    report: Report, act: Callable[..., httpx.Response]
) -> None:
    task = opened(report)
    on_call = act(task, "note").json()["timeline"]
    # The whole team where its phone was asked for much just before, by another test.
    first = dict.fromkeys(entry["detail"].split()[0].lower() for entry in on_call if entry["event"] == "paged")
    for worker in first:
        declined = act(task, "decline", worker=worker, reason="at another call").json()
    assert declined["escalation"]["step"] > 1
    assert any(e["event"] == "passed" and "at another call" in e["detail"] for e in declined["timeline"])


def test_filters_find_what_they_say(
    report: Report, act: Callable[..., httpx.Response], supervisor: httpx.Client
) -> None:
    mine, other = opened(report), opened(report, locality="north")
    act(mine, "acknowledge", worker="ben")

    def found(**params: str) -> set[str]:
        items = supervisor.get("/v1/tasks", params={"limit": 200} | params).json()["items"]
        return {item["id"] for item in items}

    for params in (
        {"state": "acknowledged"},
        {"worker": "ben"},
        {"locality": "south"},
        {"team": "education-inclusion-south"},
        {"sla": "met"},
    ):
        assert mine in found(**params), params
        assert other not in found(**params), params
    both = {"pathway": "education-inclusion", "sla": "on_track"}
    assert {mine, other} <= found(**both)
    assert mine in found(state="acknowledged", locality="south", worker="ben")
    assert found(locality="north", worker="ben") == set()


def test_pages_of_tasks_have_no_gaps_and_no_repeats(report: Report, supervisor: httpx.Client) -> None:
    made = [opened(report) for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = supervisor.get("/v1/tasks", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen[:5] == made[::-1]
    assert len(seen) == len(set(seen))
    assert "timeline" not in page["items"][0]


def test_a_supervisor_of_another_locality_sees_and_does_nothing(
    report: Report, key_for: Callable[..., httpx.Client], partner: httpx.Client
) -> None:
    task = opened(report)
    north = key_for("supervisor", "north")
    problem(north.get(f"/v1/tasks/{task}"), 404)
    assert task not in north.get("/v1/tasks", params={"limit": 200}).text
    for action, body in ACTIONS.items():
        problem(north.post(f"/v1/tasks/{task}/{action}", **({"json": body} if body else {})), 404)
        problem(partner.post(f"/v1/tasks/{task}/{action}", **({"json": body} if body else {})), 403)
    problem(partner.get("/v1/tasks"), 403)
