"""`callout import`: a partner's file, taken in as if it had been posted, row by row, however long it is."""

import io
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from uvicorn.importer import import_from_string

from service import progress
from service.console import read_file, ready_runtime
from service.errors import Invalid
from service.models.access import AccessKey, Role
from service.records import keys
from service.rows import Session
from service.runtime import Runtime, restore_clock

# By name: the command belongs to the service, which imports nothing of the API that stands above it.
IMPORT = "api.imports:from_file"
RESULTS = {"new": "recorded", "replayed": "held already", "revised": "revised", "retracted": "taken back"}
MOST_TOLD = 200
WIDTH = 100


class Kind(StrEnum):
    """How the file is written."""

    ISTV = "istv"
    POLICE_UK = "police-uk"
    HL7 = "hl7"
    FHIR = "fhir"
    CSV = "csv"


def import_file(
    kind: Annotated[Kind, typer.Argument(help="How the file is written.")],
    file: Annotated[Path, typer.Argument(help="The file.")],
    partner: Annotated[
        str | None,
        typer.Option(
            help="Whose file it is: the name or id of a partner's key. Its rows and posted reports know each other."
        ),
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="For csv: the layout, if the code lists don't have it.")] = None,
    history: Annotated[
        bool, typer.Option(help="All of it is of the past: patterns count it, nobody is paged.")
    ] = False,
) -> None:
    """Take in a partner's file. A row that is wrong is told with its line and harms no other."""
    if mapping and kind is not Kind.CSV:
        raise Invalid("--mapping goes with csv alone: the other kinds say themselves how they are written")
    layout = read_file(mapping) if mapping else None
    tally: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with ready_runtime() as runtime, _opened(file) as stream, progress.counting("rows") as counted:
        restore_clock(runtime)
        key = _key_of(runtime, partner) if partner else None
        taken = import_from_string(IMPORT)(
            runtime, stream, kind=kind.value, key=key, mapping=layout, all_history=history
        )
        for outcome in counted(taken.outcomes):
            tally[outcome.result] += 1
            if outcome.reason:
                reasons[outcome.reason] += 1
            if outcome.problem and tally["refused"] <= MOST_TOLD:
                print(f"{file}:{outcome.line}: {_told(outcome.problem)}", file=sys.stderr)
    if tally["refused"] > MOST_TOLD:
        print(f"… and {tally['refused'] - MOST_TOLD:,} more", file=sys.stderr)
    print(_table(taken, tally, reasons))
    if tally["refused"]:
        raise typer.Exit(1)


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    try:
        with file.open("rb") as stream:
            yield stream
    except OSError as error:
        raise Invalid(f"can't read {file}: {error.strerror}") from None


def _key_of(runtime: Runtime, partner: str) -> AccessKey:
    with runtime.database.reading() as session:
        return _partner_key(session, partner)


def _partner_key(session: Session, partner: str) -> AccessKey:
    active = [key for key in keys.listed(session) if key.revoked_at is None and key.role == Role.PARTNER]
    found = [key for key in active if partner in (key.name, key.id)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(key.id for key in found)
        raise Invalid(f"several active keys are named {partner}; give the id of one of them: {ids}")
    names = ", ".join(sorted({key.name for key in active})) or "none"
    raise Invalid(f"no active partner's key is named {partner}; there are: {names}")


def _told(problem: dict[str, Any]) -> str:
    faults = [f"{fault['pointer']}: {fault['detail']}".removeprefix(": ") for fault in problem.get("errors", [])]
    return "; ".join(faults) or str(problem["detail"])


def _table(taken: Any, tally: Counter[str], reasons: Counter[str]) -> str:
    out = io.StringIO()
    console = Console(width=WIDTH, file=out)
    delimiter = f", delimiter {taken.delimiter!r}" if taken.delimiter else ""
    console.print(f"{taken.layout}, {taken.encoding}{delimiter}, for {taken.partner}", markup=False)
    grid = Table("", "rows")
    grid.columns[1].justify = "right"
    for result, words in RESULTS.items():
        grid.add_row(words, f"{tally[result]:,}")
    grid.add_row("not for us", f"{tally['passed_over']:,}")
    for reason, number in reasons.most_common():
        grid.add_row(f"  {escape(reason)}", f"{number:,}")
    grid.add_row("refused", f"{tally['refused']:,}")
    grid.add_row("all", f"{sum(tally.values()):,}")
    console.print(grid)
    return out.getvalue().rstrip()
