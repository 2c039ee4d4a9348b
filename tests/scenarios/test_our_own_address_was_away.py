"""A worker answers while our own address is away: the provider logs an error and nothing more, so it is asked."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.live import City, live_city


@pytest.fixture
def city(tmp_path: Path, database_url: str) -> Iterator[City]:
    """A city that asks every second, so that the story is short."""
    with live_city(tmp_path, database_url, CALLOUT_RECONCILE_SECONDS="1") as started:
        yield started


def test_an_answer_that_never_reached_us_is_found_and_counts_from_when_it_was_given(city: City) -> None:
    on_call, backup = city.on_call(), city.backup()
    task = city.report()["tasks"][0]
    city.twilio.wait_for_text(on_call, task["code"])
    # Meanwhile the escalation goes on: a supervisor sends it to the next step, which pages the backup.
    with city.client("supervisor") as supervisor:
        for _ in range(2):
            assert supervisor.post(f"/v1/tasks/{task['id']}/escalate", json={}).status_code == 200
    city.twilio.wait_for_text(backup, task["code"])
    ago = timedelta(minutes=3)
    city.twilio.text_lost(on_call, f"TAKE {task['code']}", ago=ago)
    city.twilio.wait_for_text(on_call, f"{task['code']} is yours")
    city.twilio.wait_for_text(backup, "taken by")
    found = city.task(task["id"])
    assert found["state"] == "acknowledged"
    opened, taken = (datetime.fromisoformat(found[name]) for name in ("opened_at", "acknowledged_at"))
    assert taken == opened, "by the provider's clock, which this story set back, but never before there was a task"
    late = [entry["detail"] for entry in found["timeline"] if entry["event"] == "answer found late"]
    assert len(late) == 1
    assert "reached us only now" in late[0]
    assert found["escalation"]["next_at"] is None


def test_a_text_that_did_reach_us_is_not_acted_on_again(city: City) -> None:
    on_call = city.on_call()
    city.report()
    city.twilio.wait_for_text(on_call, "TAKE")
    city.twilio.text_in(on_call, "LIST")
    city.twilio.wait_for_text(on_call, "Yours")
    city.twilio.text_lost(on_call, "MORE")
    city.twilio.wait_for_text(on_call, "Nobody has it")
    assert len([text for text in city.twilio.texts_to(on_call) if text.body.startswith("Yours")]) == 1
    assert len([text for text in city.twilio.texts_to(on_call) if "Nobody has it" in text.body]) == 1
