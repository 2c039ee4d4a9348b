"""What a benchmark tells: a section of docs/performance.md, its figures as tables, and whether they are as promised."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verdict:
    """A promised figure beside the one that was found."""

    figure: str
    wanted: str
    found: str
    met: bool


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def verdicts(found: Sequence[Verdict]) -> str:
    """The promised figures, each with yes or no."""
    rows = [[one.figure, one.wanted, one.found, "yes" if one.met else "**no**"] for one in found]
    return table(["figure", "wanted", "found", "met"], rows)


def machine() -> str:
    """What it ran on, in a few words."""
    cpus = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [line.split(":")[1].strip() for line in cpus.splitlines() if line.startswith("model name")]
    memory = int(Path("/proc/meminfo").read_text(encoding="utf-8").split()[1]) // 1024**2
    kernel = platform.release().split("-", maxsplit=1)[0]
    kind = models[0] if models else platform.machine()
    return f"{len(models)} virtual cores of {kind}, {memory} GB, Linux {kernel}, Python {platform.python_version()}"


def ms(value: float) -> str:
    """Milliseconds as people read them."""
    if value == float("inf"):
        return "never"
    return f"{value:.1f} ms" if value < 100 else f"{value:,.0f} ms"


def middle(values: Sequence[float]) -> float:
    """The median of a few rounds; the lower one of an even number."""
    return sorted(values)[(len(values) - 1) // 2]
