"""Processes that a benchmark starts: one that serves HTTP, one that runs a command to its end, a PostgreSQL."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests import postgres
from tests.plain_http import NO_CERTIFICATES

COMMAND = Path(sys.executable).with_name("callout")
READY_SECONDS = 60


@dataclass
class Server:
    """One process that serves HTTP."""

    command: list[str]
    url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    seconds_to_ready: float = 0

    def start(self, *, ready: str = "/readyz") -> None:
        """Start it and wait until it is ready."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CALLOUT_")}
        started = time.perf_counter()
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=kept | self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a group of its own, so that what it started ends with it
        )
        while time.perf_counter() - started < READY_SECONDS:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(self.url + ready, timeout=5, verify=NO_CERTIFICATES).status_code < 500:
                    self.seconds_to_ready = time.perf_counter() - started
                    return
            if self.process.poll() is not None:
                break
            pause(0.01)
        raise SystemExit(f"not ready: {self.command}\n" + (self.folder / "log").read_text(errors="replace")[-2000:])

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end; one that does not is killed."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def memory(self) -> float:
        """Its resident memory in MB."""
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def pause(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)  # noqa: TID251 - a benchmark waits for processes, and nothing wakes it


def now() -> float:
    """Seconds on the clock that the provider's stand-in notes its messages by."""
    return time.monotonic()


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def beside(file: str, *arguments: str, ready: str = "/readyz") -> Iterator[Server]:
    """A server of this folder on a port of its own, such as `bare.py`, which is H."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(Path(__file__).with_name(file)), str(port), *arguments]
        server = Server(command, f"http://127.0.0.1:{port}", Path(folder))
        server.start(ready=ready)
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def database(kind: str, folder: Path) -> Iterator[tuple[str, postgres.Server | None]]:
    """An empty database of a kind with durable commits: its address, and the PostgreSQL that it is on, to be restarted."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/callout.db", None
        return
    with postgres.running_server() as server:
        yield server.database(f"b{secrets.token_hex(4)}"), server


@contextlib.contextmanager
def naive(kind: str) -> Iterator[Server]:
    """An endpoint that commits one row, on a database of a kind."""
    with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as (url, _):
        address = url.replace("postgresql://", "postgresql+psycopg://")
        with beside("naive.py", address) as server:
            yield server


def callout(arguments: Sequence[str], folder: Path, environment: dict[str, str]) -> str:
    """One command to its end; what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CALLOUT_")}
    done = subprocess.run(
        [str(COMMAND), *arguments], cwd=folder, env=kept | environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.stdout}{done.stderr}")
    return done.stdout
