"""`callout serve` and `callout engine`: the service as it runs."""

import gc
import signal
import sys
import threading
from pkgutil import resolve_name
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI

from service import alone, logs
from service.alone import Part
from service.console import asking, ready_runtime, require_schema
from service.engine import Engine
from service.flows import sandbox, setup
from service.ports import free_port
from service.runtime import Runtime, build_runtime, restore_clock
from service.settings import Settings, Switch, read_settings

# By name: the command belongs to the service, which imports nothing of the API that stands above it.
API = "api.app:create_app"
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
GRACE_SECONDS = 20


def serve(
    port: Annotated[int, typer.Option(help="Where to listen.", min=1, max=65535)] = 8000,
    host: Annotated[str | None, typer.Option(help="Which address; loopback alone in a sandbox if not said.")] = None,
) -> None:
    """Serve the API, and the engine in the same process unless CALLOUT_ENGINE=off."""
    gc.disable()
    settings = _with_address(read_settings(), port)
    logs.configure(settings)
    address = host or (LOOPBACK if settings.sandbox else EVERYWHERE)
    free_port(address, port)
    runtime = build_runtime(settings)
    alone.claim(runtime.database, *([Part.SERVE, Part.ENGINE] if settings.engine is Switch.ON else [Part.SERVE]))
    with asking():
        _prepare(runtime)
    if settings.sandbox:
        _welcome(runtime)
    web: FastAPI = resolve_name(API)(runtime)
    # What was loaded stays for as long as the process does: garbage is not looked for among it.
    gc.freeze()
    gc.enable()
    # uvicorn stops gracefully and then raises the signal again, for whoever had it before: we have nothing more to do.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvicorn.run(
        web,
        host=address,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _with_address(settings: Settings, port: int) -> Settings:
    """Links must lead to where the sandbox really listens, unless an address was given."""
    if settings.sandbox and "public_url" not in settings.model_fields_set:
        return settings.model_copy(update={"public_url": f"http://{LOOPBACK}:{port}"})
    return settings


def _prepare(runtime: Runtime) -> None:
    require_schema(runtime)
    restore_clock(runtime)
    sandbox.keep_clock(runtime)
    if runtime.settings.sandbox and setup.is_empty(runtime):
        setup.load_fictional_partnership(runtime)
    if not setup.is_empty(runtime):
        for fault in setup.load_rulebook(runtime):
            print(
                f"callout: rulebook, line {fault.line}, {fault.field}: {fault.problem}; expected {fault.expected}. "
                "Everybody is paged all the same; tasks for a team that is not there go to the duty manager.",
                file=sys.stderr,
            )


def _welcome(runtime: Runtime) -> None:
    base = runtime.settings.public_url
    demo = sandbox.demo_keys(runtime)
    lines = [
        "",
        "Callout, in sandbox mode: nothing leaves this machine, and everybody in it is invented.",
        "",
        f"  The workers' phones   {base}/sandbox",
        f"  The board             {base}/board",
        f"  The API's description {base}/openapi.json",
        "",
        "Demo keys, for this machine alone:",
        "",
        *(f"  {role.value:<11}{text}" for role, text in demo.items()),
        "",
        "Stop with Ctrl-C; the data stays.",
        "",
    ]
    print("\n".join(lines), flush=True)


def engine() -> None:
    """Run the engine alone: send messages and watch deadlines for API processes that run with CALLOUT_ENGINE=off."""
    settings = read_settings()
    logs.configure(settings)
    with ready_runtime() as runtime:
        alone.claim(runtime.database, Part.ENGINE)
        restore_clock(runtime)
        running = Engine(runtime)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        running.start()
        stop.wait()
        running.stop()
