"""What a benchmark tells: a section of docs/performance.md, with its figures as a table."""

import platform
from collections.abc import Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


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
    return f"{value:.1f} ms" if value < 100 else f"{value:,.0f} ms"


def middle(values: Sequence[float]) -> float:
    """The median of a few rounds; the lower one of an even number."""
    return sorted(values)[(len(values) - 1) // 2]
