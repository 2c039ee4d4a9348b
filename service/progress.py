"""What a long command shows in a terminal: how far it is, and a table at the end."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

Item = TypeVar("Item")
WIDTH = 100


@contextmanager
def counting(what: str) -> Iterator[Callable[[Iterable[Item]], Iterator[Item]]]:
    """Count what passes by, on standard error, and only where somebody looks on."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn(f"{{task.completed:,.0f}} {what}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def counted(items: Iterable[Item]) -> Iterator[Item]:
            for item in items:
                yield item
                bar.advance(task)

        yield counted


def table(told: Mapping[str, Any]) -> str:
    """A simulation as a supervisor reads it."""
    out = io.StringIO()
    console = Console(width=WIDTH, file=out)
    span = f"{told['from']:%d %b %Y} to {told['to']:%d %b %Y}" if told["incidents"] else "no incidents"
    console.print(f"{told['incidents']:,} incidents, {span}. {told['differ']:,} would be answered differently.")
    grid = Table("", "in force", "candidate", "difference")
    for column in grid.columns[1:]:
        column.justify = "right"
    active, candidate = told["active"], told["candidate"]
    for name, one, other in _rows(active, candidate):
        grid.add_row(name, _number(one), _number(other), f"{other - one:+,g}" if other != one else "")
    console.print(grid)
    for example in told["examples"][:10]:
        console.print(
            f"  {example['incident']}: {_list(example['active'])} -> {_list(example['candidate'])}", markup=False
        )
    return out.getvalue().rstrip()


def _rows(active: Mapping[str, Any], candidate: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    yield "tasks opened", active["opened"], candidate["opened"]
    for part, word in (("tasks", "  "), ("patterns", "pattern ")):
        for name in sorted({*active[part], *candidate[part]}):
            yield word + name, active[part].get(name, 0), candidate[part].get(name, 0)
    yield "pages", active["pages"]["total"], candidate["pages"]["total"]
    yield "  at night (22:00 to 07:00)", active["pages"]["night"], candidate["pages"]["night"]
    workers = {*active["pages"]["by_worker"], *candidate["pages"]["by_worker"]}
    for name in sorted(workers):
        yield f"  {name}", active["pages"]["by_worker"].get(name, 0), candidate["pages"]["by_worker"].get(name, 0)
    yield "expected breaches", active["expected_breaches"], candidate["expected_breaches"]


def _number(value: float) -> str:
    return f"{value:,g}"


def _list(names: list[str]) -> str:
    return ", ".join(names) or "nothing"
