"""Who is on call, from when, to when: a rota's layers from the top, changed for a while by overrides."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

from rules.layers import Layer, LayeredSpec, Rota, Shift, ready
from rules.turns import RotaSpec
from rules.windows import open_spans

__all__ = [
    "AnyRota",
    "Asked",
    "Duty",
    "Override",
    "OverrideKind",
    "Rota",
    "RotaSpec",
    "Shift",
    "coverage",
    "covered",
    "duties",
    "gaps",
    "marks",
    "on_call",
    "page_order",
    "ready",
    "shifts",
]

AnyRota = RotaSpec | LayeredSpec | Rota


class OverrideKind(StrEnum):
    """What an override does."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, kw_only=True)
class Override:
    """A change to a rota from one instant up to another."""

    kind: OverrideKind
    worker: str
    instead_of: str | None = None
    starts_at: datetime
    ends_at: datetime

    @property
    def takes_off(self) -> str | None:
        """Who is not on call by it."""
        return self.worker if self.kind is OverrideKind.REMOVE else self.instead_of

    @property
    def puts_on(self) -> str | None:
        """Who is on call by it."""
        return None if self.kind is OverrideKind.REMOVE else self.worker


@dataclass(frozen=True, kw_only=True)
class Duty:
    """A span in which one worker is on call without a hand-over. `layer` is the layer's name, where it has one."""

    worker: str
    layer: str | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class _Serving:
    """Somebody on call at a moment: in whose place of which layer, or, of none, since an override added them."""

    worker: str
    own: str
    layer: Layer | None = None
    added_at: datetime | None = None


class Asked(Protocol):
    """A question to a rota about one moment."""

    def __call__(self, rota: AnyRota, overrides: Sequence[Override], *, at: datetime, zone: ZoneInfo) -> list[str]:
        """The workers, in the order in which they are paged."""
        ...


def on_call(rota: AnyRota, overrides: Sequence[Override], *, at: datetime, zone: ZoneInfo) -> list[str]:
    """Who is on call at a moment: whoever serves in the first layer that has somebody, unless removed or replaced, then
    whoever was added."""
    return [serving.worker for serving in _serving(ready(rota), overrides, at, zone)]


def _serving(rota: Rota, overrides: Sequence[Override], at: datetime, zone: ZoneInfo) -> list[_Serving]:
    changes = [change for change in overrides if change.starts_at <= at < change.ends_at]
    in_place = [change for change in changes if change.kind is not OverrideKind.ADD]
    for layer in rota.layers:
        own = [_Serving(worker=worker, own=worker, layer=layer) for worker in layer.on(at, zone)]
        if _changed(own, in_place):
            return _changed(own, changes)
    return _changed([], changes)


def _changed(people: list[_Serving], changes: Sequence[Override]) -> list[_Serving]:
    for change in changes:
        match change.kind:
            case OverrideKind.ADD:
                people = [*people, _Serving(worker=change.worker, own=change.worker, added_at=change.starts_at)]
            case OverrideKind.REMOVE:
                people = [one for one in people if one.worker != change.worker]
            case OverrideKind.REPLACE:
                people = [
                    replace(one, worker=change.worker) if one.worker == change.instead_of else one for one in people
                ]
    first: dict[str, _Serving] = {}
    for one in people:
        first.setdefault(one.worker, one)
    return list(first.values())


def page_order(rota: AnyRota, overrides: Sequence[Override], *, at: datetime, zone: ZoneInfo) -> list[str]:
    """Who is on call, and after them the backups: whoever serves in the layers below, then the rest of each layer that
    serves now, in the order of their turns. Removed workers are left out."""
    asked = ready(rota)
    below = [worker for layer in asked.layers for worker in layer.on(at, zone)]
    rest = [worker for layer in asked.layers for worker in layer.others(at, zone)]
    removed = {change.takes_off for change in overrides if change.starts_at <= at < change.ends_at}
    backups = [worker for worker in (*below, *rest) if worker not in removed]
    return list(dict.fromkeys([*on_call(asked, overrides, at=at, zone=zone), *backups]))


