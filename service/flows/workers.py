"""Workers as a supervisor sees them, and the codes by which they show that a number or an address is theirs."""

from datetime import datetime
from typing import Any

from notifiers.base import Channel
from service.errors import Conflict, Fault, Invalid, NotFound
from service.flows.actions import Scope
from service.models.people import WorkerState
from service.partnership import WorkerSpec
from service.records import contacts, outbox, people, preferences, rotas
from service.records.contacts import Proof
from service.records.preferences import Wish
from service.runtime import Runtime
from service.work import Work


def listed(work: Work, scope: Scope) -> list[dict[str, Any]]:
    """The workers of a supervisor's teams, by the order of the partnership file."""
    seen = [spec for spec in work.partnership.workers if scope.sees_worker(work.partnership, spec.slug)]
    on_leave = {row.worker: row.ends_at for row in rotas.leave_between(work, work.now, work.now + rotas.MOMENT)}
    states = people.states(work)
    return [
        _told(work, scope, spec, states.get(spec.slug) or WorkerState(worker=spec.slug), on_leave.get(spec.slug))
        for spec in seen
    ]


def _told(work: Work, scope: Scope, spec: WorkerSpec, row: WorkerState, leave_until: datetime | None) -> dict[str, Any]:
    teams = work.partnership.teams_of(spec.slug)
    state, since = _state(row, leave_until)
    return {
        "slug": spec.slug,
        "name": spec.name,
        "teams": [team for team in teams if scope.sees_team(work.partnership, team)],
        "state": state,
        "since": since,
        "leave_until": leave_until,
        "unreachable_why": row.unreachable_why if row.unreachable_since else None,
        "channels": [
            {
                "channel": each.channel.value,
                "number": each.number,
                "verified": each.verified,
                "stopped_since": each.stopped_since,
            }
            for each in contacts.standing(work, spec)
        ],
        "preferences": preferences.shown(work, spec),
    }


def _state(row: WorkerState, leave_until: datetime | None) -> tuple[str, datetime | None]:
    if row.unreachable_since:
        return "unreachable", row.unreachable_since
    if row.off_since:
        return "off", row.off_since
    return ("on leave" if leave_until else "on"), None


def ask(runtime: Runtime, scope: Scope, worker: str, channel: Channel, number: int = 1) -> datetime:
    """Send a worker six digits to a number or an address that is not verified yet; until when they count. Raises
    NotFound, Conflict, TooSoon."""
    with runtime.transaction() as work:
        spec = _theirs(work, scope, worker)
        if channel not in work.channels:
            raise Conflict(f"no provider for {channel.value} is configured")
        code = contacts.new_code(work, spec, channel, actor=scope.actor, number=number)
        outbox.write(
            work,
            "verify",
            worker=spec.slug,
            address=code.address,
            channel=channel,
            purpose=outbox.ANSWER,
            values={"digits": code.digits},
        )
        return code.ends_at


def confirm(runtime: Runtime, scope: Scope, worker: str, digits: str) -> None:
    """Take the code that a worker read out. Raises NotFound, Invalid for a wrong one, and Conflict where none counts."""
    with runtime.transaction() as work:
        spec = _theirs(work, scope, worker)
        proof = contacts.prove(work, spec, digits, actor=scope.actor)
    # After the commit: a wrong try counts.
    if proof is Proof.WRONG:
        raise Invalid("the code is wrong", (Fault("/code", "is not the code that was sent last"),))
    if proof is Proof.OVER:
        raise Conflict("no code counts now: it is too old, or was tried too often; send a new one")


def prefer(runtime: Runtime, scope: Scope, worker: str, wish: Wish) -> dict[str, Any]:
    """Reach a worker as they want it, whatever the partnership file says; how that is. Raises NotFound, Invalid."""
    with runtime.transaction() as work:
        spec = _theirs(work, scope, worker)
        preferences.put(work, spec, wish, actor=scope.actor)
        return preferences.shown(work, spec)


def prefer_the_file(runtime: Runtime, scope: Scope, worker: str) -> None:
    """Reach a worker as the partnership file says. Raises NotFound."""
    with runtime.transaction() as work:
        preferences.drop(work, _theirs(work, scope, worker), actor=scope.actor)


def _theirs(work: Work, scope: Scope, worker: str) -> WorkerSpec:
    if not scope.sees_worker(work.partnership, worker):
        raise NotFound("there is no such worker")
    return work.partnership.worker_by_slug[worker]
