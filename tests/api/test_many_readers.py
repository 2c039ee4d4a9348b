"""Many who look at the same time: each waits its turn, and a report that comes meanwhile does not wait for all of them."""

import asyncio
import inspect
from collections.abc import Iterator

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api import sandbox
from api.app import PARTS
from tests.api.conftest import body_of
from tests.running import Service

READERS = 120  # more than the threads, and more than the connections, of a process
PATIENCE_SECONDS = 10  # a database's connection is waited for for longer: who waits for one has not been served


@pytest.mark.parametrize(
    "path", ["/v1/incidents?limit=1", "/v1/workers", "/v1/teams/outreach-south/on-call", "/v1/audit"]
)
def test_many_who_read_at_once_keep_nobody_waiting(shared_service: Service, path: str) -> None:
    async def ask() -> list[int]:
        limits = httpx.Limits(max_connections=READERS + 1)
        async with httpx.AsyncClient(base_url=shared_service.url, limits=limits, timeout=PATIENCE_SECONDS) as client:
            reader = {"Authorization": f"Bearer {shared_service.keys['supervisor']}"}
            partner = {"Authorization": f"Bearer {shared_service.keys['partner']}"}
            reads = [client.get(path, headers=reader) for _ in range(READERS)]
            report = client.post("/v1/incidents", json=body_of(), headers=partner)
            return [answer.status_code for answer in await asyncio.gather(*reads, report)]

    assert asyncio.run(ask()) == [200] * READERS + [201]


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for each in dependant.dependencies:
        yield from _all(each)


def test_no_route_holds_anything_while_it_waits_for_a_thread() -> None:
    routes = [route for part in (*PARTS, sandbox) for route in part.router.routes if isinstance(route, APIRoute)]
    assert routes
    held = [route.path for route in routes for each in _all(route.dependant) if inspect.isgeneratorfunction(each.call)]
    assert not held, "such a dependency would open what its route then can't use for want of a thread"
