"""Does anything cost more when more is stored? One intake, due timer, reply, look at the figures, the list and the board,
with ten thousand, a hundred thousand and a million tasks behind them, of which two hundred are open.

The past is made of a few tasks that were really opened, taken and completed, copied by the database itself.
"""

import itertools
import json
import logging
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy import Connection, text
from sqlmodel import col, select, update

from benchmarks import city, load, servers
from benchmarks.load import quantile
from benchmarks.told import Verdict, middle, ms, table, verdicts
from notifiers.base import InboundText
from rules.incident import IncidentReport
from service import schema
from service.flows import actions, deadlines, intake, replies, setup
from service.models.access import Role
from service.models.ids import new_id
from service.models.tasks import Task
from service.models.timers import Timer, TimerKind
from service.records import boards, timers
from service.records.judging import Submission, Taken
from service.runtime import Runtime, build_runtime
from service.settings import Settings

OPEN, TEMPLATES, EACH = 200, 20, 30
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
Ask = Callable[[], object]
SLA, BY_ID = "GET /v1/sla", "GET /v1/tasks/{id}"
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


def copy(connection: Connection, *, templates: list[str], times: int, sqlite: bool) -> None:
    """Copy finished tasks with everything that belongs to them; each copy a minute further in the past."""
    numbers = (
        f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {times}) SELECT n FROM s)"  # noqa: S608
        if sqlite
        else f"generate_series(1, {times})"
    )
    padded = "printf('%010d', n)" if sqlite else "lpad(n::text, 10, '0')"
    names = ", ".join(f"'{task}'" for task in templates)
    incidents = f"SELECT incident_id FROM task_incident WHERE task_id IN ({names})"  # noqa: S608 - ours
    metadata = {table.name: table for table in Task.metadata.sorted_tables}
    for name, keys in COPIED.items():
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
        runtime = build_runtime(Settings(database_url=url, secret_key=secret))  # type: ignore[arg-type]
        schema.migrate(runtime.database)
        setup.apply_partnership(runtime, json.dumps(city.partnership(city.NUMBERS - 100)), actor="benchmark")
        setup.apply_rulebook(runtime, city.rulebook(), read=str, author=setup.Author(name="benchmark"))
        templates = [finished(runtime) for _ in range(TEMPLATES)]
        with runtime.database.migrating() as connection:
            copy(connection, templates=templates, times=size // TEMPLATES, sqlite=runtime.database.is_sqlite)
        for _ in range(OPEN):
            open_one(runtime)
        with runtime.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
        yield runtime, secret, Path(name)
        runtime.close()


def operations(runtime: Runtime) -> dict[str, Callable[[], Ask]]:
    """What is measured in this process: each prepares a thing that is then timed."""

    def take() -> Ask:
        submission = next_report()
        return lambda: intake.accept(runtime, [submission])

    def fire() -> Ask:
        task = open_one(runtime)
        with runtime.transaction() as work:
            work.session.exec(
                update(Timer).where(col(Timer.due_at) <= work.now).values(due_at=work.now + timedelta(days=1))
            )
            timers.put(work, task, TimerKind.STEP, work.now)
        return lambda: deadlines.run_due(runtime)

    def answer() -> Ask:
        task = open_one(runtime)
        with runtime.reading() as work:
            row = work.session.get_one(Task, task)
            phone = work.partnership.worker_by_slug[work.partnership.members(row.team)[0]].phone
            said = InboundText(
                provider="sandbox", provider_id=new_id("sbx", work.now), sender=phone, body=f"TAKE {row.code}"
            )
        return lambda: replies.receive(runtime, said)

    def look() -> Ask:
        def ask() -> None:
            with runtime.reading() as work:
                boards.board(work, (), None)

        return ask

    return {
        "one intake": take,
        "one due timer": fire,
        "one reply": answer,
        "the board's update": look,
    }


def over_http(runtime: Runtime, secret: str, folder: Path, found: dict[str, list[float]]) -> None:
    """What is asked of a running service."""
    _, key = setup.make_key(runtime, role=Role.SUPERVISOR, name="benchmark", localities=[], actor="benchmark")
    with runtime.reading() as work:
        some = list(work.session.exec(select(Task.id).limit(EACH)).all())
    port = servers.free_port()
    environment = {
        "CALLOUT_DATABASE_URL": runtime.settings.database_url,
        "CALLOUT_SECRET_KEY": secret,
        "CALLOUT_ENGINE": "off",
        "CALLOUT_RATE_LIMIT": "0",
    }
    command = [str(servers.COMMAND), "serve", "--port", str(port)]
    server = servers.Server(command, f"http://127.0.0.1:{port}", folder, environment)
    server.start(ready="/healthz")  # nobody sends here, so it is behind
    paths = {SLA: ["/v1/sla"], "a page of GET /v1/tasks": ["/v1/tasks?limit=50"]}
    paths[BY_ID] = [f"/v1/tasks/{task}" for task in some]
    for name, asked in paths.items():

        def make(number: int, asked: list[str] = asked) -> bytes:
            return load.get(server.url, asked[number % len(asked)], key=key)

        load.closed(server.url, make, connections=1, seconds=0.5)
        measured = load.closed(server.url, make, connections=1, seconds=2)
        if set(measured.statuses) != {200}:
            raise SystemExit(f"{name}: {measured.statuses}")
        found.setdefault(name, []).extend(measured.milliseconds)
    server.stop()


def measure(kind: str, size: int) -> dict[str, list[float]]:
    """Milliseconds of each operation at a size."""
    found: dict[str, list[float]] = {}
    with stocked(kind, size) as (runtime, secret, folder):
        for name, prepare in operations(runtime).items():
            for number in range(EACH):
                ask = prepare()
                started = time.perf_counter()
                ask()
                if number > 2:
                    found.setdefault(name, []).append((time.perf_counter() - started) * 1000)
        over_http(runtime, secret, folder, found)
    return found


def judged(kind: str, found: dict[int, dict[str, list[float]]]) -> list[Verdict]:
    """The promised figures."""
    smallest, largest = min(found), max(found)
    lines = []
    for name, values in found[largest].items():
        grown = middle(values) / middle(found[smallest][name])
        lines.append(Verdict(f"{kind}: {name}", f"at most 2 times that of {smallest:,}", f"{grown:.2f}", grown <= 2))
    by_id, sla = middle(found[largest][BY_ID]), quantile(found[largest][SLA], 0.95)
    lines.append(Verdict(f"{kind}: {BY_ID}, median", "at most 2 ms", ms(by_id), by_id <= 2))
    lines.append(Verdict(f"{kind}: {SLA}, p95", "at most 10 ms", ms(sla), sla <= 10))
    return lines


def run(*, full: bool) -> str:
    """The section."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    sizes = [10_000, 100_000, 1_000_000] if full else [10_000, 100_000]
    rows: list[list[object]] = []
    said: list[Verdict] = []
    for kind in ("sqlite", "postgresql"):
        found = {size: measure(kind, size) for size in sizes}
        said += judged(kind, found)
        for name in found[sizes[0]]:
            middles = [ms(middle(found[size][name])) for size in sizes]
            rows.append([kind, name, *middles, ms(quantile(found[sizes[-1]][name], 0.95))])
    head = ["database", "what", *(f"{size:,} tasks" for size in sizes), "p95 at the largest"]
    return f"{verdicts(said)}\n\nMedians, {OPEN} of the tasks open.\n\n{table(head, rows)}"


if __name__ == "__main__":
    print(run(full=False))
