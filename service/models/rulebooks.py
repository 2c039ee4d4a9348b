"""Rulebooks as they were written: each version whole, never edited."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from service.database import UtcDateTime


class RulebookVersion(SQLModel, table=True):
    """One version of the policy. The one that was activated last decides; one that never was is waiting for review."""

    __tablename__ = "rulebook_version"

    number: int = Field(primary_key=True)
    name: str
    digest: str = Field(index=True)
    source: str
    files: str
    why: str | None = None
    made_at: datetime = Field(sa_type=UtcDateTime)
    made_by: str
    made_by_key: str | None = None
    activated_by: str | None = None
    activated_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
