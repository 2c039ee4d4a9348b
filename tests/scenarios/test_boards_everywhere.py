"""What one process commits, every other one knows: boards hear it, and a new rulebook decides at once."""

import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import empty_database
from tests.running import Service, running_service

PATIENCE = 10


@pytest.fixture
def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Service, Service]]:
    """One process with an engine, and one without, on one PostgreSQL."""
    with empty_database(request, "postgresql", tmp_path) as url:
        secret = {"CALLOUT_DATABASE_URL": url, "CALLOUT_SECRET_KEY": "for-tests-only-" + "x1y2z3" * 5}
        with (
            running_service(tmp_path, **secret) as first,
            running_service(tmp_path, CALLOUT_ENGINE="off", **secret) as second,
        ):
            yield first, second


def heard(service: Service, news: "queue.Queue[str]", stop: threading.Event) -> None:
    with service.client("supervisor") as client, client.stream("GET", "/v1/stream", timeout=PATIENCE) as stream:
        for line in stream.iter_lines():
            if line.startswith("event:"):
                news.put(line)
            if stop.is_set():
                return


def test_every_process_hears_what_any_of_them_commits(replicas: tuple[Service, Service]) -> None:
    for speaker, listener in (replicas, replicas[::-1]):
        news: queue.Queue[str] = queue.Queue()
        stop = threading.Event()
        thread = threading.Thread(target=heard, args=(listener, news, stop), daemon=True)
        thread.start()
        assert news.get(timeout=PATIENCE) == "event: change", "the first one comes at once"
        body = {"type": "weapon_in_school", "occurred_at": "2026-11-20T14:41:00Z", "locality": "south"}
        headers = {"Authorization": f"Bearer {speaker.keys['partner']}"}
        stop.set()
        assert httpx.post(f"{speaker.url}/v1/incidents", json=body, headers=headers).status_code == 201
        assert news.get(timeout=PATIENCE) == "event: change"
        thread.join(PATIENCE)


def test_every_process_decides_by_a_new_rulebook_within_a_second(replicas: tuple[Service, Service]) -> None:
    one, other = replicas
    with one.client("admin") as admin, other.client("partner") as partner:
        report = {"type": "theft", "occurred_at": "2026-11-20T14:41:00Z", "locality": "south"}
        before = partner.post("/v1/incidents", json=report).json()
        assert [task["pathway"] for task in before["tasks"]] == ["triage"]
        source = admin.get("/v1/rulebook").json()["source"]
        changed = source.replace('incident.type == "peer_conflict"', 'incident.type in ["peer_conflict", "theft"]')
        answer = admin.put("/v1/rulebook", json={"source": changed, "why": "thefts as well"})
        activated = time.monotonic()
        assert answer.status_code in (200, 201), answer.text
        after = partner.post("/v1/incidents", json=report | {"place": {"urn": "100000"}}).json()
        assert time.monotonic() - activated < 1
        assert [task["pathway"] for task in after["tasks"]] == ["conflict-resolution"]
        assert after["rulebook"] != before["rulebook"]
