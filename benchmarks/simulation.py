"""How long does a simulation take, and does its memory stay flat? Fifty rules, ten patterns, and histories of growing size.

    python benchmarks/simulation.py [--sizes 10000 50000 100000]

Each size runs in a process of its own, so that its peak memory is its own. The candidate is compared with the same book, so
each incident is judged twice, as `callout rules simulate` does.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from rules import rulebook
from service.flows import simulation
from service.flows.setup import reader_beside
from service.partnership import read_partnership
from service.settings import SHIPPED_PARTNERSHIP, SHIPPED_RULEBOOK

PER_DAY = 60
TYPES = [f"kind_{number}" for number in range(40)]
RULES = "".join(
    f"  - {{id: r-{n}, when: 'incident.type == \"{TYPES[n % 40]}\" && incident.hour >= {n % 12}', then: [{pathway}]}}\n"
    for n, pathway in enumerate(
        ["education-inclusion", "hospital-navigation", "late-night-outreach", "conflict-resolution", "triage"] * 10
    )
)
PATTERNS = "".join(
    f"  - {{id: p-{n}, of: 'incident.hour >= {n} && incident.setting == \"street\"', {where}, at_least: 4, "
    f"window: {7 + n}d, raise: peer_conflict}}\n"
    for n, where in enumerate(["near: 400m"] * 4 + ["same: group"] * 3 + ["same: person"] * 2 + ["same: place"])
)


def book() -> str:
    """The shipped book with fifty rules and ten patterns in place of its own."""
    text = SHIPPED_RULEBOOK.read_text(encoding="utf-8")
    head, tail = text.split("\nrules:\n")
    return f"{head}\nrules:\n{RULES}\npatterns:\n{PATTERNS}\n" + tail[tail.index("# Places that repeat") :]


def lines(size: int) -> Iterator[str]:
    """Reports as JSON lines, in the order in which they happened."""
    chance = random.Random(size)
    at = datetime(2024, 1, 1, tzinfo=UTC)
    for number in range(size):
        at += timedelta(days=chance.expovariate(PER_DAY))
        yield json.dumps(
            {
                "type": chance.choice(TYPES),
                "occurred_at": at.isoformat(),
                "source_ref": f"B-{number}",
                "locality": chance.choice(["south", "north", "east-central"]),
                "setting": chance.choice(["street", "school"]),
                "place": {"lat": 51.40 + chance.random() / 10, "lon": -2.68 + chance.random() / 6},
                "groups": [f"g-{chance.randrange(2000)}"],
                "people": [{"ref": f"p-{chance.randrange(20000)}", "role": "witness", "age": 15}],
            }
        )


def run(size: int) -> None:
    """One simulation; seconds and the peak of memory in MB, on one line."""
    loaded = rulebook.load(book(), read=reader_beside(SHIPPED_RULEBOOK))
    partnership = read_partnership(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8"))
    bad: list[simulation.BadLine] = []
    started = time.perf_counter()
    past = simulation.from_lines(lines(size), bad.append)
    told = simulation.compare(loaded, loaded, partnership, past, answers=[4.0, 9.0, 40.0])
    seconds = time.perf_counter() - started
    if told["incidents"] != size or bad or told["differ"]:
        raise SystemExit("the simulation is wrong")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    raised = sum(told["active"]["patterns"].values())
    print(f"{size} {seconds:.1f} {peak:.0f} {told['active']['opened']} {raised}")


def main() -> None:
    """Print a line a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 50_000, 100_000])
    parser.add_argument("--one", type=int, help="run this size here, and print plain numbers")
    given = parser.parse_args()
    if given.one:
        run(given.one)
        return
    for size in given.sizes:
        command = [sys.executable, __file__, "--one", str(size)]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        _, seconds, peak, opened, raised = found
        rate = size / float(seconds)
        print(
            f"{size:>9,} incidents: {seconds:>6} s ({rate:,.0f} a second), peak {peak} MB; {opened} tasks, {raised} patterns",
            flush=True,
        )


if __name__ == "__main__":
    main()
