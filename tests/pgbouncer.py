"""A PgBouncer in transaction mode for the tests: in front of a server of the tests' own."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from tests.packages import PGBOUNCER
from tests.postgres import Server
from tests.running import free_port

PATIENCE = 15


@contextmanager
def pooled(server: Server, database_url: str) -> Iterator[str]:
    """The address of a pooler in front of a database, with fewer sessions than clients."""
    port, name = free_port(), make_url(database_url).database
    # A folder that PgBouncer's user may enter: like PostgreSQL it refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="callout-pgbouncer-"))
    folder.chmod(0o755)
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n{name} = host={server.socket_folder} dbname={name} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        "pool_mode = transaction\ndefault_pool_size = 3\nlogfile =\npidfile =\n"
    )
    settings.chmod(0o644)
    process = subprocess.Popen(
        [str(PGBOUNCER.found()), str(settings)],
        user=server.system_user,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port)
        yield f"postgresql://postgres@127.0.0.1:{port}/{name}"
    finally:
        process.terminate()
        process.wait(PATIENCE)
        shutil.rmtree(folder)


def _await(port: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < until, "PgBouncer does not listen"
            time.sleep(0.05)
        else:
            return
