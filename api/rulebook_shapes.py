"""The shapes of answers about rulebooks: versions, and what a candidate would have done."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class RulebookShape(BaseModel):
    """A version of the rulebook."""

    name: str
    version: int
    state: Literal["in force", "waiting", "past"] = Field(
        description="`waiting`: for a second person to put it in force"
    )
    made_at: datetime
    made_by: str
    activated_at: datetime | None
    activated_by: str | None
    why: str | None
    source: str


class RulebookVersions(BaseModel):
    """Every version, newest first."""

    items: list[RulebookShape]


class PagesShape(BaseModel):
    """How many pages, to whom, and at which hours of the week, such as `fri 21`."""

    total: int
    night: int
    by_worker: dict[str, int]
    by_hour_of_week: dict[str, int]


class TallyShape(BaseModel):
    """What one rulebook would have done. Tasks and patterns by name; breaches by the answer times measured so far."""

    tasks: dict[str, int]
    opened: int
    triage: int
    patterns: dict[str, int]
    pages: PagesShape
    expected_breaches: float


class DifferenceShape(BaseModel):
    """An incident that would be answered differently: the pathways under each rulebook."""

    incident: str
    active: list[str]
    candidate: list[str]


class ComparisonShape(BaseModel):
    """Two rulebooks over the same past."""

    incidents: int
    from_: datetime | None = Field(alias="from")
    to: datetime | None
    active: TallyShape
    candidate: TallyShape
    differ: int
    opened_by_candidate_alone: dict[str, int]
    opened_by_active_alone: dict[str, int]
    examples: list[DifferenceShape] = Field(description="at most fifty")
