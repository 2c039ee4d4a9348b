"""Does anything cost more when more is stored? One intake, due timer, reply, look at the figures, the list and the board,
with ten thousand, a hundred thousand and a million tasks behind them, of which two hundred are open.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import structlog
from sqlmodel import col, select, update

from benchmarks import load, servers, stock
from benchmarks.load import quantile
from benchmarks.told import Verdict, middle, ms, table, verdicts
from notifiers.base import InboundText
from service.flows import claiming, deadlines, intake, replies, setup
from service.models.access import Role
from service.models.ids import new_id
from service.models.tasks import Task
from service.models.timers import Timer, TimerKind
from service.records import boards, timers
from service.runtime import Runtime

EACH = 30
Ask = Callable[[], object]
SLA, BY_ID = "GET /v1/sla", "GET /v1/tasks/{id}"


def operations(runtime: Runtime) -> dict[str, Callable[[], Ask]]:
    """What is measured in this process: each prepares a thing that is then timed."""

    def take() -> Ask:
        submission = stock.next_report()
        return lambda: intake.accept(runtime, [submission])

    def fire() -> Ask:
        task = stock.open_one(runtime)
        with runtime.transaction() as work:
            work.session.exec(
                update(Timer).where(col(Timer.due_at) <= work.now).values(due_at=work.now + timedelta(days=1))
            )
            timers.put(work, task, TimerKind.STEP, work.now)
        return lambda: deadlines.run_due(runtime)

    def answer() -> Ask:
        task = stock.open_one(runtime)
        with runtime.reading() as work:
            row = work.session.get_one(Task, task)
            phone = work.partnership.worker_by_slug[work.partnership.members(row.team)[0]].phone
            said = InboundText(
                provider="sandbox", provider_id=new_id("sbx", work.now), sender=phone, body=f"TAKE {row.code}"
            )
        return lambda: replies.receive(runtime, said)

    def claim() -> Ask:
        stock.open_one(runtime)
        return lambda: claiming.claim(runtime, 1)

    def look() -> Ask:
        def ask() -> None:
            with runtime.reading() as work:
                boards.board(work, (), None)

        return ask

    return {
        "one intake": take,
        "one due timer": fire,
        "one reply": answer,
        "one page claimed": claim,
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
    with stock.stocked(kind, size) as (runtime, secret, folder):
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
    return "\n\n".join([verdicts(said), f"Medians, {stock.OPEN} of the tasks open.", table(head, rows)])


if __name__ == "__main__":
    print(run(full=False))
