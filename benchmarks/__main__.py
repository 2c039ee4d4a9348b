"""Every benchmark in one run, and what they found as docs/performance.md.

python -m benchmarks [--full] [--write] [NAME ...]
"""

import argparse
import importlib
import re
import signal
import sys
import time
from pathlib import Path

from benchmarks.told import machine

PEERS = "peers"  # it needs what only `make bench-peers` installs
NAMES = ("intake", "handover", "burst", "growth", "overdue", "replicas", "footprint", "national")
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def put(page: str, name: str, section: str) -> str:
    """The page with a section between its two marks; where it has none, the page as it was."""
    marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return marked.sub(lambda found: f"{found[1]}\n{section}\n\n{found[2]}", page)


def main() -> None:
    """Run what is named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", choices=[[], *NAMES, PEERS], metavar="NAME", help=", ".join((*NAMES, PEERS))
    )
    parser.add_argument(
        "--full", action="store_true", help="three rounds, and sizes up to a million: hours, not minutes"
    )
    parser.add_argument("--write", action="store_true", help=f"put the figures into {PAGE.name}")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    for name in given.names or NAMES:
        started = time.perf_counter()
        section = importlib.import_module(f"benchmarks.{name}").run(full=given.full)
        took = (time.perf_counter() - started) / 60
        how = "make bench-peers" if name == PEERS else f"make bench{'-full' if given.full else ''}"
        section += f"\n\n{time.strftime('%Y-%m-%d')}, {machine()}; {took:.0f} minutes of `{how}`."
        print(f"## {name}\n\n{section}\n", flush=True)
        if given.write:
            PAGE.write_text(put(PAGE.read_text(encoding="utf-8"), name, section), encoding="utf-8")


if __name__ == "__main__":
    main()
