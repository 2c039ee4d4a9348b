"""More arrives at once than can be answered in time: what got a 2xx is held, what got a 503 left no trace."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from tests.running import Service, running_service

AT_ONCE = 60


async def _all_at_once(service: Service) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=AT_ONCE)
    headers = {"Authorization": f"Bearer {service.keys['partner']}"}
    async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=60, limits=limits) as client:

        async def post(number: int) -> httpx.Response:
            body: dict[str, Any] = {"type": "weapon_in_school", "occurred_at": "2026-11-20T15:41:00Z"}
            return await client.post("/v1/incidents", json=body | {"locality": "south", "source_ref": f"CP-{number}"})

        async def call_back(_number: int) -> httpx.Response:
            return await client.post("/v1/callbacks/twilio/sms", data={"From": "+447700900101", "Body": "LIST"})

        return await asyncio.gather(*map(post, range(AT_ONCE)), *map(call_back, range(10)))


def test_what_is_turned_away_leaves_no_trace_and_callbacks_never_are(tmp_path: Path) -> None:
    with running_service(tmp_path, CALLOUT_INTAKE_QUEUE="4") as service:
        answers = asyncio.run(_all_at_once(service))
        posted, called = answers[:AT_ONCE], answers[AT_ONCE:]
        taken = [answer.json()["source_ref"] for answer in posted if answer.status_code == 201]
        turned_away = [answer for answer in posted if answer.status_code == 503]
        assert len(taken) + len(turned_away) == AT_ONCE
        assert taken
        assert turned_away
        assert all(answer.headers["Retry-After"] == "1" for answer in turned_away)
        assert all(answer.headers["Content-Type"] == "application/problem+json" for answer in turned_away)
        assert 503 not in {answer.status_code for answer in called}
        with service.client("supervisor") as supervisor:
            held = supervisor.get("/v1/incidents", params={"limit": 200}).json()["items"]
            assert sorted(incident["source_ref"] for incident in held) == sorted(taken)
            assert supervisor.get("/v1/incidents/refused").json()["items"] == []
