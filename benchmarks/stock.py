"""A past for the benchmarks: a few tasks that were really opened, taken and completed, copied by the database itself."""

import itertools
import json
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text
from sqlmodel import col, select

from benchmarks import city, servers
from rules.incident import IncidentReport
from service import schema
from service.flows import actions, intake, setup
from service.models.tasks import Task
from service.records.judging import Submission, Taken
from service.runtime import Runtime, build_runtime
from service.settings import Settings

OPEN, TEMPLATES = 200, 20
SCOPE = actions.Scope(actor="benchmark")
# The tables of which a finished task has rows, and the columns that name the rows.
COPIED = {
    "incident": ("id",),
    "task": ("id",),
    "task_incident": ("task_id", "incident_id"),
    "milestone": ("task_id",),
    "timeline_entry": ("task_id",),
    "page": ("id", "task_id"),
    "message": ("id", "task_id", "page_id"),
    "taker": ("task_id",),
}
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


def copy(
    connection: Connection,
    *,
    templates: list[str],
    times: int,
    sqlite: bool,
    tables: Mapping[str, tuple[str, ...]] = COPIED,
) -> None:
    """Copy tasks with what else belongs to them; each copy a minute further in the past."""
    numbers = (
        f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {times}) SELECT n FROM s)"  # noqa: S608
        if sqlite
        else f"generate_series(1, {times})"
    )
    padded = "printf('%010d', n)" if sqlite else "lpad(n::text, 10, '0')"
    names = ", ".join(f"'{task}'" for task in templates)
    incidents = f"SELECT incident_id FROM task_incident WHERE task_id IN ({names})"  # noqa: S608 - ours
    metadata = {table.name: table for table in Task.metadata.sorted_tables}
    for name, keys in tables.items():
        columns = [c for c in metadata[name].columns if not (c.name == "id" and name == "timeline_entry")]
        chosen = []
        for column in columns:
            value = f'"{column.name}"'
            if column.name in keys:
                value = f"substr({value}, 1, length({value}) - 10) || {padded}"
            elif column.name.endswith(("_at", "_until")) or column.name == "at":
                value = (
                    f"strftime('%Y-%m-%d %H:%M:%f000', {value}, '-' || n || ' minutes')"
                    if sqlite
                    else f"{value} - make_interval(mins => n)"
                )
            elif column.name in ("provider_id", "idempotency_key", "source_ref"):
                value = "NULL"
            chosen.append(value)
        listed = ", ".join(f'"{c.name}"' for c in columns)
        where = (
            f"id IN ({incidents})" if name == "incident" else f"{'id' if name == 'task' else 'task_id'} IN ({names})"
        )
        series = f"{numbers} AS numbers" if sqlite else f"{numbers} AS numbers(n)"
        connection.execute(
            text(f"INSERT INTO {name} ({listed}) SELECT {', '.join(chosen)} FROM {name}, {series} WHERE {where}")  # noqa: S608
        )


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
            copy(connection, templates=templates, times=size // TEMPLATES, sqlite=runtime.database.is_sqlite)
        for _ in range(OPEN):
            open_one(runtime)
        if not runtime.database.is_sqlite:
            with runtime.database.migrating() as connection:
                connection.execute(text("ANALYZE"))  # as its autovacuum does within a minute; SQLite is never asked to
        yield runtime, secret, Path(name)
        runtime.close()
