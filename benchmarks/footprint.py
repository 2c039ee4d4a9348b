"""What a process costs that does nothing yet: seconds to ready, memory, and what the commands cost to import.

Beside it the bare FastAPI application of `bare.py`, on the same machine in the same run.
"""

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks import city, load, servers
from benchmarks.city import Provider
from benchmarks.told import Verdict, middle, table, verdicts


def seconds_of(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def imports(statement: str) -> float:
    """Seconds of a new Python with an import, less those of one without."""

    def python(code: str) -> float:
        return middle([seconds_of(lambda: subprocess.run([sys.executable, "-c", code], check=True)) for _ in range(5)])

    return python(statement) - python("pass")


def together(provider: Provider) -> float:
    """Two processes start on one empty PostgreSQL at once, each of which may bring it up; seconds until both are ready."""
    with city.city("postgresql", provider=provider, teams=20, replicas=2) as it:
        for server in it.servers:
            server.stop()
        assert it.postgresql
        for server in it.servers:
            server.environment = {
                "CALLOUT_DATABASE_URL": it.postgresql.url.replace("/postgres?", "/fresh?"),
                "CALLOUT_SECRET_KEY": it.environment["CALLOUT_SECRET_KEY"],
            }
        it.postgresql.database("fresh")
        threads = [threading.Thread(target=server.start) for server in it.servers]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - started


@dataclass
class Found:
    """Each round's seconds to ready, memory when idle, and the MB that a hundred thousand incidents would add."""

    ready: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    grown: list[float] = field(default_factory=list)


def once(kind: str, provider: Provider, found: Found) -> None:
    """Start a process on a database that is set up, and look."""
    with city.city(kind, provider=provider, teams=900) as it:
        found.ready.append(it.servers[0].seconds_to_ready)
        found.idle.append(it.servers[0].memory())


def fill(kind: str, provider: Provider, posted: int, found: Found) -> None:
    """Post twice as many, and look after each half: what it keeps for speed is filled by the first, which does not count."""
    with city.city(kind, provider=provider, teams=900) as it:
        server, numbers = it.servers[0], itertools.count()

        def make(_number: int) -> bytes:
            report = city.report(next(numbers), teams=900, run="f")
            return load.post(server.url, "/v1/incidents", report, key=it.partner)

        halves = []
        for _ in range(2):
            measured = load.paced(server.url, make, rate=posted, count=posted, connections=8)
            provider.drained(within=600, quiet=3)
            halves.append(server.memory())
            if set(measured.statuses) != {201}:
                raise SystemExit(f"{dict(measured.statuses)}")
        found.grown.append((halves[1] - halves[0]) * 100_000 / posted)


def run(*, full: bool) -> str:
    """The section."""
    posted = 20_000 if full else 0
    every = {kind: Found() for kind in ("sqlite", "postgresql")}
    bare = Found()
    with city.provider() as provider:
        for _ in range(3):
            with servers.beside("bare.py") as h:
                bare.ready.append(h.seconds_to_ready)
                bare.idle.append(h.memory())
            for kind, found in every.items():
                once(kind, provider, found)
        for kind, found in every.items() if posted else ():
            fill(kind, provider, posted, found)
        both = together(provider)
    command = imports("import service.cli")
    said = []
    for kind, found in every.items():
        ready, idle = middle(found.ready), middle(found.idle)
        said.append(Verdict(f"{kind}: memory, idle", "at most 150 MB", f"{idle:.0f} MB", idle <= 150))
        if found.grown:
            grown = found.grown[0]
            said.append(Verdict(f"{kind}: per 100,000 incidents", "at most 10 MB", f"{grown:+.0f} MB", grown <= 10))
        if kind == "sqlite":
            said.append(Verdict(f"{kind}: start to ready", "at most 1.5 s", f"{ready:.2f} s", ready <= 1.5))
    said.append(Verdict("two processes start on one empty database", "both come up", f"after {both:.1f} s", True))
    said.append(Verdict("import of the commands", "at most 0.3 s", f"{command:.2f} s", command <= 0.3))
    rows = [["H", f"{middle(bare.ready):.2f} s", f"{middle(bare.idle):.0f} MB"]]
    rows += [
        [f"Callout, {kind}", f"{middle(found.ready):.2f} s", f"{middle(found.idle):.0f} MB"]
        for kind, found in every.items()
    ]
    how = (
        f"What 100,000 incidents add is reckoned from {posted:,} after as many before them, once all was sent."
        if posted
        else "What 100,000 incidents add to the memory is measured by `make bench-full` alone: it needs many."
    )
    return f"{verdicts(said)}\n\nMedians of three starts. {how}\n\n{table(['process', 'start to ready', 'memory, idle'], rows)}"


if __name__ == "__main__":
    print(run(full=False))
