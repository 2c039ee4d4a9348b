"""A rota of several layers, read from the top: the first that has somebody on call at a moment is asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Protocol, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from rules.durations import Duration
from rules.turns import RotaSpec
from rules.windows import Window

Match = Literal["email", "name", "slug"]


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A worker's turn, from one instant up to another. No worker: nobody's."""

    worker: str | None
    starts_at: datetime
    ends_at: datetime


HERE = ("http://127.0.0.1", "http://localhost", "http://[::1]")


def is_address(text: str) -> bool:
    """Whether a calendar may be fetched from there. Plain http is for this machine alone."""
    ours = tuple(f"{own}{sign}" for own in HERE for sign in ":/")
    return text.startswith(("https://", "webcal://", *ours))


class SourceSpec(BaseModel):
    """A calendar kept elsewhere. `match` says how an event names a worker; `handover` is the hour at which an all-day
    event begins, midnight if it is not said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ical: Annotated[str, Field(min_length=1, max_length=2000)]
    match: Annotated[list[Match], Field(min_length=1)] = ["email", "name", "slug"]
    handover: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_way(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("match"), str):
            return value | {"match": [value["match"]]}
        return value

    @model_validator(mode="after")
    def _readable(self) -> Self:
        self.begins()
        if "://" in self.ical and not self.is_address:
            raise ValueError("ical must be an address that begins with https://, or the name of a file")
        if not self.is_address and ("/" in self.ical or "\\" in self.ical or self.ical.startswith(".")):
            raise ValueError("ical must be the name of a file in the calendars' folder, without a path")
        return self

    @property
    def is_address(self) -> bool:
        """Whether it is fetched, and not read from a file."""
        return is_address(self.ical)

    def begins(self) -> time:
        """When an all-day event begins. Raises ValueError."""
        try:
            return time.fromisoformat(self.handover or "00:00")
        except ValueError:
            raise ValueError(f"handover {self.handover!r} must be like '09:00'") from None


class ImportedSpec(BaseModel):
    """A layer whose shifts stand in a calendar kept elsewhere. `workers` are those whom its events may name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    source: SourceSpec
    workers: Annotated[list[str], Field(min_length=1, max_length=200)]

    @property
    def staying(self) -> list[str]:
        """Its workers."""
        return self.workers

    def members(self, day: date) -> list[str]:  # noqa: ARG002 - a calendar says when they serve
        """Its workers."""
        return self.workers


def _read_layer(value: Any) -> Any:
    if isinstance(value, dict):
        return (ImportedSpec if "source" in value else RotaSpec).model_validate(value)
    return value


LayerSpec = Annotated[RotaSpec | ImportedSpec, BeforeValidator(_read_layer)]


