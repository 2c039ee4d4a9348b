"""`callout` in a process of its own that has not to load it first: it is forked from one that did, once for a test run.

A start by the command itself takes one to four seconds, nearly all of it imports, and the stories start a service more than
two hundred times. The process is as real: it is killed, frozen and asked to stop by signals, and shares nothing afterwards.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from io import TextIOWrapper
from multiprocessing.connection import Connection
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        "service.cli_serve",
        "api.app",
        "alembic.command",
        "sqlalchemy.dialects.postgresql.psycopg",
        "sqlalchemy.dialects.sqlite.pysqlite",
        "uvicorn.lifespan.on",
        "uvicorn.loops.auto",
        "uvicorn.protocols.http.auto",
        "uvicorn.protocols.websockets.auto",
    ]
)


class Forked:
    """One `callout` command, as far as subprocess.Popen would be asked about it."""

    def __init__(self, arguments: Sequence[str], *, folder: Path, environment: dict[str, str]) -> None:
        heard, says = _context.Pipe(duplex=False)
        self._process = _context.Process(
            target=_callout, args=(arguments, folder, environment, says, says), daemon=True
        )
        self._process.start()
        says.close()
        self.stdout = TextIOWrapper(os.fdopen(os.dup(heard.fileno()), "rb"), encoding="utf-8")
        heard.close()

    @property
    def pid(self) -> int:
        """Its id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, once it has. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("callout", timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)


def run(
    arguments: Sequence[str], *, folder: Path, environment: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """One command to its end, and what it said. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as wrong:
        process = _context.Process(
            target=_callout, args=(arguments, folder, environment, DupFd(out.fileno()), DupFd(wrong.fileno()))
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired("callout", timeout)
        said = [file.seek(0) or file.read() for file in (out, wrong)]
        return subprocess.CompletedProcess(["callout", *arguments], process.exitcode, *said)


def _callout(arguments: Sequence[str], folder: Path, environment: dict[str, str], out: Any, wrong: Any) -> None:
    for stream, where in ((sys.stdout, out), (sys.stderr, wrong)):
        number = where.fileno() if isinstance(where, Connection) else where.detach()
        os.dup2(number, stream.fileno())
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is a stream of text
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["callout", *arguments]
    from service.cli import main  # noqa: PLC0415 - it is the forked process that runs it

    main()
