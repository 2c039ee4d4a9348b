"""Keys: who may call the service, and what they may see."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import JSON, Field, SQLModel

from service.database import UtcDateTime


class Role(StrEnum):
    """What a caller is."""

    PARTNER = "partner"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


class AccessKey(SQLModel, table=True):
    """A key is shown once, when it is made; only its hash stays."""

    __tablename__ = "access_key"

    id: str = Field(primary_key=True)
    name: str
    role: str
    localities: list[str] = Field(default_factory=list, sa_type=JSON)
    secret_hash: str = Field(unique=True)
    needs_lawful_basis: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class FeedRhythm(SQLModel, table=True):
    """How often a partner's feed is expected to speak; `during`: the rulebook's calendar whose open time counts, `weekdays`
    and `hours` (mon-fri, 08:00-18:00) those that do. `silent_since`: when it should have spoken and had not.

    `heard_at`: when it was last known to say anything, `taken_at`: anything that could be taken. The tasks are those opened
    for its silence, or because all that it says is refused; None again once it speaks well.
    """

    __tablename__ = "feed_rhythm"

    key_id: str = Field(primary_key=True, foreign_key="access_key.id")
    every_seconds: float
    during: str | None = None
    weekdays: str | None = None
    hours: str | None = None
    heard_at: datetime = Field(sa_type=UtcDateTime)
    taken_at: datetime = Field(sa_type=UtcDateTime)
    silent_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    silent_task: str | None = None
    refused_task: str | None = None