def shifts(rota: AnyRota, *, start: datetime, end: datetime, zone: ZoneInfo) -> list[Shift]:
    """The whole shifts of a rota that touch a period, by the rota alone."""
    found = duties(rota, [], start=start, end=end, zone=zone)
    return [Shift(worker=duty.worker, starts_at=duty.starts_at, ends_at=duty.ends_at) for duty in found]


def duties(
    rota: AnyRota, overrides: Sequence[Override], *, start: datetime, end: datetime, zone: ZoneInfo
) -> list[Duty]:
    """Everybody's whole spans on call that touch a period, by their beginning; a hand-over ends a span even where it is to
    the same worker. `overrides` must hold those that touch the turns at the edges of the period too."""
    asked = ready(rota)
    turns = [layer.turn(moment, zone) for layer in asked.layers for moment in (start, end)]
    first = min([start, *(begin for begin, _ in turns), *(c.starts_at for c in overrides if c.ends_at > start)])
    last = max([end, *(finish for _, finish in turns), *(c.ends_at for c in overrides if c.starts_at < end)])
    open_duties: dict[tuple[str, str | None, datetime | None], Duty] = {}
    found: list[Duty] = []
    for begin, finish in pairwise(marks(asked, overrides, first, last, zone)):
        now = {_identity(one, begin, zone): one for one in _serving(asked, overrides, begin, zone)}
        found += [duty for key, duty in open_duties.items() if key not in now]
        open_duties = {
            key: Duty(
                worker=one.worker,
                layer=one.layer.name if one.layer else None,
                starts_at=open_duties[key].starts_at if key in open_duties else begin,
                ends_at=finish,
            )
            for key, one in now.items()
        }
    found += open_duties.values()
    return sorted(
        (duty for duty in found if duty.starts_at < end and duty.ends_at > start),
        key=lambda duty: (duty.starts_at, duty.ends_at, duty.worker),
    )


def _identity(one: _Serving, at: datetime, zone: ZoneInfo) -> tuple[str, str | None, datetime | None]:
    """What makes two spans one: the same worker in the same turn of the same layer, or by the same addition."""
    if one.layer is None:
        return one.worker, "", one.added_at
    return one.worker, one.layer.name, one.layer.begun(one.own, at, zone)


def marks(rota: Rota, overrides: Sequence[Override], start: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instants of a period at which somebody else may be on call, its own ends included."""
    found = {start, end}
    for layer in rota.layers:
        found.update(layer.marks(start, end, zone))
    found.update(moment for change in overrides for moment in (change.starts_at, change.ends_at))
    return sorted(moment for moment in found if start <= moment <= end)


def coverage(
    rota: AnyRota, overrides: Sequence[Override], *, start: datetime, end: datetime, zone: ZoneInfo
) -> list[Shift]:
    """A period cut where the first worker on call changes, without a gap; in a span with no worker nobody is on call."""
    asked = ready(rota)
    spans: list[Shift] = []
    for begin, finish in pairwise(marks(asked, overrides, start, end, zone)):
        first = next(iter(on_call(asked, overrides, at=begin, zone=zone)), None)
        if spans and spans[-1].worker == first:
            spans[-1] = Shift(worker=first, starts_at=spans[-1].starts_at, ends_at=finish)
        else:
            spans.append(Shift(worker=first, starts_at=begin, ends_at=finish))
    return spans


def gaps(
    rota: AnyRota, overrides: Sequence[Override], *, start: datetime, end: datetime, zone: ZoneInfo
) -> list[Shift]:
    """The spans of a period in which nobody is on call though the rota says that somebody must be."""
    asked = ready(rota)
    nobody = [s for s in coverage(asked, overrides, start=start, end=end, zone=zone) if s.worker is None]
    return [part for span in nobody for part in covered(asked, span, zone)]


def covered(rota: Rota, span: Shift, zone: ZoneInfo) -> list[Shift]:
    """The parts of a span that lie in the hours in which somebody must be on call."""
    if rota.covers is None:
        return [span]
    hours = open_spans(rota.covers, None, start=span.starts_at, end=span.ends_at, zone=zone)
    parts: list[Shift] = []
    for opens, closes in hours:
        begin, finish = max(opens, span.starts_at), min(closes, span.ends_at)
        if parts and parts[-1].ends_at == begin:
            begin = parts.pop().starts_at
        parts.append(Shift(worker=span.worker, starts_at=begin, ends_at=finish))
    return parts
