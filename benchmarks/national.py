"""A year of the partnerships of England and Wales on one database: reports, pages, answers and deadlines by the real flows and
the real engine, with the clock moving from one to the next.

A year without reports comes first: looks at rotas are as many however little happens, so that what a partnership costs and what
a report costs are told apart. Of both there are parts only, spread over the whole year: `--share` is that of the reports.
"""

import argparse
import heapq
import itertools
import json
import logging
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from pydantic import SecretStr
from sqlalchemy import inspect, text

from benchmarks import city, servers
from benchmarks.told import table
from notifiers.base import InboundText
from rules.incident import IncidentReport
from service import schema
from service.clock import SandboxClock
from service.engine import Engine
from service.flows import intake, replies, setup
from service.models.ids import new_id
from service.models.tasks import Task
from service.partnership import DUTY_TEAM
from service.records import tasks
from service.records.judging import Submission, Taken
from service.runtime import Runtime, build_runtime
from service.settings import Settings

# docs/scaling.md says where these come from.
A_YEAR = 234_000
PARTNERSHIPS = 175
BEGINNING = datetime(2026, 1, 5, tzinfo=UTC)
A_YEARS_TIME = timedelta(days=365)
# How many of a day's reports fall into each hour: most of them after school and in the evening.
BY_HOUR = [2, 1, 1, 1, 1, 1, 1, 2, 4, 5, 5, 5, 6, 6, 6, 9, 11, 10, 8, 7, 6, 6, 5, 4]
ANSWERED, MEDIAN_ANSWER_MINUTES, SPREAD = 0.85, 4.0, 1.0
PAGED_DUTY_AFTER = 30  # minutes: then whoever answers is the duty manager


@dataclass
class Year:
    """What happened, and what is stored at its end."""

    reports: int = 0
    answered: int = 0
    seconds: float = 0
    waits: list[float] = field(default_factory=list)  # seconds of real time from one moment of the year to the next
    rows: dict[str, int] = field(default_factory=dict)
    stored: int = 0  # bytes


@dataclass(order=True)
class Moment:
    """Something that happens: a report (`task` empty), or a worker's answer to a task, or the duty manager's."""

    at: datetime
    number: int
    task: str = field(default="", compare=False)
    word: str = field(default="", compare=False)
    by_duty: bool = field(default=False, compare=False)


def reports(chance: random.Random, count: int, *, beginning: datetime) -> list[Moment]:
    """When reports come in over a year."""
    hours = [chance.choices(range(24), BY_HOUR)[0] for _ in range(count)]
    days = [chance.randrange(365) for _ in range(count)]
    moments = [
        beginning + timedelta(days=day, hours=hour, seconds=chance.random() * 3600)
        for day, hour in zip(days, hours, strict=True)
    ]
    return [Moment(at, number) for number, at in enumerate(sorted(moments))]


@contextmanager
def country(kind: str, partnerships: int) -> Iterator[Runtime]:
    """An empty database with as many teams as there are to be partnerships."""
    with tempfile.TemporaryDirectory() as name, servers.database(kind, Path(name)) as (url, _):
        runtime = build_runtime(Settings(database_url=url, secret_key=SecretStr(secrets.token_urlsafe(48))))
        schema.migrate(runtime.database)
        assert isinstance(runtime.clock, SandboxClock)
        runtime.clock.set_to(BEGINNING)
        setup.apply_partnership(runtime, json.dumps(city.partnership(partnerships)), actor="benchmark")
        setup.apply_rulebook(runtime, city.rulebook(), read=str, author=setup.Author(name="benchmark"))
        yield runtime
        runtime.close()


def live(runtime: Runtime, moments: list[Moment], chance: random.Random, *, partnerships: int, until: datetime) -> Year:
    """The time up to a moment, from one thing that happens to the next; whoever is paged answers as people do."""
    year, engine, numbers = Year(), Engine(runtime), itertools.count(len(moments))
    heapq.heapify(moments)
    started = time.perf_counter()
    while moments:
        moment, began = heapq.heappop(moments), time.perf_counter()
        engine.advance(max(moment.at - runtime.clock.now(), timedelta(0)))
        if moment.task:
            year.answered += _answer(runtime, moment)
        else:
            year.reports += 1
            for task in _report(runtime, moment.number, partnerships):
                by_duty = chance.random() > ANSWERED
                minutes = chance.lognormvariate(0, SPREAD) * MEDIAN_ANSWER_MINUTES + PAGED_DUTY_AFTER * by_duty
                taken = moment.at + timedelta(minutes=minutes)
                met = taken + timedelta(hours=chance.uniform(0.5, 3))
                done = met + timedelta(hours=chance.uniform(1, 24))
                for at, word in ((taken, "TAKE"), (met, "CONTACT"), (done, "DONE")):
                    heapq.heappush(moments, Moment(at, next(numbers), task, word, by_duty))
        year.waits.append(time.perf_counter() - began)
    engine.advance(until - runtime.clock.now())
    year.seconds = time.perf_counter() - started
    year.rows, year.stored = sizes(runtime)
    return year


