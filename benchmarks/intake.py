"""What taking a report in costs beside H, which only answers: rates at one and at sixteen connections, latency at half of
the peak, and what is left of the rate when the provider is slow. Beside it an endpoint that commits one row.

Rounds go from server to server, so that a busy machine is busy for all of them; the ratios are those within a round.
"""

import os
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import city, load, servers
from benchmarks.city import City, Provider
from benchmarks.load import Measured
from benchmarks.servers import Server
from benchmarks.told import Verdict, middle, ms, table, verdicts

TEAMS = 900
CONNECTIONS = (1, 16)
ROUNDS = 3
SLOW_SECONDS = 0.15
MUST, GOAL = 0.15, 0.25
KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
H, ROW, CALLOUT = "H", "one row", "Callout"


@dataclass
class Asked:
    """A server, how it is called, and how many reports it was sent: none of them may look like an earlier one."""

    server: Server
    key: str = ""
    sent: int = 0

    def make(self, number: int) -> bytes:
        """The next report; the number of the run's request is not that of the report."""
        self.sent += 1
        return load.post(self.server.url, "/v1/incidents", city.report(self.sent, teams=TEAMS, run="in"), key=self.key)


@dataclass
class Run:
    """One run, the processor's milliseconds that the server spent on each answer, and for how many seconds after the last
    answer texts still arrived."""

    measured: Measured
    spent: float
    behind: float


Runs = dict[tuple[str, str], list[Run]]


def spent(server: Server) -> float:
    """The processor's seconds that a process has had."""
    assert server.process
    fields = Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(asked: Asked, texts: Provider, load_it: Callable[[], Measured]) -> Run:
    """A run, and the texts that follow it: the next run must not have them to send."""
    before = spent(asked.server)
    measured = load_it()
    ended, busy = servers.now(), spent(asked.server) - before
    last = texts.drained() if asked.key else 0.0
    if set(measured.statuses) != {201}:
        raise SystemExit(f"{asked.server.command}: {dict(measured.statuses)}")
    return Run(measured, busy * 1000 / len(measured.milliseconds), max(last - ended, 0))


def closed(asked: Asked, texts: Provider, connections: int, seconds: float) -> Run:
    """As fast as it answers."""
    return timed(
        asked, texts, lambda: load.closed(asked.server.url, asked.make, connections=connections, seconds=seconds)
    )


def rounds(every: dict[str, Asked], texts: Provider, seconds: float) -> Runs:
    """All servers in turn, three times; the services also with a provider that takes long."""
    found: Runs = defaultdict(list)
    for _ in range(ROUNDS):
        for name, asked in every.items():
            texts.forget()
            for connections in CONNECTIONS:
                found[name, str(connections)].append(closed(asked, texts, connections, seconds))
            if asked.key:
                texts.takes(seconds=SLOW_SECONDS)
                found[name, "slow"].append(slow(asked, texts, seconds))
    return found


def slow(asked: Asked, texts: Provider, seconds: float) -> Run:
    """Sixteen connections while a call to the provider takes long; what is queued then leaves quickly."""

    def load_it() -> Measured:
        measured = load.closed(asked.server.url, asked.make, connections=CONNECTIONS[-1], seconds=seconds)
        texts.takes()
        return measured

    return timed(asked, texts, load_it)


def ratio(found: Runs, name: tuple[str, str], beside: tuple[str, str], figure: Callable[[Run], float]) -> float:
    """The median over the rounds of one run's figure divided by the other's."""
    return middle([figure(a) / figure(b) for a, b in zip(found[name], found[beside], strict=True)])


def rate(run: Run) -> float:
    """Answers a second."""
    return run.measured.rate


def p50(run: Run) -> float:
    """The median, in milliseconds."""
    return run.measured.at(0.5)


