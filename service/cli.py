"""The `callout` command."""

import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
import yaml
from fastapi import FastAPI
from uvicorn.importer import import_from_string

from service import cli_import, cli_rules, doctor, logs, schema
from service.console import open_runtime, read_file, ready_runtime, require_schema, user
from service.engine import Engine
from service.errors import Invalid, ServiceError
from service.flows import sandbox, setup
from service.models.access import Role
from service.ports import free_port
from service.records import keys
from service.runtime import Runtime, build_runtime, restore_clock
from service.settings import Settings, read_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
keys_app = typer.Typer(no_args_is_help=True, help="Access keys.")
audit_app = typer.Typer(no_args_is_help=True, help="The audit.")
app.add_typer(cli_rules.app, name="rules")
app.add_typer(keys_app, name="keys")
app.add_typer(audit_app, name="audit")
app.command("import")(cli_import.import_file)

# By name: the command belongs to the service, which imports nothing of the API that stands above it.
API = "api.app:create_app"
DESCRIBE = "api.app:describe"
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
GRACE_SECONDS = 20


def main() -> None:
    """Run a command; what is wrong is said in a line, without a stack trace."""
    try:
        app()
    except ServiceError as error:
        _say_wrong(error)
        sys.exit(1)


def _say_wrong(error: ServiceError) -> None:
    print(f"callout: {error.detail}", file=sys.stderr)
    for fault in error.faults if isinstance(error, Invalid) else ():
        print(f"  {fault.pointer}: {fault.detail}", file=sys.stderr)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Where to listen.", min=1, max=65535)] = 8000,
    host: Annotated[str | None, typer.Option(help="Which address; loopback alone in a sandbox if not said.")] = None,
) -> None:
    """Serve the API, and the engine in the same process unless CALLOUT_ENGINE=off."""
    settings = _with_address(read_settings(), port)
    logs.configure(settings)
    address = host or (LOOPBACK if settings.sandbox else EVERYWHERE)
    free_port(address, port)
    runtime = build_runtime(settings)
    _prepare(runtime)
    if settings.sandbox:
        _welcome(runtime)
    create_app = import_from_string(API)
    web: FastAPI = create_app(runtime)
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


@app.command()
def engine() -> None:
    """Run the engine alone: send messages and watch deadlines for API processes that run with CALLOUT_ENGINE=off."""
    settings = read_settings()
    logs.configure(settings)
    with ready_runtime() as runtime:
        restore_clock(runtime)
        running = Engine(runtime)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        running.start()
        stop.wait()
        running.stop()


@app.command()
def migrate() -> None:
    """Bring the database's schema to this release."""
    with open_runtime() as runtime:
        schema.migrate(runtime.database)
    print("the schema is current")


@app.command()
def apply(file: Annotated[Path, typer.Argument(help="The partnership file.")]) -> None:
    """Put a partnership file in force; the same file again changes nothing."""
    text = read_file(file)
    with ready_runtime() as runtime:
        changes = setup.apply_partnership(runtime, text, actor=f"cli:{user()}").changes
        faults = setup.load_rulebook(runtime)
    print("\n".join(changes) if changes else "nothing changed")
    for fault in faults:
        print(f"rulebook, line {fault.line}, {fault.field}: {fault.problem}", file=sys.stderr)


@keys_app.command("create")
def create_key(
    role: Annotated[Role, typer.Option(help="What its holder may do.")],
    name: Annotated[str, typer.Option(help="Whose key it is.")],
    locality: Annotated[list[str] | None, typer.Option(help="Which localities it sees; all if none is named.")] = None,
    needs_lawful_basis: Annotated[bool, typer.Option(help="Refuse its incidents without a lawful_basis.")] = False,
) -> None:
    """Make a key. It is printed once, alone on the last line, and stored nowhere."""
    with ready_runtime() as runtime:
        key, text = setup.make_key(
            runtime,
            role=role,
            name=name,
            localities=locality or [],
            actor=f"cli:{user()}",
            needs_lawful_basis=needs_lawful_basis,
        )
    print(f"{key.id}: {role.value}, {name}. Keep it now, it is not shown again:")
    print(text)


@keys_app.command("list")
def list_keys() -> None:
    """List keys, without their secrets."""
    with ready_runtime() as runtime, runtime.database.reading() as session:
        for key in keys.listed(session):
            state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "active"
            print(f"{key.id}  {key.role:<10}  {','.join(key.localities) or 'all':<20}  {state:<24}  {key.name}")


@keys_app.command("revoke")
def revoke_key(key: Annotated[str, typer.Argument(help="Its id, as listed.")]) -> None:
    """End a key at once."""
    with ready_runtime() as runtime:
        setup.revoke_key(runtime, key, actor=f"cli:{user()}")
    print(f"{key} is revoked")


@audit_app.command("verify")
def verify_audit() -> None:
    """Follow the chain of the audit; name the first entry that was changed, deleted or moved."""
    with ready_runtime() as runtime:
        good, broken = setup.verify_audit(runtime)
    if broken:
        print(f"callout: the audit does not hold: {broken.why}; {good} entries before it do", file=sys.stderr)
        raise typer.Exit(1)
    print(f"the audit holds: {good} entries")


@app.command("openapi")
def describe() -> None:
    """Print the API's description as YAML."""
    document = import_from_string(DESCRIBE)()
    print(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120), end="")


@app.command("doctor")
def run_doctor() -> None:
    """Check settings, database, provider credentials and clock."""
    findings = doctor.examine()
    for finding in findings:
        print(f"{'ok  ' if finding.good else 'BAD '} {finding.what}: {finding.detail}")
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)
