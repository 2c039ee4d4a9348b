"""What a process costs that does nothing yet: seconds to ready, memory, and what the commands cost to import.

Beside it the bare FastAPI application of `bare.py`, on the same machine in the same run.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable

from benchmarks import city, load, servers
from benchmarks.city import Provider
from benchmarks.told import middle, table


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
    """Two processes start on one empty PostgreSQL at once; seconds until both are ready."""
    with city.city("postgresql", provider=provider, teams=20, replicas=2) as it:
        for server in it.servers:
            server.stop()
        threads = [threading.Thread(target=server.start) for server in it.servers]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - started


def run(*, full: bool) -> str:
    """The section."""
    rounds, posted = (3, 4000) if full else (1, 500)
    rows: list[list[object]] = []
    with city.provider() as provider, servers.beside("bare.py") as h:
        load.closed(
            h.url,
            lambda n: load.post(h.url, "/v1/incidents", city.report(n, teams=20, run="h")),
            connections=4,
            seconds=1,
        )
        rows.append(["H", f"{h.seconds_to_ready:.2f} s", f"{h.memory():.0f} MB", ""])
        for kind in ("sqlite", "postgresql"):
            ready, idle, after = [], [], []
            for _ in range(rounds):
                with city.city(kind, provider=provider, teams=20) as it:
                    ready.append(it.servers[0].seconds_to_ready)
                    idle.append(it.servers[0].memory())

                    def make(number: int, it: city.City = it) -> bytes:
                        return load.post(
                            it.url, "/v1/incidents", city.report(number, teams=20, run="f"), key=it.partner
                        )

                    load.paced(it.url, make, rate=400, count=posted, connections=16)
                    after.append(it.servers[0].memory())
            rows.append(
                [f"Callout, {kind}", f"{middle(ready):.2f} s", f"{middle(idle):.0f} MB", f"{middle(after):.0f} MB"]
            )
        both = together(provider)
    head = ["process", "start to ready", "memory, idle", f"memory after {posted:,} incidents"]
    said = (
        f"`import service.cli` takes {imports('import service.cli'):.2f} s more than importing nothing. Two processes that "
        f" start at once on one PostgreSQL are both ready after {both:.1f} s."
    )
    return f"{table(head, rows)}\n\n{said}"


if __name__ == "__main__":
    print(run(full=False))