class LayeredSpec(BaseModel):
    """Several layers, the one that is asked first on top. `covers` says when somebody must be on call (always, if it is
    not said); `rest` is how long a worker should be off between two shifts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: Annotated[list[LayerSpec], Field(min_length=1, max_length=20)]
    rest: Duration | None = None
    covers: Window | None = None

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        names = [layer.name for layer in self.layers]
        if len(self.layers) > 1 and None in names:
            raise ValueError("each layer needs a name, such as Weekends")
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if twice:
            raise ValueError(f"two layers are called {twice[0]}")
        return self

    @property
    def workers(self) -> list[str]:
        """Everybody in any of the layers."""
        return list(dict.fromkeys(worker for layer in self.layers for worker in layer.workers))

    @property
    def staying(self) -> list[str]:
        """Its workers but those whose last day in a layer is known."""
        return list(dict.fromkeys(worker for layer in self.layers for worker in layer.staying))

    def members(self, day: date) -> list[str]:
        """Those of its workers who have joined by a day and not left."""
        return list(dict.fromkeys(worker for layer in self.layers for worker in layer.members(day)))


def _read_rota(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "layers" in value:
        return LayeredSpec.model_validate(value)
    if "source" in value:
        alone = {key: part for key, part in value.items() if key in ImportedSpec.model_fields}
        around = {key: part for key, part in value.items() if key not in alone}
        return LayeredSpec.model_validate({"layers": [alone]} | around)
    return RotaSpec.model_validate(value)


AnySpec = Annotated[RotaSpec | LayeredSpec, BeforeValidator(_read_rota)]


class Layer(Protocol):
    """What a rota asks of each of its layers."""

    @property
    def name(self) -> str | None:
        """What it is called; none when it is the only one."""
        ...

    @property
    def workers(self) -> Sequence[str]:
        """Everybody who may serve in it."""
        ...

    def on(self, at: datetime, zone: ZoneInfo) -> list[str]:
        """Who serves at a moment."""
        ...

    def others(self, at: datetime, zone: ZoneInfo) -> list[str]:
        """Whom it lends at a moment as backups."""
        ...

    def turn(self, at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From when to when the turns last that hold an instant."""
        ...

    def begun(self, worker: str, at: datetime, zone: ZoneInfo) -> datetime:
        """When the turn began in which a worker serves at a moment."""
        ...

    def marks(self, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """The instants in a period at which somebody else may serve."""
        ...


@dataclass(frozen=True, kw_only=True)
class ImportedLayer:
    """A layer whose shifts were read from a calendar: several at once are served in the order in which they begin."""

    name: str | None
    workers: Sequence[str]
    shifts: Sequence[Shift]

    def on(self, at: datetime, zone: ZoneInfo) -> list[str]:  # noqa: ARG002 - a layer's signature
        """Who serves at a moment."""
        now = sorted((shift.starts_at, shift.worker) for shift in self.shifts if shift.worker and _holds(shift, at))
        return list(dict.fromkeys(worker for _, worker in now))

    def others(self, at: datetime, zone: ZoneInfo) -> list[str]:
        """While somebody serves, everybody whom the calendar may name."""
        return list(self.workers) if self.on(at, zone) else []

    def turn(self, at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:  # noqa: ARG002 - a layer's signature
        """From the first begin to the last end of the shifts at a moment; only that moment where there is none."""
        now = [shift for shift in self.shifts if _holds(shift, at)]
        return min((s.starts_at for s in now), default=at), max((s.ends_at for s in now), default=at)

    def begun(self, worker: str, at: datetime, zone: ZoneInfo) -> datetime:  # noqa: ARG002 - a layer's signature
        """When the event began by which a worker serves at a moment."""
        return min((s.starts_at for s in self.shifts if s.worker == worker and _holds(s, at)), default=at)

    def marks(self, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:  # noqa: ARG002
        """Where its shifts begin and end."""
        for shift in self.shifts:
            if shift.starts_at <= end and shift.ends_at >= start:
                yield from (shift.starts_at, shift.ends_at)


def _holds(shift: Shift, at: datetime) -> bool:
    return shift.starts_at <= at < shift.ends_at


@dataclass(frozen=True, kw_only=True)
class Rota:
    """A rota ready to be asked."""

    layers: tuple[Layer, ...]
    rest: timedelta | None = None
    covers: Window | None = None


def ready(rota: RotaSpec | LayeredSpec | Rota, calendars: Mapping[str, Sequence[Shift]] | None = None) -> Rota:
    """A rota that can be asked; `calendars` holds, by the name of the layer, the shifts that were read from
    calendars kept elsewhere."""
    if isinstance(rota, Rota):
        return rota
    if isinstance(rota, RotaSpec):
        return Rota(layers=(rota,))
    found = tuple(
        layer
        if isinstance(layer, RotaSpec)
        else ImportedLayer(
            name=layer.name, workers=tuple(layer.workers), shifts=(calendars or {}).get(layer.name or "", ())
        )
        for layer in rota.layers
    )
    return Rota(layers=found, rest=rota.rest, covers=rota.covers)
