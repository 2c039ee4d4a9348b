"""The shapes of answers. They carry no defaults, so that a client sees every field that is always there."""

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, Field

from rules.incident import IncidentReport


class MilestoneShape(BaseModel):
    """One deadline of a task, and how it stands now."""

    milestone: Literal["acknowledge", "contact", "complete"]
    due_at: datetime
    warn_at: datetime
    met_at: datetime | None
    state: Literal["on_track", "at_risk", "breached", "met", "met_late", "paused", "cancelled"]


class DecisionShape(BaseModel):
    """What a rule decided, and why. `result`: a task was opened, the incident joined one, or it is recorded only."""

    rule: str | None
    pathway: str | None
    reason: str
    result: Literal["opened", "joined", "recorded"]
    task: str | None


class TaskSummary(BaseModel):
    """A task as the partner who reported it sees it."""

    id: str
    code: str
    pathway: str
    team: str
    state: str
    sla: list[MilestoneShape]


class IncidentShape(IncidentReport):
    """An incident as it is held."""

    id: str
    status: Literal["open", "closed", "recorded", "retracted"]
    received_at: datetime
    revision: int
    rulebook: str
    history: bool = Field(description="tells of the past: counted by patterns, not judged, and nobody was paged")
    derived: bool = Field(description="raised by a pattern, not reported by anybody")
    purpose: Literal["response", "watch", "test"] = Field(description="watch and test: reported by the service itself")
    pattern: str | None = Field(description="the pattern that raised it")
    parents: list[str] = Field(description="the incidents that completed the pattern")
    decisions: list[DecisionShape]
    tasks: list[TaskSummary]
    replayed: bool = Field(default=False, description="this very report was held already; nothing happened")
    revised: bool = Field(default=False, description="this report replaced an earlier one of the same source_ref")


class IncidentPage(BaseModel):
    """Some incidents, newest first."""

    items: list[IncidentShape]
    next: str | None


class BatchItem(BaseModel):
    """What became of one report of a batch: its id, or what was wrong with it."""

    status: int
    id: str | None
    problem: dict[str, Any] | None


class BatchShape(BaseModel):
    """What became of each report of a batch, in the order in which they were sent."""

    items: list[BatchItem]


class RefusedShape(BaseModel):
    """A body that could not be taken."""

    id: str
    at: datetime
    partner: str
    status: int
    problem: dict[str, Any]
    body: str


class RefusedPage(BaseModel):
    """What was refused lately, newest first."""

    items: list[RefusedShape]


class EscalationShape(BaseModel):
    """The step that was paged last, and when the next one comes."""

    step: int
    next_at: datetime | None


class CheckInShape(BaseModel):
    """By when a worker who is out says that they are safe; `asked`: it passed, and they were asked."""

    worker: str
    due_at: datetime
    asked: bool


class TimelineShape(BaseModel):
    """One thing that happened to a task."""

    at: datetime
    event: str
    actor: str
    channel: str | None
    detail: str


class TaskShape(BaseModel):
    """One team's work under a pathway."""

    id: str
    code: str
    pathway: str
    priority: str
    team: str
    locality: str | None
    state: Literal["open", "acknowledged", "completed", "cancelled"]
    assignee: str | None
    incidents: list[str]
    opened_at: datetime
    acknowledged_at: datetime | None
    completed_at: datetime | None
    outcome: str | None
    paused_until: datetime | None
    drill: bool
    derived: bool
    purpose: Literal["response", "watch", "test"] = Field(
        description="watch: the service noticed something; test: it tries itself. Only responses count in figures"
    )
    about: str | None = Field(description="the worker for whom an alarm was raised")
    certainty: Literal["reported", "possible"] = Field(description="possible: planned where a policy flags a place")
    expires_at: datetime | None
    sla: list[MilestoneShape]
    escalation: EscalationShape
    check_in: CheckInShape | None = Field(description="by when its worker says that they are safe")


class TaskWithTimeline(TaskShape):
    """A task with everything that happened to it."""

    timeline: list[TimelineShape]


class TaskPage(BaseModel):
    """Some tasks, newest first; `next` goes into `cursor` for the page after."""

    items: list[TaskShape]
    next: str | None


class Attention(BaseModel):
    """A deadline at risk or past."""

    task: str
    code: str
    milestone: str
    due_at: datetime
    state: str
    derived: bool


class Standing(BaseModel):
    """How the deadlines stand now."""

    at: datetime
    milestones: dict[str, int]
    derived: int = Field(description="how many of the live tasks were raised by a pattern and not reported")
    by_pathway: dict[str, dict[str, int]]
    by_locality: dict[str, dict[str, int]]
    attention: list[Attention]


class MilestoneFigures(BaseModel):
    """How one milestone was kept: counts, the share in time of what is decided, and minutes from the opening."""

    met: int
    missed: int
    open: int
    met_percent: float | None
    median_minutes: float | None
    p90_minutes: float | None


class ReportRow(BaseModel):
    """One group of a report."""

    key: str
    opened: int
    derived: int = Field(description="how many of those a pattern raised")
    completed: int
    open: int
    milestones: dict[str, MilestoneFigures]


class Report(BaseModel):
    """How tasks opened in a period were kept."""

    from_: datetime = Field(alias="from")
    to: datetime
    by: str
    rows: list[ReportRow]
    total: ReportRow


class OnCall(BaseModel):
    """Who is on call for a team at a moment: the first is paged first."""

    team: str
    at: datetime
    on_call: list[str]
    backups: list[str]
    lead: str | None
    away: dict[str, str]
    notes: list[str] = Field(description="calendars kept elsewhere that can't be read now, and which copy is used")


class OverrideShape(BaseModel):
    """A change to a rota for a while."""

    id: str
    team: str
    kind: str
    worker: str
    instead_of: str | None
    starts_at: datetime
    ends_at: datetime


class AppliedShape(BaseModel):
    """What putting something in force changed."""

    changes: list[str]


class AuditShape(BaseModel):
    """One entry of the audit."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    hash: str


class AuditPage(BaseModel):
    """Audit entries, newest first; `next` goes into `before`."""

    items: list[AuditShape]
    next: int | None


class RhythmShape(BaseModel):
    """How often a partner's feed is expected to speak, and how it stood when it was looked at last."""

    every: timedelta
    during: str | None
    weekdays: str | None
    hours: str | None
    heard_at: datetime
    silent_since: datetime | None
    state: Literal["speaking", "silent", "refused"]
    task: str | None


class KeyShape(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    role: str
    localities: list[str]
    created_at: datetime
    revoked_at: datetime | None
    rhythm: RhythmShape | None


class NewKeyShape(KeyShape):
    """A key with its secret, shown only now."""

    key: str


class KeyPage(BaseModel):
    """Every key."""

    items: list[KeyShape]
