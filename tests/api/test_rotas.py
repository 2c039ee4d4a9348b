"""Changes to rotas with their conflicts named, swaps, and leave."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.conftest import pointers, problem

TEAM = "/v1/teams/education-inclusion-south"


def on_call(supervisor: httpx.Client, at: str) -> list[str]:
    found: list[str] = supervisor.get(f"{TEAM}/on-call", params={"at": at}).json()["on_call"]
    return found


def other(worker: str) -> str:
    return "ben" if worker == "amina" else "amina"


def replacing(supervisor: httpx.Client, starts_at: str, ends_at: str) -> dict[str, Any]:
    on = on_call(supervisor, starts_at)[0]
    return {
        "kind": "replace",
        "worker": other(on),
        "instead_of": on,
        "starts_at": starts_at,
        "ends_at": ends_at,
    }


def test_a_second_change_of_the_same_hours_is_refused_and_the_first_is_named(supervisor: httpx.Client) -> None:
    body = replacing(supervisor, "2026-12-15T08:00:00Z", "2026-12-15T18:00:00Z")
    made = supervisor.post(f"{TEAM}/overrides", json=body)
    assert made.status_code == 201, made.text
    again = supervisor.post(f"{TEAM}/overrides", json=body | {"worker": "grace", "ends_at": "2026-12-16T18:00:00Z"})
    said = pointers(again)["/instead_of"]
    assert f"{body['instead_of']} is replaced by {body['worker']} from 08:00 Tue 15 Dec to 18:00 Tue 15 Dec" in said
    assert made.json()["id"] in said
    absent = supervisor.post(f"{TEAM}/overrides", json=body | {"instead_of": "grace", "worker": "amina"})
    assert "on call: " in pointers(absent)["/instead_of"]
    twice = supervisor.post(f"{TEAM}/overrides", json=body | {"kind": "add", "instead_of": None})
    assert f"{body['worker']} is on call already" in pointers(twice)["/worker"]


def test_a_change_is_listed_and_can_be_taken_back(
    supervisor: httpx.Client, key_for: Callable[..., httpx.Client]
) -> None:
    body = replacing(supervisor, "2026-12-16T08:00:00Z", "2026-12-16T18:00:00Z")
    made = supervisor.post(f"{TEAM}/overrides", json=body).json()
    period = {"from": "2026-12-16T00:00:00Z", "to": "2026-12-17T00:00:00Z"}
    assert made.pop("warnings") == []
    assert made in supervisor.get(f"{TEAM}/overrides", params=period).json()["items"]
    assert on_call(supervisor, "2026-12-16T12:00:00Z") == [body["worker"]]
    address = f"{TEAM}/overrides/{made['id']}"
    problem(key_for("supervisor", "north").delete(address), 404)
    problem(supervisor.delete(address.replace("south", "north")), 404)
    assert supervisor.delete(address).status_code == 204
    problem(supervisor.delete(address), 404)
    assert on_call(supervisor, "2026-12-16T12:00:00Z") == [body["instead_of"]]
    assert made not in supervisor.get(f"{TEAM}/overrides", params=period).json()["items"]


def test_two_workers_swap_or_nothing_changes(supervisor: httpx.Client) -> None:
    first = on_call(supervisor, "2027-01-12T12:00:00Z")[0]
    second = other(first)
    assert on_call(supervisor, "2027-01-19T12:00:00Z") == [second]
    swap: dict[str, Any] = {
        "worker": first,
        "starts_at": "2027-01-11T09:00:00Z",
        "ends_at": "2027-01-18T09:00:00Z",
        "with": {"worker": second, "starts_at": "2027-01-18T09:00:00Z", "ends_at": "2027-01-25T09:00:00Z"},
    }
    wrong = swap | {"with": swap["with"] | {"starts_at": "2027-01-11T09:00:00Z", "ends_at": "2027-01-12T09:00:00Z"}}
    assert set(pointers(supervisor.post(f"{TEAM}/swaps", json=wrong))) == {"/worker"}
    assert on_call(supervisor, "2027-01-12T12:00:00Z") == [first], "the first half was taken back with the second"

    assert len(supervisor.post(f"{TEAM}/swaps", json=swap).json()["items"]) == 2
    assert on_call(supervisor, "2027-01-12T12:00:00Z") == [second]
    assert on_call(supervisor, "2027-01-19T12:00:00Z") == [first]
    said = pointers(supervisor.post(f"{TEAM}/swaps", json=swap))
    assert "is replaced by" in said["/worker"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"worker": "nobody"}, "/worker"),
        ({"with": {"worker": "nobody"}}, "/with/worker"),
        ({"with": {"ends_at": "2027-01-01T09:00:00Z"}}, "/with/ends_at"),
        ({"with": {"worker": "amina"}}, "/with/worker"),
        ({"ends_at": "1999-01-01T09:00:00Z"}, "/ends_at"),
    ],
)
def test_a_swap_that_can_not_be_is_refused(supervisor: httpx.Client, change: dict[str, Any], pointer: str) -> None:
    swap: dict[str, Any] = {
        "worker": "amina",
        "starts_at": "2027-02-01T09:00:00Z",
        "ends_at": "2027-02-08T09:00:00Z",
        "with": {"worker": "ben", "starts_at": "2027-02-08T09:00:00Z", "ends_at": "2027-02-15T09:00:00Z"},
    }
    body = swap | change | {"with": swap["with"] | change.get("with", {})}
    assert pointer in pointers(supervisor.post(f"{TEAM}/swaps", json=body))


def test_leave_is_noted_named_as_a_conflict_and_taken_back(
    supervisor: httpx.Client, key_for: Callable[..., httpx.Client]
) -> None:
    when = {"starts_at": "2027-03-01T00:00:00Z", "ends_at": "2027-03-08T00:00:00Z"}
    on = on_call(supervisor, "2027-03-03T12:00:00Z")[0]
    address = f"/v1/workers/{other(on)}/leave"
    made = supervisor.post(address, json=when)
    assert made.status_code == 201
    body = replacing(supervisor, "2027-03-03T08:00:00Z", "2027-03-03T18:00:00Z")
    said = pointers(supervisor.post(f"{TEAM}/overrides", json=body))["/worker"]
    assert said == f"{other(on)} is on leave from 00:00 Mon 1 Mar to 00:00 Mon 8 Mar"
    away = supervisor.get(f"{TEAM}/on-call", params={"at": "2027-03-03T12:00:00Z"}).json()["away"]
    assert away == {other(on): "is on leave"}
    assert supervisor.get(f"{TEAM}/on-call", params={"at": "2027-03-08T12:00:00Z"}).json()["away"] == {}

    period = {"from": "2027-03-07T00:00:00Z", "to": "2027-03-09T00:00:00Z"}
    assert supervisor.get(address, params=period).json()["items"] == [made.json()]
    problem(key_for("supervisor", "north").get("/v1/workers/amina/leave"), 404)
    problem(supervisor.get("/v1/workers/nobody/leave"), 404)
    assert "/ends_at" in pointers(supervisor.post(address, json=when | {"ends_at": "2026-01-01T00:00:00Z"}))
    assert supervisor.delete(f"{address}/{made.json()['id']}").status_code == 204
    problem(supervisor.delete(f"{address}/{made.json()['id']}"), 404)
    assert supervisor.post(f"{TEAM}/overrides", json=body).status_code == 201


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/on-call", {"at": "9999-12-31T23:59:59Z"}),
        ("/on-call", {"at": "0001-01-01T00:00:00Z"}),
        ("/overrides", {"from": "9999-12-31T00:00:00Z"}),
    ],
)
def test_a_moment_out_of_all_calendars_is_refused(
    supervisor: httpx.Client, path: str, parameters: dict[str, str]
) -> None:
    assert set(pointers(supervisor.get(TEAM + path, params=parameters))) <= {"/query/at", "/query/from"}
