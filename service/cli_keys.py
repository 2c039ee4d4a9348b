"""`callout keys`: who may call."""

from typing import Annotated

import typer
from pydantic import ValidationError

from rules.rhythm import Rhythm
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
    every: Annotated[str | None, typer.Option(help="Expect it to speak at least so often, such as 24h.")] = None,
) -> None:
    """Make a key. It is printed once, alone on the last line, and stored nowhere."""
    rhythm = _rhythm(every=every) if every else None
    if rhythm and role is not Role.PARTNER:
        raise Invalid("--every: only partners report")
    with ready_runtime() as runtime:
        if rhythm:
            feeds.check(runtime, rhythm)
        key, text = setup.make_key(
            runtime,
            role=role,
            name=name,
            localities=locality or [],
            actor=f"cli:{user()}",
            needs_lawful_basis=needs_lawful_basis,
        )
        if rhythm:
            feeds.expect(runtime, key.id, rhythm, actor=f"cli:{user()}")
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
    weekdays: Annotated[str | None, typer.Option(help="Only these days count, such as mon-fri.")] = None,
    hours: Annotated[str | None, typer.Option(help="Only these hours count, such as 08:00-18:00.")] = None,
) -> None:
    """Expect a partner's feed to speak: its silence then opens a triage task."""
    with ready_runtime() as runtime:
        if every == "off":
            feeds.expect_nothing(runtime, key, actor=f"cli:{user()}")
            print(f"nothing is expected of {key}")
            return
        rhythm = _rhythm(every=every, during=during, weekdays=weekdays, hours=hours)
        feeds.expect(runtime, key, rhythm, actor=f"cli:{user()}")
    print(f"{key} is expected to speak every {every}" + (f" of {during}" if during else ""))


def _rhythm(**given: str | None) -> Rhythm:
    try:
        return Rhythm.model_validate(given)
    except ValidationError as error:
        where = "".join(f"--{part}: " for part in error.errors()[0]["loc"])
        raise Invalid(where + error.errors()[0]["msg"].removeprefix("Value error, ")) from None
