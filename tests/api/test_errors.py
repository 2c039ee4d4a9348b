"""Every error says what was wrong, where, and what would be right; and a refused report is kept."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.api.conftest import body_of, pointers, problem


@pytest.mark.parametrize(
    ("change", "pointer", "says"),
    [
        ({"type": None}, "/type", "string"),
        ({"type": "Weapon In School"}, "/type", "pattern"),
        ({"occurred_at": "2026-11-20T14:41:00"}, "/occurred_at", "an offset is needed"),
        ({"occurred_at": 1763649660}, "/occurred_at", "with an offset"),
        ({"occurred_at": "yesterday"}, "/occurred_at", ""),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "/occurred_at", "calendar"),
        ({"colour": "red"}, "/colour", "there is no such field"),
        ({"place": {"naem": "x"}}, "/place/naem", "there is no such field"),
        ({"place": {"lat": 51.4}}, "/place", "lat and lon go together"),
        ({"place": {"lat": 91, "lon": 0}}, "/place/lat", "90"),
        ({"place": {"postcode": "nonsense"}}, "/place/postcode", "BS4 1AA"),
        ({"place": {"a/b~c": 1}}, "/place/a~1b~0c", "there is no such field"),
        ({"people": [{"role": "victim"}]}, "/people/0/ref", "required"),
        (
            {"people": [{"ref": "p", "role": "victim"}, {"ref": "q", "role": "victim", "age": 200}]},
            "/people/1/age",
            "120",
        ),
        ({"people": [{"ref": "p", "role": "victim", "name": "x"}]}, "/people/0/name", "there is no such field"),
        ({"source_ref": ""}, "/source_ref", "at least 1"),
        ({"source_ref": "a\u0000b"}, "/source_ref", "control"),
        ({"summary": "x" * 8001}, "/summary", "8000"),
        ({"summary": "a\u0000b"}, "/summary", "control"),
        ({"attributes": []}, "/attributes", "dictionary"),
        ({"lawful_basis": "because"}, "/lawful_basis", "public_task"),
        ({"drill": "perhaps"}, "/drill", "boolean"),
    ],
)
def test_a_wrong_field_is_named_by_its_pointer(
    partner: httpx.Client, change: dict[str, Any], pointer: str, says: str
) -> None:
    found = pointers(partner.post("/v1/incidents", json=body_of() | change))
    assert list(found) == [pointer]
    assert says in found[pointer]


def test_all_wrong_fields_are_named_at_once(partner: httpx.Client) -> None:
    found = pointers(partner.post("/v1/incidents", json={"colour": 1, "place": {"lat": "x", "lon": 0}}))
    assert set(found) == {"/type", "/occurred_at", "/colour", "/place/lat"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"type": "x", "type"', b"[" * 5000, b"{}{}"],
    ids=["empty", "cut", "list", "null", "text", "bytes", "half", "deep", "two"],
)
def test_a_body_that_is_no_report_is_refused_and_kept(
    partner: httpx.Client, supervisor: httpx.Client, body: bytes
) -> None:
    headers = {"Content-Type": "application/json", "X-Request-Id": "malformed-1"}
    answer = partner.post("/v1/incidents", content=body, headers=headers)
    assert problem(answer, 422)["errors"]
    assert answer.headers["X-Request-Id"] == "malformed-1"
    kept = supervisor.get("/v1/incidents/refused", params={"limit": 1}).json()["items"][0]
    assert kept["status"] == 422
    assert kept["problem"]["errors"] == answer.json()["errors"]


@pytest.mark.parametrize(
    "attributes",
    ['{"x": NaN}', '{"x": 1e999}', '{"x": -Infinity}', '{"x": "a\\u0000b"}', '{"a\\u0000b": 1}', '{"x": "\\ud800"}',
     '{"x": 123456789012345678901234567890123456789012345}', '{"x": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}'],
)  # fmt: skip
def test_odd_but_parseable_values_are_taken_or_refused_and_never_break_the_service(
    partner: httpx.Client, attributes: str
) -> None:
    body = json.dumps(body_of() | {"attributes": "HERE"}).replace('"HERE"', attributes)
    answer = partner.post("/v1/incidents", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (201, 422), answer.text
    if answer.status_code == 201:
        again = partner.get(answer.headers["Location"])
        assert again.status_code == 200
        json.loads(again.text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_a_refused_report_is_shown_with_what_was_wrong(partner: httpx.Client, supervisor: httpx.Client) -> None:
    partner.post("/v1/incidents", json=body_of() | {"colour": "red", "source_ref": "KEPT-1"})
    newest = supervisor.get("/v1/incidents/refused").json()["items"][0]
    assert "KEPT-1" in newest["body"]
    assert newest["problem"]["errors"] == [{"pointer": "/colour", "detail": "there is no such field"}]


def test_what_the_policy_refuses_is_kept_too(partner: httpx.Client, supervisor: httpx.Client) -> None:
    partner.post("/v1/incidents", json=body_of() | {"lawful_basis": "because", "source_ref": "KEPT-2"})
    newest = supervisor.get("/v1/incidents/refused").json()["items"][0]
    assert "KEPT-2" in newest["body"]


def test_only_keys_for_the_whole_area_see_what_was_refused(
    partner: httpx.Client, key_for: Callable[..., httpx.Client]
) -> None:
    partner.post("/v1/incidents", json={"type": "x"})
    assert key_for("supervisor", "south").get("/v1/incidents/refused").json()["items"] == []
    problem(partner.get("/v1/incidents/refused"), 403)


def chunks(size: int) -> Iterator[bytes]:
    yield b'{"type": "'
    for _ in range(size // 1024):
        yield b"x" * 1024
    yield b'"}'


def test_a_body_over_256_kib_is_refused_whether_it_says_its_length_or_not(partner: httpx.Client) -> None:
    big = {"Content-Type": "application/json"}
    problem(partner.post("/v1/incidents", content=b"x" * (256 * 1024 + 1), headers=big), 413)
    problem(partner.post("/v1/incidents", content=chunks(300 * 1024), headers=big), 413)
    body = json.dumps(body_of() | {"attributes": {"filler": "x" * 250_000}})
    assert len(body) < 256 * 1024
    assert partner.post("/v1/incidents", content=body, headers=big).status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "", "multipart/form-data"])
def test_another_content_type_is_refused(partner: httpx.Client, kind: str) -> None:
    answer = partner.post("/v1/incidents", content=b"{}", headers={"Content-Type": kind})
    assert "application/json" in problem(answer, 415)["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("DELETE", "/v1/incidents", 405),
        ("PATCH", "/v1/tasks", 405),
    ],
)
def test_what_is_not_there_says_so(admin: httpx.Client, method: str, path: str, status: int) -> None:
    problem(admin.request(method, path), status)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/tasks?limit=0",
        "/v1/tasks?limit=x",
        "/v1/tasks?state=lost",
        "/v1/tasks?cursor=%00",
        "/v1/incidents?cursor=tsk_1",
        "/v1/sla/report?from=yesterday",
        "/v1/sla/report?from=2026-11-20T00:00:00Z&to=2026-11-01T00:00:00Z",
        "/v1/sla/report?by=mood",
        "/v1/coverage?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z",
        "/v1/teams/outreach-south/on-call?at=2026-11-20",
        "/v1/tasks/not-an-id",
        "/v1/audit?before=0",
    ],
)
def test_a_wrong_parameter_is_named(admin: httpx.Client, path: str) -> None:
    assert problem(admin.get(path), 422)["errors"][0]["pointer"]


def test_every_answer_carries_the_headers_of_safety(nobody: httpx.Client) -> None:
    for path in ("/healthz", "/v1/tasks", "/board", "/nothing"):
        headers = nobody.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Request-Id"]
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "server" not in headers


def test_a_request_id_that_is_no_id_is_replaced(nobody: httpx.Client) -> None:
    answer = nobody.get("/healthz", headers={"X-Request-Id": "a b\tc" * 30})
    assert len(answer.headers["X-Request-Id"]) == 16
