"""Who may call: keys by role and locality, sessions on the pages, the rate, and what nobody may see."""

import asyncio
import re
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from api.access import Caller, Callers
from service.models.access import Role
from tests.api.conftest import body_of, problem
from tests.running import Service, running_service

ROUTES = {
    "partner": [("POST", "/v1/incidents")],
    "supervisor": [
        ("GET", "/v1/incidents/refused"),
        ("GET", "/v1/tasks"),
        ("GET", "/v1/sla"),
        ("GET", "/v1/sla/report"),
        ("GET", "/v1/teams/outreach-south/on-call"),
        ("GET", "/v1/coverage"),
        ("GET", "/v1/rulebook"),
        ("GET", "/v1/audit"),
        ("GET", "/v1/stream"),
    ],
    "admin": [
        ("GET", "/v1/keys"),
        ("POST", "/v1/keys"),
        ("GET", "/v1/partnership"),
        ("PUT", "/v1/partnership"),
        ("PUT", "/v1/rulebook"),
        ("DELETE", "/v1/keys/key_00000000-0000-7000-8000-000000000000"),
    ],
}
EVERY = [(role, method, path) for role, routes in ROUTES.items() for method, path in routes]


@pytest.mark.parametrize(("role", "method", "path"), EVERY)
def test_without_a_key_that_is_known_the_answer_is_401(nobody: httpx.Client, role: str, method: str, path: str) -> None:
    del role
    for headers in (
        {},
        {"Authorization": "Bearer ck_wrong"},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Bearer"},
    ):
        answer = nobody.request(method, path, headers=headers, json={} if method in ("POST", "PUT") else None)
        problem(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("role", "method", "path"), EVERY)
def test_a_role_that_may_not_is_told_which_may(shared_service: Service, role: str, method: str, path: str) -> None:
    for other in {"partner", "supervisor"} - {role}:
        with shared_service.client(other) as client:
            answer = client.request(method, path, json=body_of() if method in ("POST", "PUT") else None)
            assert role in problem(answer, 403)["detail"]


def test_a_key_is_shown_once_kept_as_a_hash_and_ended_at_once(
    admin: httpx.Client, shared_service: Service, tmp_path: Path
) -> None:
    made = admin.post("/v1/keys", json={"role": "partner", "name": "Example Academy"})
    assert made.status_code == 201
    text, name = made.json()["key"], made.json()["id"]
    listed = admin.get("/v1/keys")
    assert name in listed.text
    assert text not in listed.text
    database = shared_service.environment["CALLOUT_DATABASE_URL"]
    if database.startswith("sqlite"):
        with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
            dump = "\n".join(connection.iterdump())
        assert text not in dump
        assert text.removeprefix("ck_")[:20] not in dump
    with httpx.Client(base_url=shared_service.url, headers={"Authorization": f"Bearer {text}"}) as client:
        assert client.get("/v1/incidents").status_code == 200
        assert admin.delete(f"/v1/keys/{name}").status_code == 204
        problem(client.get("/v1/incidents"), 401)
    assert admin.delete(f"/v1/keys/{name}").status_code == 204
    problem(admin.delete("/v1/keys/key_00000000-0000-7000-8000-000000000000"), 404)


def test_those_who_call_at_once_are_looked_up_once_unless_a_key_was_revoked_meanwhile() -> None:
    found = Caller(key_id="key", name="Example Academy", role=Role.PARTNER, localities=())
    gate, looks = threading.Event(), []

    def read() -> Caller | None:
        looks.append(len(looks))
        gate.wait(10)
        return found if len(looks) == 1 else None

    async def call() -> list[Caller | None]:
        callers = Callers()
        before = [asyncio.ensure_future(callers.read("ck_text", read)) for _ in range(5)]
        await asyncio.sleep(0)
        before.pop().cancel()
        callers.forget()
        after = asyncio.ensure_future(callers.read("ck_text", lambda: None))
        assert await after is None
        gate.set()
        return await asyncio.gather(*before)

    assert asyncio.run(call()) == [found] * 4
    assert looks == [0]


def test_a_lookup_that_fails_fails_for_those_who_waited_and_for_nobody_after() -> None:
    def broken() -> Caller | None:
        raise OSError("the database is away")

    async def call() -> list[object]:
        callers = Callers()
        failed = await asyncio.gather(*[callers.read("ck_text", broken) for _ in range(2)], return_exceptions=True)
        return [type(each) for each in failed] + [await callers.read("ck_text", lambda: None)]

    assert asyncio.run(call()) == [OSError, OSError, None]


