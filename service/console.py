"""What every command stands on: a runtime for its time, a file that is read, and who types."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service import schema
from service.errors import Invalid, SettingsWrong
from service.runtime import Runtime, build_runtime
from service.settings import read_settings


@contextmanager
def open_runtime() -> Iterator[Runtime]:
    """The runtime that the settings name, for one command. Raises SettingsWrong."""
    runtime = build_runtime(read_settings())
    try:
        yield runtime
    finally:
        runtime.close()


@contextmanager
def ready_runtime() -> Iterator[Runtime]:
    """A runtime whose schema is this release's. In a sandbox it is brought up to date by the way."""
    with open_runtime() as runtime:
        require_schema(runtime)
        yield runtime


def require_schema(runtime: Runtime) -> None:
    """In a sandbox bring the schema up to date; else raise SettingsWrong when it is not this release's."""
    if schema.is_current(runtime.database):
        return
    if not runtime.settings.sandbox:
        raise SettingsWrong("the database's schema is not this release's; run: callout migrate")
    schema.migrate(runtime.database)


def read_file(file: Path) -> str:
    """A text file. Raises Invalid, which says why it can't be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Invalid(f"can't read {file}: {reason}") from None


def user() -> str:
    """Who typed the command, for the audit."""
    return os.environ.get("USER") or "console"
