"""The schema: brought up to date by Alembic, and compared with what this release needs."""

from enum import StrEnum
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from service.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"


class Standing(StrEnum):
    """How a database's schema stands to this release. The previous release runs on a newer one."""

    CURRENT = "current"
    OLDER = "older than this release; run: callout migrate"
    NEWER = "newer than this release"


def migrate(database: Database) -> Standing:
    """Bring the schema to this release, and say how it stood. Safe to run again, and from several processes at once.

    One that is newer stays as it is: an upgrade is under way, and this is a replica of the release before.
    """
    with database.migrating() as connection:
        stood = _standing(connection)
        if stood is Standing.OLDER:
            settings = config()
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
    return stood


def standing(database: Database) -> Standing:
    """How the schema stands to what this release needs."""
    with database.engine.connect() as connection:
        return _standing(connection)


def _standing(connection: Connection) -> Standing:
    current = MigrationContext.configure(connection).get_current_revision()
    if current == revisions()[0]:
        return Standing.CURRENT
    return Standing.OLDER if current is None or current in revisions() else Standing.NEWER


@cache
def revisions() -> tuple[str, ...]:
    """The revisions that this release knows, newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(config()).walk_revisions())


def config() -> Config:
    """How Alembic finds the migrations."""
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS))
    return found
