"""`callout rules`: check a rulebook, try it over the past, and ask why it decides as it does."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from rules import rulebook as language
from rules.faults import read_yaml
from rules.incident import IncidentReport
from rules.rulebook import LoadedBook, RulebookRefused
from service import progress, schema
from service.console import open_runtime, read_file, ready_runtime
from service.errors import Fault, Invalid
from service.flows import setup, simulation
from service.partnership import Partnership, check_partnership, read_partnership
from service.records import rulebooks
from service.schema import Standing
from service.settings import SHIPPED_PARTNERSHIP, read_settings

app = typer.Typer(no_args_is_help=True, help="Rulebooks.")


@app.command("check")
def check_rules(
    file: Annotated[Path, typer.Argument(help="The rulebook.")],
    partnership: Annotated[Path | None, typer.Option(help="The partnership whose teams it names.")] = None,
) -> None:
    """Say every fault of a rulebook: line, field, what is wrong and what would be right."""
    text = read_file(file)
    public_url = read_settings().public_url
    people = _partnership_for(text, partnership)
    faults = rulebooks.check(text, read=setup.reader_beside(file), partnership=people, public_url=public_url)
    for fault in faults:
        print(f"{file}:{fault.line}: {fault.field}: {fault.problem}; expected {fault.expected}", file=sys.stderr)
    if faults:
        raise typer.Exit(1)
    teams = f"teams of {people.partnership}" if people else "teams not checked: give --partnership FILE"
    print(f"{file}: no faults ({teams})")


@app.command("schema")
def rules_schema() -> None:
    """Print the JSON Schema of rulebooks, for editors."""
    print(json.dumps(language.schema(), indent=2))


@app.command("explain")
def explain_rules(
    incident: Annotated[Path, typer.Argument(help="A report, as a partner would post it.")],
    rulebook: Annotated[Path | None, typer.Option(help="The rulebook to ask; the one in force if not given.")] = None,
    partnership: Annotated[Path | None, typer.Option(help="The partnership whose localities and clock count.")] = None,
) -> None:
    """Say of every rule whether it applies to an incident, and which part of its condition decided."""
    try:
        report = IncidentReport.model_validate(json.loads(read_file(incident)))
    except ValidationError as error:
        faults = tuple(Fault("/" + "/".join(map(str, e["loc"])), e["msg"]) for e in error.errors())
        raise Invalid(f"{incident} is not a report", faults) from None
    except ValueError:
        raise Invalid(f"{incident} is not JSON") from None
    book = _book_from(rulebook) if rulebook else _book_in_force()
    people = _partnership_for(book.source, partnership)
    if people is None:
        raise Invalid("there is no partnership to ask with; give --partnership FILE")
    for said in simulation.explained(book, people, report):
        sign = "YES" if said.matched else "no "
        opens = f" -> {', '.join(said.opens) or 'recorded only'}" if said.matched else ""
        print(f"{sign} {said.rule}{opens}: {said.because}")
        for part in said.parts if len(said.parts) > 1 else ():
            print(f"      {'true ' if part.holds else 'false' if part.holds is False else 'error'}  {part.text}")


@app.command("simulate")
def simulate_rules(
    file: Annotated[Path, typer.Argument(help="The rulebook to try.")],
    incidents: Annotated[
        Path | None,
        typer.Option(help="Past incidents, a JSON report a line, oldest first; the database's if not given."),
    ] = None,
    partnership: Annotated[Path | None, typer.Option(help="The partnership whose rotas answer.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole comparison as JSON.")] = False,
) -> None:
    """Say what a rulebook would have done with past incidents, beside the one in force. Nothing is changed."""
    text = read_file(file)
    people = _partnership_for(text, partnership)
    if people is None:
        raise Invalid("there is no partnership to simulate with; give --partnership FILE")
    faults = rulebooks.check(text, read=setup.reader_beside(file), partnership=people, public_url="")
    if faults:
        raise setup.refused(faults)
    candidate = language.load(text, read=setup.reader_beside(file))
    bad: list[simulation.BadLine] = []
    with progress.counting("incidents") as counted:
        if incidents is None:
            with ready_runtime() as runtime:
                answers, past = simulation.measured_answers(runtime), simulation.reported(runtime, start=None, end=None)
                told = simulation.compare(_book_in_force(), candidate, people, counted(past), answers=answers)
        else:
            with _opened(incidents) as lines:
                past = simulation.from_lines(lines, bad.append)
                told = simulation.compare(_book_in_force(), candidate, people, counted(past), answers=[])
    print(json.dumps(told, default=str, indent=2) if as_json else progress.table(told))
    for line in bad:
        print(f"{incidents}:{line.number}: {line.problem}", file=sys.stderr)
    if bad:
        raise typer.Exit(1)


@contextmanager
def _opened(file: Path) -> Iterator[Iterator[str]]:
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            yield lines
    except OSError as error:
        raise Invalid(f"can't read {file}: {error.strerror}") from None


def _book_from(file: Path) -> LoadedBook:
    try:
        return language.load(read_file(file), read=setup.reader_beside(file))
    except RulebookRefused as refusal:
        raise setup.refused(refusal.faults) from None


def _book_in_force() -> LoadedBook:
    """The rulebook to compare with: the one in force, or else the one that the settings name."""
    if _partnership_in_force() is not None:
        with open_runtime() as runtime, runtime.database.reading() as session:
            version = rulebooks.in_force(session)
            if version is not None:
                return rulebooks.load_version(version)
    return _book_from(read_settings().rulebook)


def _partnership_for(text: str, file: Path | None) -> Partnership | None:
    """The partnership that a rulebook is for: the one given, the one in force, or the shipped one if it names that."""
    if file:
        return read_partnership(read_file(file))
    in_force = _partnership_in_force()
    if in_force is not None:
        return in_force
    shipped = check_partnership(read_yaml(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8")))
    return shipped if f"rulebook: {shipped.partnership}\n" in text else None


def _partnership_in_force() -> Partnership | None:
    settings = read_settings()
    path = settings.database_url.removeprefix("sqlite:///")
    if settings.database_url.startswith("sqlite") and not Path(path).exists():
        return None
    with open_runtime() as runtime:
        if schema.standing(runtime.database) is Standing.OLDER or setup.is_empty(runtime):
            return None
        return setup.partnership_in_force(runtime)
