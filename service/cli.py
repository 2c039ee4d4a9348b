"""The `callout` command. Each of its commands is loaded when it is named: what `serve` needs would keep others waiting."""

import gc
import sys
from importlib import import_module
from pkgutil import resolve_name
from typing import Any

import typer
from typer.core import TyperGroup

from service.errors import Invalid, ServiceError

COMMANDS = {
    "serve": "service.cli_serve:serve",
    "engine": "service.cli_serve:engine",
    "migrate": "service.cli_operate:migrate",
    "apply": "service.cli_operate:apply",
    "keys": "service.cli_keys:app",
    "rules": "service.cli_rules:app",
    "import": "service.cli_import:import_file",
    "audit": "service.cli_operate:audit",
    "openapi": "service.cli_operate:describe",
    "doctor": "service.cli_doctor:run_doctor",
}


class Commands(TyperGroup):
    """The commands above."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, as help lists them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One of them, loaded; None where there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        # Loading makes a million objects that all stay; looking through them for garbage took a quarter of the start.
        gc.disable()
        _load_plainly()
        found = resolve_name(COMMANDS[cmd_name])
        gc.freeze()
        gc.enable()
        alone = typer.Typer(add_completion=False)
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=cmd_name)
        else:
            alone.command(cmd_name)(found)
        return typer.main.get_group(alone).commands[cmd_name]


def _load_plainly() -> None:
    """structlog and httpx without what they load for colours in a terminal, where it is installed as it is with typer: a tenth
    of a second of every start, and 4 MB."""
    hidden = ("pygments", "rich")
    before = {name: sys.modules[name] for name in hidden if name in sys.modules}
    # How an import is refused: The Python Language Reference, "The import system", 5.3.1.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    for name in ("structlog", "httpx"):
        import_module(name)
    for name in hidden:
        del sys.modules[name]
    sys.modules.update(before)


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def callout() -> None:
    """Rapid response to serious violence against young people: an incident comes in, somebody accountable goes out."""


def main() -> None:
    """Run a command; what is wrong is said in a line, without a stack trace."""
    try:
        app()
    except ServiceError as error:
        _say_wrong(error)
        sys.exit(1)


def _say_wrong(error: ServiceError) -> None:
    print(f"callout: {error.detail}", file=sys.stderr)
    for fault in error.faults if isinstance(error, Invalid) else ():
        print(f"  {fault.pointer}: {fault.detail}", file=sys.stderr)
