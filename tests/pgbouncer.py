"""A PgBouncer in transaction mode for the tests: found on this machine, or installed where that can be done."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from tests.postgres import Server
from tests.running import free_port

HOW = "PgBouncer is not installed; get it with: apt-get install pgbouncer"
PATIENCE = 15


def executable() -> str | None:
    """Where PgBouncer is, if it is anywhere."""
    return shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")


def install() -> None:
    """Install it by apt where this user may; otherwise say how, and, under CI, fail: nothing is skipped there."""
    if executable():
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("Installing PgBouncer for the tests of poolers (once) ...", flush=True)
        for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "pgbouncer"]):
            subprocess.run(["apt-get", *step], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, check=False)
    if not executable():
        print(HOW + "; the test of poolers is skipped", file=sys.stderr)
        if os.environ.get("CI") == "true":
            sys.exit(1)


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
        [str(executable()), str(settings)],
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


if __name__ == "__main__" and "--install" in sys.argv:
    install()
