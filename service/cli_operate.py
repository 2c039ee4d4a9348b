"""What an operator runs: the schema, the partnership file, the audit, and the description of the API."""

import sys
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated

import typer
import yaml

from service import schema
from service.console import open_runtime, read_file, ready_runtime, user
from service.flows import setup
from service.schema import Standing

# By name: the command belongs to the service, which imports nothing of the API that stands above it.
DESCRIBE = "api.app:describe"

audit = typer.Typer(no_args_is_help=True, help="The audit.")


def migrate() -> None:
    """Bring the database's schema to this release."""
    with open_runtime() as runtime:
        stood = schema.migrate(runtime.database)
    print(f"the schema is {Standing.CURRENT if stood is Standing.OLDER else stood}")


def apply(file: Annotated[Path, typer.Argument(help="The partnership file.")]) -> None:
    """Put a partnership file in force; the same file again changes nothing."""
    text = read_file(file)
    with ready_runtime() as runtime:
        changes = setup.apply_partnership(runtime, text, actor=f"cli:{user()}").changes
        faults = setup.load_rulebook(runtime)
    print("\n".join(changes) if changes else "nothing changed")
    for fault in faults:
        print(f"rulebook, line {fault.line}, {fault.field}: {fault.problem}", file=sys.stderr)


@audit.command("verify")
def verify_audit() -> None:
    """Follow the chain of the audit; name the first entry that was changed, deleted or moved."""
    with ready_runtime() as runtime:
        good, broken = setup.verify_audit(runtime)
    if broken:
        print(f"callout: the audit does not hold: {broken.why}; {good} entries before it do", file=sys.stderr)
        raise typer.Exit(1)
    print(f"the audit holds: {good} entries")


def describe() -> None:
    """Print the API's description as YAML."""
    document = resolve_name(DESCRIBE)()
    print(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120), end="")
