"""A hundred thousand open tasks, of which a thousand fall due at once: how many a second are acted on, and how late they are."""

import time
from dataclasses import dataclass

from sqlalchemy import text

from benchmarks import stock
from benchmarks.told import Verdict, ms
from service.flows import deadlines

SIZE, DUE = 100_000, 1000
# What an open task has that its deadlines need; its first page was sent long ago.
COPIED = {name: keys for name, keys in stock.COPIED.items() if name not in ("message", "page")} | {
    "timer": ("task_id",)
}
HEAD = ("database", "acted on a second", "the last one's lag")
TELLS = (
    f"{SIZE:,} open tasks, each with its timers; the next step of {DUE:,} of them falls due at one moment, and one thread of one "
    "engine pages for all of them."
)


@dataclass(frozen=True)
class Acted:
    """Timers acted on in a second, and the milliseconds that the last of them was late."""

    a_second: float
    lag: float


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
            stock.copy(connection, templates=templates, times=SIZE // len(templates), sqlite=sqlite, tables=COPIED)
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
    if done < DUE:
        raise SystemExit(f"{kind}: {done} of {DUE} timers were acted on")
    return Acted(done / seconds, seconds * 1000)


def judged(kind: str, acted: Acted) -> Verdict:
    """The promised figure."""
    return Verdict(
        f"{kind}: {SIZE:,} open tasks, timers acted on",
        "at least 100 a second",
        f"{acted.a_second:.0f} a second, the last of {DUE:,} {ms(acted.lag)} late",
        acted.a_second >= 100,
    )
