"""A past for the benchmarks: a few tasks that were really opened, taken and completed, copied by the database itself."""

import itertools
import json
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlmodel import col, select

from benchmarks import city, servers
from rules.incident import IncidentReport
from service import schema
from service.flows import actions, intake, setup
from service.models.tasks import Task
from service.records.judging import Submission, Taken
from service.runtime import Runtime, build_runtime
from service.settings import Settings
from tests import past

OPEN, TEMPLATES = 200, 20
SCOPE = actions.Scope(actor="benchmark")
_numbers = itertools.count()


def next_report() -> Submission:
    """A report that is like no other: one that looks like an earlier one would be put to that one's task."""
    report = IncidentReport.model_validate(city.report(next(_numbers), teams=city.NUMBERS - 100, run="growth"))
    return Submission(report=report, key_id="key_b", partner="benchmark")


def open_one(runtime: Runtime) -> str:
    """One incident through the real intake; its task's id."""
    taken = intake.accept(runtime, [next_report()])[0]
    assert isinstance(taken, Taken)
    with runtime.reading() as work:
        newest: Task = work.session.exec(select(Task).order_by(col(Task.id).desc()).limit(1)).one()
        return newest.id


def finished(runtime: Runtime) -> str:
    """One task that was taken and completed."""
    task = open_one(runtime)
    with runtime.reading() as work:
        team = work.session.get_one(Task, task).team
        worker = work.partnership.members(team)[0]
    actions.acknowledge(runtime, SCOPE, task, worker)
    actions.complete(runtime, SCOPE, task, "contact_made", worker=worker)
    return task


@contextmanager
def stocked(kind: str, size: int) -> Iterator[tuple[Runtime, str, Path]]:
    """A sandbox with so many finished tasks and a few open ones; its secret, and its folder."""
    with tempfile.TemporaryDirectory() as name, servers.database(kind, Path(name)) as (url, _):
        secret = secrets.token_urlsafe(48)
        runtime = build_runtime(Settings(database_url=url, secret_key=secret))
        schema.migrate(runtime.database)
        setup.apply_partnership(runtime, json.dumps(city.partnership(city.NUMBERS - 100)), actor="benchmark")
        setup.apply_rulebook(runtime, city.rulebook(), read=str, author=setup.Author(name="benchmark"))
        templates = [finished(runtime) for _ in range(TEMPLATES)]
        with runtime.database.migrating() as connection:
            past.copy(connection, templates=templates, times=size // TEMPLATES)
        for _ in range(OPEN):
            open_one(runtime)
        if not runtime.database.is_sqlite:
            with runtime.database.migrating() as connection:
                connection.execute(text("ANALYZE"))  # as its autovacuum does within a minute; SQLite is never asked to
        yield runtime, secret, Path(name)
        runtime.close()
