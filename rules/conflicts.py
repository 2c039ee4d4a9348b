"""Where a change to a rota contradicts the rota, or another change that was made before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from rules import rotation
from rules.rotation import AnyRota, Duty, Override, OverrideKind


class Clash(StrEnum):
    """Why a change can't be made."""

    NOT_ON_CALL = "not on call"  # there is nothing to take over
    ON_CALL_ALREADY = "on call already"
    TAKEN_OFF = "taken off"  # another change has taken them off
    NOT_IN_ROTA = "not in the rota"


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """One contradiction: about which worker, with which other change, or with whose duties of the period."""

    field: str
    why: Clash
    worker: str
    by: Override | None = None
    duties: tuple[Duty, ...] = ()


def conflicts(rota: AnyRota, others: Sequence[Override], change: Override, *, zone: ZoneInfo) -> list[Conflict]:
    """Everything that a change contradicts; `others` are the changes already made that touch its period and the turns
    around it."""
    asked = rotation.ready(rota)
    period = {"start": change.starts_at, "end": change.ends_at}
    duties = rotation.duties(asked, others, zone=zone, **period)
    overlapping = [o for o in others if o.starts_at < change.ends_at and o.ends_at > change.starts_at]
    match change.kind:
        case OverrideKind.REPLACE:
            return [*_nothing_to_take_over(change, overlapping, duties), *_not_free(change, overlapping, duties)]
        case OverrideKind.ADD:
            return list(_not_free(change, overlapping, duties))
        case OverrideKind.REMOVE:
            known = {worker for layer in asked.layers for worker in layer.workers} | {d.worker for d in duties}
            return list(_nobody_to_remove(change, overlapping, known))


def _nothing_to_take_over(
    change: Override, overlapping: Sequence[Override], duties: Sequence[Duty]
) -> Iterator[Conflict]:
    worker = change.instead_of or ""
    off = _taken_off(worker, overlapping)
    if off:
        yield Conflict(field="instead_of", why=Clash.TAKEN_OFF, worker=worker, by=off)
    elif not any(duty.worker == worker for duty in duties):
        yield Conflict(field="instead_of", why=Clash.NOT_ON_CALL, worker=worker, duties=tuple(duties))


def _not_free(change: Override, overlapping: Sequence[Override], duties: Sequence[Duty]) -> Iterator[Conflict]:
    off = _taken_off(change.worker, overlapping)
    if off:
        yield Conflict(field="worker", why=Clash.TAKEN_OFF, worker=change.worker, by=off)
        return
    own = tuple(duty for duty in duties if duty.worker == change.worker)
    taken_over = [duty for duty in duties if duty.worker == change.instead_of]
    both = any(one.starts_at < other.ends_at and other.starts_at < one.ends_at for one in own for other in taken_over)
    if both or (change.kind is OverrideKind.ADD and _fills(own, change)):
        yield Conflict(field="worker", why=Clash.ON_CALL_ALREADY, worker=change.worker, duties=own)


def _nobody_to_remove(change: Override, overlapping: Sequence[Override], known: set[str]) -> Iterator[Conflict]:
    off = _taken_off(change.worker, overlapping)
    if off:
        yield Conflict(field="worker", why=Clash.TAKEN_OFF, worker=change.worker, by=off)
    elif change.worker not in known:
        yield Conflict(field="worker", why=Clash.NOT_IN_ROTA, worker=change.worker)


def _taken_off(worker: str, overlapping: Sequence[Override]) -> Override | None:
    return next((other for other in overlapping if other.takes_off == worker), None)


def _fills(duties: Sequence[Duty], change: Override) -> bool:
    """Whether duties leave no part of a change's period free."""
    reached = change.starts_at
    for duty in duties:
        if duty.starts_at <= reached:
            reached = max(reached, duty.ends_at)
    return reached >= change.ends_at
