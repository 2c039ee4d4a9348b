"""The audit: append-only, each entry chained to the one before by a keyed hash."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from service.database import UtcDateTime


class AuditEntry(SQLModel, table=True):
    """Who did what to which, when. `detail` never holds personal data."""

    __tablename__ = "audit_entry"

    seq: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    actor: str
    action: str
    subject: str = Field(index=True)
    detail: str
    hash: str


class AuditHead(SQLModel, table=True):
    """One row: the last entry of the chain. Its lock keeps entries in order; its hash betrays a cut-off end."""

    __tablename__ = "audit_head"

    id: int = Field(primary_key=True)
    seq: int
    hash: str