def test_the_audit_is_for_keys_that_see_the_whole_area(key_for: Callable[..., httpx.Client]) -> None:
    problem(key_for("supervisor", "south").get("/v1/audit"), 403)
    assert key_for("supervisor").get("/v1/audit").status_code == 200


def test_a_key_that_calls_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    settings = {"CALLOUT_RATE_LIMIT": "30", "CALLOUT_RATE_BURST": "5"}
    with running_service(tmp_path, **settings) as service, service.client("supervisor") as client:
        answers = [client.get("/v1/sla") for _ in range(8)]
        assert [answer.status_code for answer in answers][:5] == [200] * 5
        problem(answers[-1], 429)
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3
        with service.client("admin") as other:
            assert other.get("/v1/sla").status_code == 200, "the limit is for each key"
        with service.client() as page:
            moved = page.post("/v1/sandbox/clock", json={"advance": "PT10S"})
            assert moved.status_code == 200
        assert client.get("/v1/sla").status_code == 200


def test_in_the_sandbox_a_browser_is_signed_in_by_opening_the_board(nobody: httpx.Client) -> None:
    board = nobody.get("/board", follow_redirects=True)
    assert board.status_code == 200
    cookie = nobody.cookies.jar
    found = next(iter(cookie))
    assert found.name == "callout_session"
    assert found.has_nonstandard_attr("HttpOnly")
    assert str(found.get_nonstandard_attr("SameSite")).lower() == "strict"
    assert nobody.get("/v1/tasks").status_code == 200


def test_a_session_can_not_be_ridden_from_another_site(nobody: httpx.Client) -> None:
    nobody.get("/board", follow_redirects=True)
    task = "/v1/tasks/tsk_00000000-0000-7000-8000-000000000000/escalate"
    problem(nobody.post(task), 401)
    problem(nobody.post(task, headers={"Sec-Fetch-Site": "cross-site"}), 401)
    problem(nobody.post(task, headers={"Origin": "https://evil.example.org"}), 401)
    problem(nobody.post(task, headers={"Sec-Fetch-Site": "same-origin"}), 404)


def test_a_forged_session_is_none(nobody: httpx.Client) -> None:
    nobody.get("/board", follow_redirects=True)
    value = nobody.cookies["callout_session"]
    nobody.cookies.clear()
    nobody.cookies.set("callout_session", value[:-2] + ("AA" if value[-2:] != "AA" else "BB"))
    problem(nobody.get("/v1/tasks"), 401)


def test_what_a_session_stands_for_opens_nothing_as_a_key(nobody: httpx.Client, admin: httpx.Client) -> None:
    """A session is looked up once for a moment's requests; the id that it is kept by is known to more than its holder."""
    ids = [key["id"] for key in admin.get("/v1/keys").json()["items"]]
    assert ids
    nobody.get("/board", follow_redirects=True)
    session = nobody.cookies["callout_session"]
    for text in (session, *ids, *(f"session of {key_id}" for key_id in ids)):
        assert nobody.get("/v1/tasks").status_code == 200, "the session itself, so that it was seen a moment ago"
        problem(admin.get("/v1/tasks", headers={"Authorization": f"Bearer {text}"}), 401)


def test_the_sandbox_is_not_moved_by_another_site(nobody: httpx.Client) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example.org"}):
        problem(nobody.post("/v1/sandbox/clock", json={"advance": "PT1M"}, headers=headers), 403)


def test_health_needs_no_key(nobody: httpx.Client) -> None:
    assert nobody.get("/healthz").json() == {"status": "alive"}
    ready = nobody.get("/readyz")
    assert ready.status_code == 200
    assert set(ready.json()["checks"].values()) == {"ok"}
    assert {"database", "schema", "rulebook", "engine"} <= set(ready.json()["checks"])


def test_the_figures_for_prometheus_name_nobody(nobody: httpx.Client, partner: httpx.Client) -> None:
    partner.post("/v1/incidents", json=body_of(people=[{"ref": "p-secret", "role": "victim"}]))
    text = nobody.get("/metrics").text
    for name in (
        "callout_incidents_total",
        "callout_messages_total",
        "callout_first_page_seconds",
        "callout_acknowledge_seconds",
        "callout_live_tasks",
        "callout_open_milestones",
        "callout_queued",
        "callout_lag_seconds",
    ):
        assert re.search(rf"^# TYPE {name} ", text, re.MULTILINE), name
    assert "p-secret" not in text
    assert "+44" not in text
