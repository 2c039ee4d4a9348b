"""What every command stands on: a runtime for its time, a file that is read, and who types."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from service import schema
from service.away import is_away
from service.errors import Invalid, SettingsWrong
from service.runtime import Runtime, build_runtime
from service.schema import Standing
from service.settings import read_settings


@contextmanager
def open_runtime() -> Iterator[Runtime]:
    """The runtime that the settings name, for one command. Raises SettingsWrong."""
    runtime = build_runtime(read_settings())
    try:
        with asking():
            yield runtime
    finally:
        runtime.close()


@contextmanager
def asking() -> Iterator[None]:
    """Work with a database that may be away. Raises SettingsWrong, which says so in a line."""
    try:
        yield
    except SQLAlchemyError as error:
        if not is_away(error):
            raise
        reason = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()[0]
        raise SettingsWrong(f"the database can't be asked: {reason}") from None


@contextmanager
def ready_runtime() -> Iterator[Runtime]:
    """A runtime whose schema is this release's. In a sandbox it is brought up to date by the way."""
    with open_runtime() as runtime:
        require_schema(runtime)
        yield runtime


def require_schema(runtime: Runtime) -> None:
    """In a sandbox bring the schema up to date; else raise SettingsWrong when it is older than this release."""
    stands = schema.standing(runtime.database)
    if stands is Standing.NEWER:
        print(f"callout: the database's schema is {stands.value}, on which it runs; upgrade it soon", file=sys.stderr)
    elif stands is Standing.OLDER and runtime.settings.sandbox:
        schema.migrate(runtime.database)
    elif stands is Standing.OLDER:
        raise SettingsWrong(f"the database's schema is {stands.value}")


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
