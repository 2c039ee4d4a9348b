"""The schema: brought up to date by Alembic, and compared with what this release needs."""

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from service.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

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
    # Alembic takes a quarter of a second to load. Every start asks how the schema stands; hardly one has to change it.
    from alembic import command  # noqa: PLC0415

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
    if not inspect(connection).has_table("alembic_version"):
        return Standing.OLDER
    current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if current == revisions()[0]:
        return Standing.CURRENT
    return Standing.OLDER if current is None or current in revisions() else Standing.NEWER


@cache
def revisions() -> tuple[str, ...]:
    """The revisions that this release knows, newest first: migrations run on, and a file's name begins with its revision."""
    files = (MIGRATIONS / "versions").glob("[0-9]*.py")
    return tuple(sorted((file.name.partition("_")[0] for file in files), reverse=True))


def config() -> "Config":
    """How Alembic finds the migrations."""
    from alembic.config import Config  # noqa: PLC0415 - as above

    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS))
    return found
