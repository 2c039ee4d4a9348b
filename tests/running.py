"""The service as its users meet it: `callout` started in a process, spoken to over HTTP."""

import contextlib
import itertools
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import structlog
import uvicorn
from sqlalchemy import event

from api.app import create_app
from service import schema
from service.flows import setup
from service.runtime import Runtime, build_runtime, restore_clock
from service.settings import Settings
from tests import forked
from tests.forked import Forked
from tests.plain_http import NO_CERTIFICATES

COMMAND = Path(sys.executable).with_name("callout")
SECRET = "for-tests-only-" + "x1y2z3" * 5
START_SECONDS = 90


# Below the ports that Linux gives out by itself (from 32768), and for each process of pytest-xdist a range of its own: two that
# ask in the same moment would otherwise be given the same one, and one service would be taken for the other.
PORTS_EACH = 1_000
FIRST_PORT = 20_000 + PORTS_EACH * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_offsets = itertools.count(random.randrange(PORTS_EACH))  # another run beside this one begins elsewhere


def free_port() -> int:
    """A port that nothing listens on at this moment, and that nobody is given again soon."""
    for offset in itertools.islice(_offsets, PORTS_EACH):
        port = FIRST_PORT + offset % PORTS_EACH
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError(f"no port is free from {FIRST_PORT} on")


def open_sandbox(database_url: str, **more: Any) -> Runtime:
    """A runtime on a database of the tests' own. `more`: settings beside it, or the variables that hold them."""
    given = {name.removeprefix("CALLOUT_").lower(): value for name, value in more.items()}
    return build_runtime(Settings(database_url=database_url, secret_key=SECRET, **given))


def build_sandbox(database_url: str, **more: Any) -> Runtime:
    """A runtime on an empty database, brought up as `make run` does it."""
    built = open_sandbox(database_url, **more)
    schema.migrate(built.database)
    restore_clock(built)
    setup.load_fictional_partnership(built)
    setup.load_rulebook(built)
    return built


@dataclass
class Service:
    """One running process, and the keys to call it with."""

    process: subprocess.Popen[str] | Forked
    url: str
    environment: dict[str, str]
    folder: Path
    output: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    reader: threading.Thread | None = None

    def client(self, role: str | None = None) -> httpx.Client:
        """A client with the demo key of a role, or with none."""
        headers = {"Authorization": f"Bearer {self.keys[role]}"} if role else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, verify=NO_CERTIFICATES)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.hush()

    def stop(self) -> int:
        """Ask it to stop, and wait until it has."""
        self.process.send_signal(signal.SIGTERM)
        ended = self.process.wait(timeout=30)
        self.hush()
        return ended

    def hush(self) -> None:
        """Read its last words and close their pipe."""
        if self.reader:
            self.reader.join(5)
        if self.process.stdout:
            self.process.stdout.close()


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One `callout` command to its end."""
    return forked.run(arguments, folder=folder, environment=clean_environment(environment), timeout=60)


def clean_environment(extra: dict[str, str]) -> dict[str, str]:
    """This process's environment without settings of ours, and with `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CALLOUT_")}
    return kept | extra


def start(folder: Path, *, port: int | None = None, **environment: str) -> Service:
    """Start `callout serve` and wait until it is ready."""
    started = launch(folder, port=port, **environment)
    try:
        await_ready(started)
    except AssertionError:
        started.kill()
        raise
    for line in list(started.output):
        found = re.fullmatch(r"\s+(partner|supervisor|admin)\s+(ck_\S+)\s*", line)
        if found:
            started.keys[found[1]] = found[2]
    return started


def launch(
    folder: Path, *, port: int | None = None, command: Sequence[str] | None = None, **environment: str
) -> Service:
    """Start `callout serve`, which is not ready yet. `command`: what stands for `callout`."""
    port = port or free_port()
    serve, clean = ["serve", "--port", str(port)], clean_environment(environment)
    process = (
        subprocess.Popen(
            [*command, *serve], cwd=folder, env=clean, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if command
        else Forked(serve, folder=folder, environment=clean)
    )
    url = f"http://127.0.0.1:{port}"
    launched = Service(process=process, url=url, environment=environment, folder=folder)
    launched.reader = threading.Thread(target=_read, args=(launched,), daemon=True)
    launched.reader.start()
    return launched


def _read(service: Service) -> None:
    for line in service.process.stdout or ():
        service.output.append(line)


def await_ready(service: Service, *, path: str = "/readyz") -> None:
    """Wait until a service that was started is ready, or answers at another path. Raises AssertionError when it ends or takes
    too long."""
    until = time.monotonic() + START_SECONDS
    pause = threading.Event()
    answer: Any = None
    while time.monotonic() < until:
        if service.process.poll() is not None:
            raise AssertionError("the service ended: " + "".join(service.output))
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.get(f"{service.url}{path}", timeout=5, verify=NO_CERTIFICATES)
            if answer.status_code == httpx.codes.OK:
                return
        pause.wait(0.05)
    raise AssertionError(f"not ready: {answer and answer.text}; " + "".join(service.output))


def wait_until(holds: Callable[[], object], *, within: float = 60) -> None:
    """Wait for something to be so; within a lease of two minutes, so that whatever waits for its end fails here."""
    until, pause = time.monotonic() + within, threading.Event()
    while not holds():
        assert time.monotonic() < until
        pause.wait(0.02)


@contextlib.contextmanager
def counted(runtime: Runtime) -> Iterator[list[str]]:
    """The statements that a runtime sends to its database."""
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(runtime.database.engine, "before_cursor_execute", count)
    yield statements
    event.remove(runtime.database.engine, "before_cursor_execute", count)


def plain_logs() -> None:
    """Log in this process as if nothing had been configured, but for errors: structlog would draw every frame with its
    variables, which takes seconds."""
    structlog.reset_defaults()
    processors = structlog.get_config()["processors"][:-1]
    last = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*processors, last])


@contextlib.contextmanager
def running_service(folder: Path, **environment: str) -> Iterator[Service]:
    """A service for one test."""
    started = start(folder, **environment)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.stop()
        started.hush()


@contextlib.contextmanager
def served(runtime: Runtime, *, port: int | None = None) -> Iterator[str]:
    """The API, and the engine unless the settings do without, on a real port in this process; its address."""
    port = port or free_port()
    web = uvicorn.Server(uvicorn.Config(create_app(runtime), port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=web.run)
    thread.start()
    try:
        until, pause = time.monotonic() + START_SECONDS, threading.Event()
        while not web.started:
            assert time.monotonic() < until
            pause.wait(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        web.should_exit = True
        thread.join(START_SECONDS)
