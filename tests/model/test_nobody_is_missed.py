"""Incidents, replies, receipts, outages, crashes, rota edits and time in thousands of courses that nobody thought of: after
each step everything that Callout promises holds. `make soak` goes on with it for an hour."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import empty_database
from tests.model.machine import CityLife

# The same courses every time: a change that breaks a promise fails, and one that breaks none does not. The soak draws others.
SETTINGS = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    print_blob=False,
)
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a copy of an invented city, gone when its course is over


@contextmanager
def copied(sandbox_file: Path) -> Iterator[str]:
    """A SQLite database of a sandbox that was just brought up."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        shutil.copy(sandbox_file, f"{folder}/callout.db")
        yield f"sqlite:///{folder}/callout.db"


@pytest.mark.timeout(600)
def test_no_course_of_events_breaks_a_promise(sandbox_file: Path) -> None:
    run_state_machine_as_test(
        lambda: CityLife(lambda: copied(sandbox_file)),
        settings=settings(SETTINGS, max_examples=24, stateful_step_count=50),
    )


@pytest.mark.timeout(600)
def test_no_course_of_events_breaks_a_promise_on_postgresql(
    request: pytest.FixtureRequest, sandbox_template: str, tmp_path: Path
) -> None:
    run_state_machine_as_test(
        lambda: CityLife(lambda: empty_database(request, "postgresql", tmp_path, template=sandbox_template)),
        settings=settings(SETTINGS, max_examples=4, stateful_step_count=50),
    )
