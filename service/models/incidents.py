"""Incidents as partners report them, and what was refused."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import JSON, Field, SQLModel

from service.database import UtcDateTime
from service.privacy import SealedText


class Purpose(StrEnum):
    """Why something is there. Only responses count in figures."""

    RESPONSE = "response"  # a report of a partner's, or a pattern in them
    WATCH = "watch"  # the service noticed something about a worker or a feed
    TEST = "test"  # the service tries whether a page arrives


class Incident(SQLModel, table=True):
    """One report. `body` is the report as it came, sealed; the other columns are what is searched and counted. `messages`
    are fingerprints of the messages that corrected it, by which one that is delivered again is known."""

    __tablename__ = "incident"
    __table_args__ = (
        UniqueConstraint("key_id", "source_ref"),
        UniqueConstraint("key_id", "idempotency_key"),
        Index("ix_incident_key_id_id", "key_id", "id"),
        Index("ix_incident_locality_id", "locality", "id"),
        Index(
            "ix_incident_derived",
            "occurred_at",
            sqlite_where=text("derived IS 1"),
            postgresql_where=text("derived IS true"),
        ),
    )

    id: str = Field(primary_key=True)
    key_id: str
    partner: str
    source_ref: str | None = None
    idempotency_key: str | None = None
    content: str
    messages: list[str] | None = Field(default=None, sa_type=JSON)
    revision: int = 1
    type: str = Field(index=True)
    occurred_at: datetime = Field(sa_type=UtcDateTime, index=True)
    received_at: datetime = Field(sa_type=UtcDateTime, index=True)
    locality: str | None = None
    locality_why: str
    place_kind: str | None = None
    hexagon: str | None = None
    body: str = Field(sa_type=SealedText)
    rulebook: str
    decisions: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    drill: bool = False
    purpose: str = Field(default=Purpose.RESPONSE.value, sa_column_kwargs={"server_default": Purpose.RESPONSE.value})
    history: bool = False
    derived: bool = False
    pattern: str | None = Field(default=None, index=True)
    parents: list[str] | None = Field(default=None, sa_type=JSON)
    retracted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class IncidentMark(SQLModel, table=True):
    """A blind index of a place, a part of the map, a peer group or a person in an incident, by which reports of the same
    event, and events that recur, find each other."""

    __tablename__ = "incident_mark"
    # Serves both questions: who else bears this mark, near this time.
    __table_args__ = (Index("ix_incident_mark_mark_occurred_at", "mark", "occurred_at"),)

    incident_id: str = Field(primary_key=True, foreign_key="incident.id")
    mark: str = Field(primary_key=True)
    occurred_at: datetime = Field(sa_type=UtcDateTime)


class RefusedReport(SQLModel, table=True):
    """A body that could not be taken, kept so that a broken feed is seen."""

    __tablename__ = "refused_report"

    id: str = Field(primary_key=True)
    key_id: str = Field(index=True)
    partner: str
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    status: int
    problem: dict[str, Any] = Field(sa_type=JSON)
    body: str = Field(sa_type=SealedText)
