"""The schema over time: brought up by any number of processes at once, and fit for the release before."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from service import schema
from service.database import Database
from service.flows import health
from service.privacy import Keyring
from service.runtime import Runtime
from service.schema import Standing
from tests.conftest import empty_database
from tests.running import COMMAND, clean_environment, free_port, run

FIRST = "0001"
SECRET = "for-tests-only-" + "x1y2z3" * 5


def test_processes_that_migrate_an_empty_database_at_once_all_succeed(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with empty_database(request, "postgresql", tmp_path) as url:
        settings = {"CALLOUT_DATABASE_URL": url, "CALLOUT_SECRET_KEY": SECRET}
        started = [
            subprocess.Popen(
                [str(COMMAND), "migrate"],
                cwd=tmp_path,
                env=clean_environment(settings),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(4)
        ]
        said = [process.communicate(timeout=90)[0] for process in started]
        assert [process.returncode for process in started] == [0] * 4, said
        assert all("the schema is current" in words for words in said)


def test_a_replica_on_a_newer_schema_goes_on_and_says_so(runtime: Runtime) -> None:
    assert health.checks(runtime)["schema"] == "ok"
    _stamp(runtime, "9999")
    found = health.checks(runtime)
    assert found["schema"].startswith("ok: newer than this release")
    assert found["rulebook"] == "ok"
    assert schema.migrate(runtime.database) is Standing.NEWER, "what a later release made is left alone"


def test_a_replica_on_an_older_schema_says_so_and_is_not_ready(runtime: Runtime) -> None:
    _stamp(runtime, FIRST)
    found = health.checks(runtime)
    assert "callout migrate" in found["schema"]
    assert not found["schema"].startswith("ok")


@pytest.mark.parametrize("command_line", [("serve", "--port"), ("engine",)])
def test_a_new_release_does_not_begin_on_an_older_schema_and_says_what_to_do(
    tmp_path: Path, command_line: tuple[str, ...]
) -> None:
    url = f"sqlite:///{tmp_path}/callout.db"
    database = Database(url, Keyring([SECRET]))
    _bring_to(database, FIRST)
    port = (str(free_port()),) if "--port" in command_line else ()
    settings = {"CALLOUT_DATABASE_URL": url, "CALLOUT_SECRET_KEY": SECRET, "CALLOUT_MODE": "live"}
    ended = run(*command_line, *port, folder=tmp_path, **settings)
    assert ended.returncode == 1
    assert ended.stderr == "callout: the database's schema is older than this release; run: callout migrate\n"
    assert schema.standing(database) is Standing.OLDER, "a replica changes nothing by itself"
    assert run("migrate", folder=tmp_path, **settings).returncode == 0
    assert schema.standing(database) is Standing.CURRENT
    database.close()


def _bring_to(database: Database, revision: str) -> dict[str, dict[str, Any]]:
    """Bring a database to a revision; the tables as they are then."""
    with database.migrating() as connection:
        settings = schema.config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)
        return _tables(connection)


def _stamp(runtime: Runtime, revision: str) -> None:
    with runtime.database.transaction() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


def test_the_release_before_runs_on_every_new_schema(database_url: str) -> None:
    """Whatever it reads is still there, and whatever it writes without knowing of the new columns is still taken."""
    database = Database(database_url, Keyring([SECRET]))
    before: dict[str, Any] = {}
    for revision in reversed(schema.revisions()):
        after = _bring_to(database, revision)
        for table, columns in before.items():
            assert table in after, f"{revision} takes away the table {table}"
            _compare(revision, table, columns, after[table])
        before = after
    database.close()


def _tables(connection: Any) -> dict[str, dict[str, Any]]:
    found = inspect(connection)
    return {
        table: {
            "columns": {column["name"]: column for column in found.get_columns(table)},
            "unique": {
                *(tuple(one["column_names"]) for one in found.get_unique_constraints(table)),
                *(tuple(one["column_names"]) for one in found.get_indexes(table) if one["unique"]),
            },
            "foreign": {tuple(one["constrained_columns"]) for one in found.get_foreign_keys(table)},
        }
        for table in found.get_table_names()
    }


def _compare(revision: str, table: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = before["columns"], after["columns"]
    for name, column in old.items():
        assert name in new, f"{revision} takes away {table}.{name}"
        assert str(new[name]["type"]) == str(column["type"]), f"{revision} changes the type of {table}.{name}"
        assert new[name]["nullable"] or not column["nullable"], f"{revision} demands {table}.{name}"
    for name in new.keys() - old.keys():
        column = new[name]
        assert column["nullable"] or column["default"] is not None, f"{revision} demands the new {table}.{name}"
    for kind in ("unique", "foreign"):
        added = [names for names in after[kind] - before[kind] if set(names) <= set(old)]
        assert not added, f"{revision} adds a {kind} constraint to what {table} already held: {added}"


def test_a_database_that_is_away_is_said_in_a_line(tmp_path: Path) -> None:
    settings = {"CALLOUT_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "CALLOUT_SECRET_KEY": SECRET}
    ended = run("migrate", folder=tmp_path, **settings)
    assert ended.returncode == 1
    assert "the database can't be asked" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_files_of_migrations_are_named_in_the_order_in_which_they_follow_each_other() -> None:
    scripts = ScriptDirectory.from_config(schema.config()).walk_revisions()
    assert schema.revisions() == tuple(script.revision for script in scripts)
