"""The process is killed at random points while incidents arrive: whatever got a 2xx is paged, none is lost."""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.running import Service, free_port, start
from tests.story import Story

INCIDENTS = 120
KILLS = 3
PATIENCE = 60.0


def test_every_accepted_incident_is_paged(database_url: str, tmp_path: Path) -> None:
    port = free_port()
    # Each in a text of its own, so that every one can be told from the others.
    environment = {"CALLOUT_DATABASE_URL": database_url, "CALLOUT_GATHER_SECONDS": "0"}
    service = start(tmp_path, port=port, **environment)
    accepted: dict[str, str] = {}
    done = threading.Event()
    poster = threading.Thread(target=_post_all, args=(service, accepted, done))
    poster.start()
    chance = random.Random(20261120)
    for number in range(1, KILLS + 1):
        _wait_until(lambda wanted=number: len(accepted) >= wanted * INCIDENTS // (KILLS + 1))
        threading.Event().wait(chance.uniform(0, 0.05))
        service.kill()
        service = start(tmp_path, port=port, **environment)
    poster.join(PATIENCE)
    assert done.is_set()
    assert len(accepted) == INCIDENTS

    story = Story(service)
    # What a killed sender held is due again when its lease of two minutes ends.
    story.advance("PT3M")
    paged = {task for message in story.messages() if "PASS" in message["text"] for task in message["tasks"]}
    lost = [task for task in accepted.values() if task not in paged]
    assert not lost
    assert len(set(accepted.values())) == INCIDENTS
    story.close()
    assert service.stop() == 0


def _post_all(service: Service, accepted: dict[str, str], done: threading.Event) -> None:
    """Post each incident until it is answered with a 2xx, as a partner's queue does."""
    pause = threading.Event()
    with httpx.Client(headers={"Authorization": f"Bearer {service.keys['partner']}"}, timeout=5) as client:
        for number in range(INCIDENTS):
            report = {
                "type": "weapon_in_school",
                "occurred_at": "2026-11-20T15:41:00Z",
                "source_ref": f"CP-{number}",
                "locality": ("north", "east-central", "south")[number % 3],
            }
            while True:
                try:
                    answer = client.post(f"{service.url}/v1/incidents", json=report)
                    if answer.is_success:
                        accepted[report["source_ref"]] = answer.json()["tasks"][0]["id"]
                        break
                except httpx.HTTPError:
                    pause.wait(0.05)
    done.set()


def _wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < until
        pause.wait(0.01)
