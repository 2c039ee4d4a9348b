"""One running service for all tests of a file, on each database, and a client for each role."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.plain_http import NO_CERTIFICATES
from tests.running import Service

Report = Callable[..., dict[str, Any]]


@pytest.fixture
def nobody(shared_service: Service) -> Iterator[httpx.Client]:
    """A client without a key."""
    with shared_service.client() as client:
        yield client


@pytest.fixture
def partner(shared_service: Service) -> Iterator[httpx.Client]:
    """The demo partner's client."""
    with shared_service.client("partner") as client:
        yield client


@pytest.fixture
def supervisor(shared_service: Service) -> Iterator[httpx.Client]:
    """The demo supervisor's client: every locality."""
    with shared_service.client("supervisor") as client:
        yield client


@pytest.fixture
def admin(shared_service: Service) -> Iterator[httpx.Client]:
    """The demo admin's client."""
    with shared_service.client("admin") as client:
        yield client


@pytest.fixture
def key_for(shared_service: Service, admin: httpx.Client) -> Iterator[Callable[..., httpx.Client]]:
    """Makes a key and gives its client."""
    made: list[httpx.Client] = []

    def make(role: str, *localities: str, **fields: Any) -> httpx.Client:
        body = {"role": role, "name": f"{role} {uuid.uuid4().hex[:6]}", "localities": list(localities)} | fields
        answer = admin.post("/v1/keys", json=body)
        assert answer.status_code == 201, answer.text
        headers = {"Authorization": f"Bearer {answer.json()['key']}"}
        client = httpx.Client(base_url=shared_service.url, headers=headers, timeout=30, verify=NO_CERTIFICATES)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def report(partner: httpx.Client) -> Report:
    """Posts an incident that is accepted as new. Each is at a place of its own, so that none joins another's task."""

    def post(kind: str = "weapon_in_school", **fields: Any) -> dict[str, Any]:
        body = body_of(kind, **fields)
        answer = partner.post("/v1/incidents", json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return post


def body_of(kind: str = "weapon_in_school", **fields: Any) -> dict[str, Any]:
    """A report that is right."""
    return {"type": kind, "occurred_at": "2026-11-20T14:41:00Z", "locality": "south"} | fields


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The members of an error, checked to have the shape of RFC 9457."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"]
    assert body["title"]
    assert body["detail"]
    assert "Traceback" not in answer.text
    return body


def pointers(answer: httpx.Response) -> dict[str, str]:
    """Where a 422 says that something is wrong, and what."""
    return {fault["pointer"]: fault["detail"] for fault in problem(answer, 422)["errors"]}
