"""What stands around a rota: leave, secret addresses of calendars, and calendars of other systems as they were last read."""

from datetime import datetime

from sqlmodel import JSON, Field, SQLModel

from service.database import UtcDateTime
from service.privacy import SealedText


class Leave(SQLModel, table=True):
    """A worker is away from one instant up to another: in every team, whatever the rotas say."""

    __tablename__ = "leave"

    id: str = Field(primary_key=True)
    worker: str = Field(index=True)
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime, index=True)
    made_by: str
    made_at: datetime = Field(sa_type=UtcDateTime)


class CalendarLink(SQLModel, table=True):
    """A secret address under which a team's or a worker's shifts are read without a key. Only its token's hash stays."""

    __tablename__ = "calendar_link"

    id: str = Field(primary_key=True)
    token_hash: str = Field(unique=True)
    team: str | None = Field(default=None, index=True)
    worker: str | None = Field(default=None, index=True)
    made_by: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CalendarSource(SQLModel, table=True):
    """A calendar of another system that is a layer of a team's rota: its last good copy, and how reading it goes.

    `mark` stands for where it is; `fitted` for what its events were read with: the copy, the names, the day.
    """

    __tablename__ = "calendar_source"

    team: str = Field(primary_key=True)
    layer: str = Field(primary_key=True)
    mark: str
    fitted: str | None = None
    etag: str | None = None
    modified: str | None = None
    document: str | None = Field(default=None, sa_type=SealedText)
    skipped: int = 0
    fetched_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failing_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str | None = None
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)


class ImportedShift(SQLModel, table=True):
    """One event of such a calendar. Where no worker is known by it, `said` keeps the words it has instead."""

    __tablename__ = "imported_shift"

    id: int | None = Field(default=None, primary_key=True)
    team: str = Field(index=True)
    layer: str
    worker: str | None = None
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime, index=True)
    said: str | None = Field(default=None, sa_type=SealedText)


class RotaGap(SQLModel, table=True):
    """A span in which a team has nobody on call, or nobody who can be reached, as it was told to whoever can close it.

    `number` is what a lead types: no two open ones share it. `urgent_at`: it was about to begin, and more were told.
    """

    __tablename__ = "rota_gap"

    id: str = Field(primary_key=True)
    number: int
    team: str = Field(index=True)
    unreachable: bool
    reason: str
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    found_at: datetime = Field(sa_type=UtcDateTime)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    told: list[str] = Field(default_factory=list, sa_type=JSON)
    urgent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)


class ShiftNotice(SQLModel, table=True):
    """A worker was told of a shift: it is not said twice, and what changes about it is."""

    __tablename__ = "shift_notice"

    team: str = Field(primary_key=True)
    worker: str = Field(primary_key=True)
    starts_at: datetime = Field(sa_type=UtcDateTime, primary_key=True)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    told_at: datetime = Field(sa_type=UtcDateTime)
