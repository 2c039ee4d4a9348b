"""`callout keys`: who may call."""

from typing import Annotated

import typer

from rules.durations import parse_duration
from service.console import ready_runtime, user
from service.errors import Invalid
from service.flows import feeds, setup
from service.models.access import Role
from service.records import keys

app = typer.Typer(no_args_is_help=True, help="Access keys.")


@app.command("create")
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


@app.command("list")
def list_keys() -> None:
    """List keys, without their secrets."""
    with ready_runtime() as runtime, runtime.database.reading() as session:
        for key in keys.listed(session):
            state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "active"
            print(f"{key.id}  {key.role:<10}  {','.join(key.localities) or 'all':<20}  {state:<24}  {key.name}")


@app.command("revoke")
def revoke_key(key: Annotated[str, typer.Argument(help="Its id, as listed.")]) -> None:
    """End a key at once."""
    with ready_runtime() as runtime:
        setup.revoke_key(runtime, key, actor=f"cli:{user()}")
    print(f"{key} is revoked")


@app.command("rhythm")
def expect(
    key: Annotated[str, typer.Argument(help="Its id, as listed.")],
    every: Annotated[str, typer.Option(help="How often it speaks at least, such as 24h; off: expect nothing of it.")],
    during: Annotated[
        str | None, typer.Option(help="A calendar of the rulebook's, whose open time alone counts.")
    ] = None,
) -> None:
    """Expect a partner's feed to speak: its silence then opens a triage task."""
    with ready_runtime() as runtime:
        if every == "off":
            feeds.expect_nothing(runtime, key, actor=f"cli:{user()}")
            print(f"nothing is expected of {key}")
            return
        try:
            often = parse_duration(every)
        except ValueError as error:
            raise Invalid(f"--every: {error}") from None
        feeds.expect(runtime, key, often, during=during, actor=f"cli:{user()}")
    print(f"{key} is expected to speak every {every}" + (f" of {during}" if during else ""))
