"""What taking an incident costs beside H: rates in a closed loop at 1 and 16 connections, latency at half of the peak, and from
the POST to the provider. Rounds alternate between the servers, so that a busy machine is busy for all of them.

    .venv/bin/python benchmarks/intake.py --rounds 3 --seconds 3
"""

import argparse
import itertools
import os
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from city import City, Provider, Server, bare, city, provider, report
from load import Measured, closed, paced, post

TEAMS = 900
CONNECTIONS = (1, 16)

_numbers = itertools.count()


def _posts(url: str, key: str = "") -> Callable[[int], bytes]:
    run = f"run-{next(_numbers)}"
    return lambda number: post(url, "/v1/incidents", report(number, teams=TEAMS, run=run), key=key)


@dataclass
class Run:
    """A run in a closed loop, and the processor's milliseconds that the server spent on each answer: on a machine that
    others use at the same time that alone can be compared."""

    measured: Measured
    spent: float


Runs = dict[tuple[str, int], list[Run]]


def _run(server: Server, key: str, connections: int, seconds: float) -> Run:
    before = _spent(server)
    measured = closed(server.url, _posts(server.url, key), connections=connections, seconds=seconds)
    assert set(measured.statuses) == {201}, measured.statuses
    return Run(measured, (_spent(server) - before) * 1000 / len(measured.milliseconds))


def _spent(server: Server) -> float:
    assert server.process
    fields = Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rounds(h: Server, cities: dict[str, City], rounds: int, seconds: float) -> Runs:
    found: Runs = {}
    for _ in range(rounds):
        for count in CONNECTIONS:
            found.setdefault(("H", count), []).append(_run(h, "", count, seconds))
            for name, one in cities.items():
                found.setdefault((name, count), []).append(_run(one.servers[0], one.partner, count, seconds))
    return found


def _middle(runs: list[Run], figure: Callable[[Measured], float]) -> float:
    return statistics.median(figure(run.measured) for run in runs)


def _print(found: Runs) -> None:
    for (name, count), runs in found.items():
        rulers = found["H", count]
        ratio = statistics.median(run.measured.rate / h.measured.rate for run, h in zip(runs, rulers, strict=True))
        slower = statistics.median(
            run.measured.at(0.5) / h.measured.at(0.5) for run, h in zip(runs, rulers, strict=True)
        )
        print(
            f"{name:11}{count:3} connections {_middle(runs, lambda run: run.rate):6.0f}/s = {ratio:.3f} H"
            f"   p50 {_middle(runs, lambda run: run.at(0.5)):6.2f} ms = {slower:5.1f} H"
            f"   p99 {_middle(runs, lambda run: run.at(0.99)):6.1f} ms"
            f"   processor {statistics.median(run.spent for run in runs):5.2f} ms"
            f" = {statistics.median(run.spent / h.spent for run, h in zip(runs, rulers, strict=True)):.1f} H"
        )


def _steady(name: str, one: City, rate: float, texts: Provider, seconds: float) -> None:
    texts.forget()
    run = paced(one.url, _posts(one.url, one.partner), rate=rate, count=int(rate * seconds), connections=32)
    sent = len(texts.record()["accepted"])
    print(
        f"{name:11}at {rate:.0f}/s: p50 {run.at(0.5):.1f} ms, p99 {run.at(0.99):.1f} ms, {dict(run.statuses)}, {sent} sent"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--databases", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--delay", type=float, default=0, help="what a call to the provider takes, in seconds")
    parser.add_argument("--engine", default="on", choices=["on", "off"])
    given = parser.parse_args()
    with ExitStack() as stack:
        h = stack.enter_context(bare())
        texts = stack.enter_context(provider())
        texts.takes(seconds=given.delay)
        cities = {
            kind: stack.enter_context(city(kind, provider=texts, CALLOUT_ENGINE=given.engine))
            for kind in given.databases
        }
        for name, one in cities.items():
            print(name, "process", one.servers[0].process.pid if one.servers[0].process else None, flush=True)
        found = _rounds(h, cities, given.rounds, given.seconds)
        _print(found)
        for name, one in cities.items():
            _steady(name, one, _middle(found[name, 16], lambda run: run.rate) / 2, texts, given.seconds)
            log = Path(one.servers[0].folder / "log").read_text(encoding="utf-8", errors="replace")
            print(*[line for line in log.splitlines() if '"info"' not in line][:3], sep="\n")


if __name__ == "__main__":
    main()
