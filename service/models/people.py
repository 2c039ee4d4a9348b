"""The partnership as it was applied, and what changes about its workers from hour to hour."""

from datetime import datetime

from sqlmodel import JSON, Field, SQLModel

from service.database import UtcDateTime
from service.privacy import SealedText


class PartnershipRow(SQLModel, table=True):
    """One row: the partnership file in force. It holds names, numbers and addresses, so it is sealed."""

    __tablename__ = "partnership"

    id: int = Field(primary_key=True)
    version: int
    document: str = Field(sa_type=SealedText)
    applied_at: datetime = Field(sa_type=UtcDateTime)
    applied_by: str


class WorkerState(SQLModel, table=True):
    """Whether a worker can be paged now. A worker with no row is on and reachable.

    One whose number failed is paged all the same: networks are wrong too, and the next channel follows at once.
    """

    __tablename__ = "worker_state"

    worker: str = Field(primary_key=True)
    off_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    unreachable_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    unreachable_why: str | None = None
    number_failed_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    number_failed_why: str | None = None


class ContactPoint(SQLModel, table=True):
    """Whether a worker has shown that a number or an address is theirs, by answering the code that was sent to it.

    `mark` stands for the number without saying it: another number is not verified. The code is kept as a hash alone.
    """

    __tablename__ = "contact_point"

    worker: str = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    mark: str
    verified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    code_hash: str | None = None
    code_ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: int = 0
    sent: int = 0
    sent_since: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ReachingPreference(SQLModel, table=True):
    """How a worker wants to be reached, in place of what the partnership file says: the order of channels, and the hours in
    which each number is left in peace. None: as the file says. Numbers are held by their marks, as in ContactPoint."""

    __tablename__ = "reaching_preference"

    worker: str = Field(primary_key=True)
    channels: list[str] | None = Field(default=None, sa_type=JSON)
    quiet: dict[str, str] | None = Field(default=None, sa_type=JSON)
    set_by: str
    set_at: datetime = Field(sa_type=UtcDateTime)


class StoppedNumber(SQLModel, table=True):
    """A further number of a worker's from which STOP came, by its mark: texts to it are blocked, and calls are not."""

    __tablename__ = "stopped_number"

    mark: str = Field(primary_key=True)
    worker: str
    since: datetime = Field(sa_type=UtcDateTime)


class OverrideRow(SQLModel, table=True):
    """A change to a team's rota for a while: a swap, a stand-in, a day away."""

    __tablename__ = "rota_override"

    id: str = Field(primary_key=True)
    team: str = Field(index=True)
    kind: str
    worker: str
    instead_of: str | None = None
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime, index=True)
    made_by: str
    made_at: datetime = Field(sa_type=UtcDateTime)


class Preference(SQLModel, table=True):
    """Small facts about this installation that must survive a restart: the sandbox clock's offset, a sender's silence."""

    __tablename__ = "preference"

    name: str = Field(primary_key=True)
    value: dict[str, object] = Field(sa_type=JSON)
