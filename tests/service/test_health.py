"""What the probes say, and the dead man's switch outside that hears of every good round."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from rules.incident import IncidentReport
from service.engine import Engine
from service.flows import claiming, health, intake
from service.records.judging import Submission
from service.runtime import Runtime
from tests.fakes.calendar import running_calendar
from tests.running import open_sandbox, wait_until


def report(runtime: Runtime) -> None:
    body = IncidentReport(type="weapon_in_school", occurred_at=runtime.clock.now(), locality="south")
    intake.accept(runtime, [Submission(report=body, key_id="key_x", partner="partner")])


@pytest.fixture
def alone(sandbox_file: Path, tmp_path: Path) -> Iterator[Runtime]:
    """A sandbox on SQLite: the switch knows no database."""
    shutil.copy(sandbox_file, tmp_path / "callout.db")
    built = open_sandbox(f"sqlite:///{tmp_path}/callout.db")
    yield built
    built.close()


@contextmanager
def switched(runtime: Runtime, url: str, seconds: int = 1) -> Iterator[Runtime]:
    """A running engine that fetches an address."""
    settings = runtime.settings.model_copy(update={"deadman_url": SecretStr(url), "deadman_seconds": seconds})
    watched = replace(runtime, settings=settings)
    engine = Engine(watched)
    engine.start()
    try:
        yield watched
    finally:
        engine.stop()


def test_what_is_due_and_waits_for_too_long_makes_the_service_unready(runtime: Runtime) -> None:
    assert set(health.checks(runtime).values()) == {"ok"}
    report(runtime)
    runtime.clock.advance_to(runtime.clock.now() + timedelta(seconds=125))  # type: ignore[attr-defined]
    found = health.checks(runtime)
    assert "s behind; at most 120 s are allowed" in found["outbox"]
    assert found["timers"] == "ok"
    runtime.clock.advance_to(runtime.clock.now() + timedelta(minutes=6))  # type: ignore[attr-defined]
    assert "behind" in health.checks(runtime)["timers"]


def test_what_a_lease_put_into_the_future_is_not_behind(runtime: Runtime) -> None:
    report(runtime)
    runtime.clock.advance_to(runtime.clock.now() + timedelta(seconds=125))  # type: ignore[attr-defined]
    assert claiming.claim(runtime, 10)
    assert health.checks(runtime)["outbox"] == "ok"


def test_the_dead_mans_switch_hears_of_good_rounds_but_not_of_each(alone: Runtime) -> None:
    with running_calendar() as outside, switched(alone, outside.url) as watched:
        wait_until(lambda: len(outside.asked) == 2)
        for _ in range(5):
            report(watched)
        wait_until(lambda: b'callout_messages_total{channel="sms",result="sent"}' in watched.metrics.text())
        assert len(outside.asked) <= 3
        assert b'callout_deadman_total{result="reached"}' in watched.metrics.text()


def test_the_dead_mans_switch_is_left_alone_while_work_waits(alone: Runtime) -> None:
    behind = replace(alone, settings=alone.settings.model_copy(update={"ready_lag_seconds": -1}))
    with running_calendar() as outside:
        with switched(behind, outside.url) as watched:
            assert not health.is_well(watched)
            threading.Event().wait(1.5)
            assert outside.asked == []
        with switched(alone, outside.url):
            wait_until(lambda: outside.asked)


@pytest.mark.parametrize("failure", ["silent", "broken", "gone"])
def test_an_outside_that_fails_delays_no_page(alone: Runtime, failure: str) -> None:
    with running_calendar() as outside:
        outside.silent, outside.status = failure == "silent", 500
        url = "http://127.0.0.1:9/" if failure == "gone" else outside.url
        with switched(alone, url, seconds=600) as watched:
            wait_until(lambda: failure == "gone" or outside.asked)
            report(watched)
            wait_until(
                lambda: b'callout_messages_total{channel="sms",result="sent"} ' in watched.metrics.text(), within=2
            )
            outside.released.set()
            wait_until(lambda: b'callout_deadman_total{result="failed"} 1.0' in watched.metrics.text())