def rows(found: Runs) -> list[list[str]]:
    """Every server at each number of connections, with the raw numbers of the rounds."""
    lines = []
    for (name, how), runs in found.items():
        if how == "slow":
            continue
        lines.append(
            [
                name,
                how,
                " / ".join(f"{rate(run):,.0f}" for run in runs),
                f"{ratio(found, (name, how), (H, how), rate):.3f} H",
                " / ".join(f"{p50(run):.1f}" for run in runs),
                f"{ratio(found, (name, how), (H, how), p50):.1f} H",
                ms(middle([run.measured.at(0.99) for run in runs])),
                f"{middle([run.spent for run in runs]):.2f} ms",
                f"{max(run.behind for run in runs):.1f} s" if name.startswith(CALLOUT) else "",
            ]
        )
    return lines


def steady(asked: Asked, texts: Provider, peak: float, seconds: float) -> Run:
    """Half of the peak, at a fixed rate."""
    count = max(int(peak / 2 * seconds), 1)
    return timed(
        asked,
        texts,
        lambda: load.paced(asked.server.url, asked.make, rate=peak / 2, count=count, connections=32),
    )


def judged(found: Runs, halves: dict[str, Run]) -> list[Verdict]:
    """The promised figures."""
    lines = []
    for name, half in halves.items():
        share = ratio(found, (name, "16"), (H, "16"), rate)
        times = ratio(found, (name, "1"), (H, "1"), p50)
        kept = ratio(found, (name, "slow"), (name, "16"), rate)
        late = half.measured.at(0.99)
        of = f"{name}: "
        lines += [
            Verdict(f"{of}rate at 16 connections", f"at least {MUST} H", f"{share:.3f} H", share >= MUST),
            Verdict(f"{of}the same, the goal", f"at least {GOAL} H", f"{share:.3f} H", share >= GOAL),
            Verdict(f"{of}median at 1 connection", "at most 8 H", f"{times:.1f} H", times <= 8),
            Verdict(f"{of}p99 at half of the peak", "below 100 ms", ms(late), late < 100),
            Verdict(f"{of}rate kept when a call takes 150 ms", "at least 0.9", f"{kept:.3f}", kept >= 0.9),
        ]
    return lines


def run(*, full: bool) -> str:
    """The section."""
    seconds = 5.0 if full else 2.0
    with ExitStack() as stack:
        texts = stack.enter_context(city.provider())
        every = {H: Asked(stack.enter_context(servers.beside("bare.py")))}
        for kind, title in KINDS.items():
            every[f"{ROW}, {title}"] = Asked(stack.enter_context(servers.naive(kind)))
        for kind, title in KINDS.items():
            it: City = stack.enter_context(city.city(kind, provider=texts, teams=TEAMS))
            every[f"{CALLOUT}, {title}"] = Asked(it.servers[0], it.partner)
        for asked in every.values():
            closed(asked, texts, 4, 1)
        found = rounds(every, texts, seconds)
        halves = {
            name: steady(asked, texts, middle([rate(one) for one in found[name, "16"]]), 2 * seconds)
            for name, asked in every.items()
            if asked.key
        }
    head = ["server", "connections", "a second, each round", "beside H", "p50 in ms, each round", "beside H"]
    head += ["p99", "processor for each", "texts still to come"]
    later = [
        [
            name,
            f"{half.measured.rate:.0f}",
            ms(p50(half)),
            ms(half.measured.at(0.99)),
            " / ".join(f"{rate(run):,.0f}" for run in found[name, "slow"]),
        ]
        for name, half in halves.items()
    ]
    return "\n\n".join(
        [
            verdicts(judged(found, halves)),
            f"{ROUNDS} rounds of {seconds:.0f} s each. Ratios are medians of those within a round.",
            table(head, rows(found)),
            "At half of the peak, at a fixed rate; and at sixteen connections while a call to the provider takes 150 ms.",
            table(["server", "a second", "p50", "p99", "with a slow provider, each round"], later),
        ]
    )


if __name__ == "__main__":
    print(run(full=False))