def _report(runtime: Runtime, number: int, partnerships: int) -> list[str]:
    report = city.report(number, teams=partnerships, run="year") | {"occurred_at": runtime.clock.now().isoformat()}
    submission = Submission(report=IncidentReport.model_validate(report), key_id="key_y", partner="benchmark")
    taken = intake.accept(runtime, [submission])[0]
    if not isinstance(taken, Taken):
        raise SystemExit(f"refused: {taken}")
    with runtime.reading() as work:
        return [task.id for task in tasks.of_incident(work, taken.incident_id)]


def _answer(runtime: Runtime, moment: Moment) -> bool:
    with runtime.reading() as work:
        task = work.session.get_one(Task, moment.task)
        worker = work.partnership.members(DUTY_TEAM if moment.by_duty else task.team)[0]
        phone = work.partnership.worker_by_slug[worker].phone
    said = f"{moment.word} {task.code}" + (" contact_made" if moment.word == "DONE" else "")
    number = new_id("sbx", runtime.clock.now())
    return (
        replies.receive(runtime, InboundText(provider="sandbox", provider_id=number, sender=phone, body=said))
        is not None
    )


def sizes(runtime: Runtime) -> tuple[dict[str, int], int]:
    """Rows a table, and bytes of the whole database."""
    with runtime.database.engine.connect() as connection:
        names = inspect(connection).get_table_names()
        rows = {name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in names}  # noqa: S608
        question = (
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
            if runtime.database.is_sqlite
            else "SELECT pg_database_size(current_database())"
        )
        return rows, int(connection.execute(text(question)).scalar_one())


def run(*, full: bool, share: float | None = None) -> str:
    """The section."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    part = share or (0.02 if full else 0.001)
    partnerships = PARTNERSHIPS if full else 7
    chance = random.Random(2026)
    second = BEGINNING + A_YEARS_TIME
    end = second + A_YEARS_TIME + timedelta(days=3)  # by then the last tasks are done
    with country("postgresql", partnerships) as runtime:
        quiet = live(runtime, [], chance, partnerships=partnerships, until=second)
        moments = reports(chance, round(A_YEAR * part), beginning=second)
        year = live(runtime, moments, chance, partnerships=partnerships, until=end)
        entries, broken = setup.verify_audit(runtime)
    each = (year.stored - quiet.stored) / year.reports
    busy = (year.seconds - quiet.seconds) / year.reports
    looks = quiet.seconds / partnerships
    rows = {name: (year.rows[name] - quiet.rows[name]) / year.reports for name in year.rows}
    core = (busy * A_YEAR + looks * PARTNERSHIPS) / A_YEARS_TIME.total_seconds()
    told = [["bytes", f"{each:,.0f}", f"{each * A_YEAR / 1e9:,.1f} GB"]]
    for name in sorted(rows, key=lambda name: rows[name], reverse=True)[:8]:
        told.append([f"rows in {name}", f"{rows[name]:.1f}", f"{rows[name] * A_YEAR:,.0f}"])
    told.append(["seconds of one core", f"{busy:.3f}", f"{busy * A_YEAR / 3600:,.1f} h"])
    peak = A_YEAR / 365 * max(BY_HOUR) / sum(BY_HOUR)
    return "\n\n".join(
        [
            f"{year.reports:,} reports ({part:.1%} of a year's {A_YEAR:,}) and {year.answered:,} answers in {partnerships} of "
            f"{PARTNERSHIPS} partnerships: the year went by in {year.seconds:,.0f} s, the one before, without reports, in "
            f"{quiet.seconds:,.0f} s. The audit's {entries:,} entries {'hold' if broken is None else 'DO NOT HOLD'}.",
            table(["what", "for one report", "in the whole year"], told),
            f"To look at its rota every day takes {looks:.1f} s a year for each partnership. All of it together keeps {core:.2%} "
            f"of one core busy; in the busiest hour, with {peak:,.0f} reports on average, {peak * busy / 3600:.1%}. A moment of "
            f"the year took {statistics.median(year.waits) * 1000:.0f} ms at the median: the hops of its clock included.",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.001, help="which part of the year's reports, such as 0.02")
    print(run(full=False, share=parser.parse_args().share))
