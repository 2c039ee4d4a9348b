"""What speaks against a change to a rota: the rota itself, other changes, leave. Each is named."""

from collections.abc import Iterator

from rules.conflicts import Clash, Conflict, conflicts
from rules.rotation import Override
from service.models.people import OverrideRow
from service.records import rotas, warnings
from service.work import Work

NAMED = 3


def to(work: Work, team: str, change: Override) -> Iterator[tuple[str, str]]:
    """The field of a change, and what speaks against it, for everything that does."""
    rota = rotas.rota_of(work, team, change.starts_at, change.ends_at)
    if rota is None:
        yield "worker", "the duty manager has a list and no rota; change the list in the partnership file"
        return
    rows = rotas.rows_around(work, team, change.starts_at, change.ends_at)
    made = [rotas.as_change(row) for row in rows]
    for conflict in conflicts(rota, made, change, zone=work.partnership.zone):
        yield conflict.field, _named(work, conflict, rows[made.index(conflict.by)] if conflict.by else None)
    if change.puts_on:
        for leave in rotas.leave_between(work, change.starts_at, change.ends_at, change.puts_on):
            yield "worker", f"{change.puts_on} is on leave {warnings.span(work, leave.starts_at, leave.ends_at)}"


def _named(work: Work, conflict: Conflict, by: OverrideRow | None) -> str:
    who = conflict.worker
    if by is not None:
        how = f"replaced by {by.worker}" if by.instead_of else "taken off this rota"
        return f"{who} is {how} {warnings.span(work, by.starts_at, by.ends_at)} already ({by.id})"
    said = [f"{duty.worker} {warnings.span(work, duty.starts_at, duty.ends_at)}" for duty in conflict.duties[:NAMED]]
    match conflict.why:
        case Clash.NOT_ON_CALL:
            return f"{who} is not on call in this period; on call: {', '.join(said) or 'nobody'}"
        case Clash.ON_CALL_ALREADY:
            return f"{who} is on call already: {', '.join(said)}"
        case _:
            return f"{who} is neither in this rota nor on call in this period"
