"""The shapes of answers about rotas: coverage, changes, leave."""

from datetime import datetime

from pydantic import BaseModel, Field

from api.shapes import OverrideShape


class OverridePage(BaseModel):
    """Changes to a rota."""

    items: list[OverrideShape]


class MadeOverride(OverrideShape):
    """A change that was made, and what should be known about it: gaps, risks, double duty, too little rest."""

    warnings: list[str]


class MadeOverrides(BaseModel):
    """Changes that were made together."""

    items: list[MadeOverride]


class LeaveShape(BaseModel):
    """A worker is away for a while."""

    id: str
    worker: str
    starts_at: datetime
    ends_at: datetime


class LeavePage(BaseModel):
    """A worker's leave."""

    items: list[LeaveShape]


class Gap(BaseModel):
    """A span in which a team has nobody on call."""

    team: str
    starts_at: datetime
    ends_at: datetime
    reason: str


class AtRiskShape(BaseModel):
    """A span in which whoever is on call may not answer."""

    team: str
    worker: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    next: str | None = Field(description="the first behind them who can be reached")


class DoubleShape(BaseModel):
    """A span in which one worker is on call for several teams; `elsewhere` stands for teams of other localities."""

    worker: str
    teams: list[str]
    starts_at: datetime
    ends_at: datetime


class RestShape(BaseModel):
    """Too little rest between two duties, in hours, by what a rota asks for."""

    worker: str
    teams: list[str]
    off_from: datetime
    off_until: datetime
    hours: float
    needed_hours: float


class UnknownEvent(BaseModel):
    """An event of a calendar kept elsewhere that names nobody of its layer; `event` is its summary."""

    team: str
    layer: str
    event: str
    starts_at: datetime
    ends_at: datetime


class SourceShape(BaseModel):
    """How reading a calendar kept elsewhere goes. While it fails, the copy of `fetched_at` is used."""

    team: str
    layer: str
    fetched_at: datetime | None
    failing_since: datetime | None
    error: str | None
    skipped: int = Field(description="events that could not be read")


class Coverage(BaseModel):
    """Where the rotas leave nobody on call, or nobody who would answer."""

    from_: datetime = Field(alias="from")
    to: datetime
    gaps: list[Gap]
    at_risk: list[AtRiskShape]
    double: list[DoubleShape]
    rest: list[RestShape]
    unknown: list[UnknownEvent]
    sources: list[SourceShape]
