"""Tasks: one team's work under a pathway, its milestones, who was paged for it, and everything that happened to it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Index, text
from sqlmodel import JSON, Field, SQLModel

from service.database import UtcDateTime, written_out
from service.models.incidents import Purpose
from service.privacy import SealedText


class TaskState(StrEnum):
    """Where a task is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Certainty(StrEnum):
    """Whether something was reported, or a supervisor follows a flag that says it may come (OASIS CAP 1.2, certainty)."""

    REPORTED = "reported"
    POSSIBLE = "possible"


LIVE = (TaskState.OPEN, TaskState.ACKNOWLEDGED)
IS_LIVE = text("state IN ('open', 'acknowledged')")


class Task(SQLModel, table=True):
    """`pathway_policy` is the pathway as it stood when the task was opened: an edited policy never changes a running task.
    `about`: the worker for whom an alarm was raised, who is never paged for it."""

    __tablename__ = "task"
    # Of those that fit the newest are asked for, or the few that have not ended: SQLite does not know how many there are of each.
    __table_args__ = (
        Index("ix_task_state_id", "state", "id"),
        Index("ix_task_team_id", "team", "id"),
        Index("ix_task_locality_id", "locality", "id"),
        Index("ix_task_pathway_id", "pathway", "id"),
        Index("ix_task_assignee_id", "assignee", "id"),
        Index("ix_task_live_locality", "locality", sqlite_where=IS_LIVE, postgresql_where=IS_LIVE),
        Index("ix_task_live_assignee", "assignee", sqlite_where=IS_LIVE, postgresql_where=IS_LIVE),
    )

    id: str = Field(primary_key=True)
    code: str = Field(index=True)
    pathway: str
    pathway_policy: dict[str, Any] = Field(sa_type=JSON)
    priority: str
    team: str
    locality: str | None = None
    state: str
    assignee: str | None = None
    needs: int = 1
    level: int = -1
    next_page_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    overdue_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    paused_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    paused_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opened_at: datetime = Field(sa_type=UtcDateTime, index=True)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    completed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    first_paged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str | None = None
    drill: bool = False
    derived: bool = False
    purpose: str = Field(default=Purpose.RESPONSE.value, sa_column_kwargs={"server_default": Purpose.RESPONSE.value})
    about: str | None = Field(default=None, index=True)
    certainty: str = Field(
        default=Certainty.REPORTED.value, sa_column_kwargs={"server_default": Certainty.REPORTED.value}
    )
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def is_live() -> ColumnElement[bool]:
    """The tasks that have not ended."""
    return written_out(Task.state, LIVE)


class TaskIncident(SQLModel, table=True):
    """Which incidents stand behind a task: the one that opened it, and those that joined it."""

    __tablename__ = "task_incident"

    task_id: str = Field(primary_key=True, foreign_key="task.id")
    incident_id: str = Field(primary_key=True, foreign_key="incident.id", index=True)
    joined: bool = False


class TaskCode(SQLModel, table=True):
    """Which task a code points to. It is given again only after `free_after`, so a late text is told what it meant."""

    __tablename__ = "task_code"

    code: str = Field(primary_key=True)
    task_id: str
    free_after: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Milestone(SQLModel, table=True):
    """One deadline of a task. Its state is arithmetic on these instants, so it needs no clock of its own."""

    __tablename__ = "milestone"

    task_id: str = Field(primary_key=True, foreign_key="task.id")
    name: str = Field(primary_key=True)
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    warn_at: datetime = Field(sa_type=UtcDateTime)
    met_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Taker(SQLModel, table=True):
    """Who took a task, first and further ones where a step asks for several."""

    __tablename__ = "taker"

    task_id: str = Field(primary_key=True, foreign_key="task.id")
    worker: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)


class PageOutcome(StrEnum):
    """How a page to a worker ended, where it did."""

    PASSED = "passed"
    FAILED = "failed"


class Page(SQLModel, table=True):
    """A worker summoned for a task at one step of its escalation."""

    __tablename__ = "page"
    __table_args__ = (Index("ix_page_asked", "worker", "at"),)

    id: str = Field(primary_key=True)
    task_id: str = Field(foreign_key="task.id", index=True)
    worker: str
    level: int
    at: datetime = Field(sa_type=UtcDateTime)
    channels: list[str] = Field(default_factory=list, sa_type=JSON)
    outcome: str | None = None


class TimelineEntry(SQLModel, table=True):
    """One thing that happened to a task. `detail` may hold a worker's own words, so it is sealed."""

    __tablename__ = "timeline_entry"

    id: int | None = Field(default=None, primary_key=True)
    task_id: str = Field(foreign_key="task.id", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    event: str
    actor: str
    channel: str | None = None
    detail: str = Field(sa_type=SealedText)


class TaskLink(SQLModel, table=True):
    """A link in a text: for one worker and one task, until it expires. Only the hash of its token is kept."""

    __tablename__ = "task_link"

    token_hash: str = Field(primary_key=True)
    task_id: str = Field(foreign_key="task.id", index=True)
    worker: str
    expires_at: datetime = Field(sa_type=UtcDateTime)
