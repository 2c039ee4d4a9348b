"""A hundred thousand open tasks: how many timers a second are acted on when a thousand fall due at once, and how late an engine
is that has a hundred of them each second and sends what they cause.
"""

import logging
import time
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import text
from sqlmodel import col, select, update

from benchmarks import servers, stock
from benchmarks.told import Verdict, middle, ms, table, verdicts
from service.engine import Engine
from service.flows import deadlines
from service.models.timers import Timer, TimerKind
from service.records import timers
from service.runtime import Runtime
from tests import past

SIZE, DUE = 100_000, 1000
A_SECOND, FOR_SECONDS = 100, 15
KEPT_UP_SECONDS = 1.0
# What an open task has that its deadlines need; its first page was sent long ago.
COPIED = {name: keys for name, keys in past.TABLES.items() if name not in ("message", "page")} | {"timer": ("task_id",)}
HEAD = (
    "database",
    "acted on a second",
    "the last one's lag",
    f"lag at {A_SECOND} a second, median",
    "longest",
    "at the end",
)
TELLS = (
    f"{SIZE:,} open tasks, each with its timers. First the next step of {DUE:,} of them falls due at one moment, and one thread "
    f"pages for all of them; then {A_SECOND} of them fall due each second for {FOR_SECONDS} s, and an engine acts on them and "
    "sends. Its lag is how long the oldest timer that is due has been so."
)


@dataclass(frozen=True)
class Acted:
    """Timers acted on in a second, the milliseconds that the last of them was late, and how late an engine was that had some
    each second, looked at ten times a second."""

    a_second: float
    lag: float
    lags: list[float]


def measure(kind: str) -> Acted:
    """Set them up, let them fall due, and act until none is left."""
    with stock.stocked(kind, 0) as (runtime, _, _):
        with runtime.reading() as work:
            templates = [
                row[0] for row in work.session.connection().execute(text("SELECT id FROM task WHERE state = 'open'"))
            ]
        templates = templates[: stock.OPEN]
        with runtime.database.migrating() as connection:
            sqlite = runtime.database.is_sqlite
            past.copy(connection, templates=templates, times=SIZE // len(templates), tables=COPIED)
            later, now = (
                ("datetime('now', '+9 days') || '.000000'", "datetime('now', '-1 second') || '.000000'")
                if sqlite
                else ("now() + interval '9 days'", "now()")
            )
            connection.execute(text(f"UPDATE timer SET due_at = {later}"))  # noqa: S608 - ours
            some = f"SELECT task_id FROM timer WHERE kind = 'step' ORDER BY task_id DESC LIMIT {DUE}"  # noqa: S608
            connection.execute(text(f"UPDATE timer SET due_at = {now} WHERE kind = 'step' AND task_id IN ({some})"))  # noqa: S608
        started, done = time.perf_counter(), 0
        while number := deadlines.run_due(runtime):
            done += number
        seconds = time.perf_counter() - started
        lags = lags_of_an_engine(runtime)
    if done < DUE:
        raise SystemExit(f"{kind}: {done} of {DUE} timers were acted on")
    return Acted(done / seconds, seconds * 1000, lags)


def lags_of_an_engine(runtime: Runtime) -> list[float]:
    """Milliseconds by which the oldest due timer was late, while some fell due each second."""
    with runtime.transaction() as work:
        steps = select(Timer.task_id).where(
            Timer.kind == TimerKind.STEP.value, col(Timer.due_at) > work.now + timedelta(days=8)
        )
        begins = work.now + timedelta(seconds=2)
        for number, task in enumerate(work.session.exec(steps.limit(A_SECOND * FOR_SECONDS)).all()):
            due = update(Timer).where(col(Timer.task_id) == task, col(Timer.kind) == TimerKind.STEP.value)
            work.session.exec(due.values(due_at=begins + timedelta(seconds=number / A_SECOND)))
    ends = begins + timedelta(seconds=FOR_SECONDS)
    engine, lags = Engine(runtime), []
    engine.start()
    while (now := runtime.clock.now()) < ends:
        with runtime.reading() as work:
            oldest = timers.first_at(work)
        if oldest and now > begins:
            lags.append(max((now - oldest).total_seconds() * 1000, 0.0))
        servers.pause(0.1)
    engine.stop()
    return lags


def judged(kind: str, acted: Acted) -> list[Verdict]:
    """The promised figures."""
    return [
        Verdict(
            f"{kind}: {SIZE:,} open tasks, timers acted on",
            "at least 100 a second",
            f"{acted.a_second:.0f} a second, the last of {DUE:,} {ms(acted.lag)} late",
            acted.a_second >= A_SECOND,
        ),
        Verdict(
            f"{kind}: {SIZE:,} open tasks, {A_SECOND} due a second",
            f"never {KEPT_UP_SECONDS:.0f} s late",
            f"{ms(max(acted.lags))} late at most",
            max(acted.lags) < KEPT_UP_SECONDS * 1000,
        ),
    ]


def run(*, full: bool) -> str:  # noqa: ARG001 - there is one size
    """The section."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    said, rows = [], []
    for kind in ("sqlite", "postgresql"):
        acted = measure(kind)
        said += judged(kind, acted)
        late = [middle(acted.lags), max(acted.lags), acted.lags[-1]]
        rows.append([kind, f"{acted.a_second:.0f}", ms(acted.lag), *map(ms, late)])
    return "\n\n".join([verdicts(said), TELLS, table(HEAD, rows)])


if __name__ == "__main__":
    print(run(full=False))
