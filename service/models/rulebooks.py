"""Rulebooks as they were put in force: each version whole, never edited."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from service.database import UtcDateTime


class RulebookVersion(SQLModel, table=True):
    """One version of the policy. The newest one that is activated decides."""

    __tablename__ = "rulebook_version"

    number: int = Field(primary_key=True)
    name: str
    digest: str = Field(index=True)
    source: str
    files: str
    why: str | None = None
    made_at: datetime = Field(sa_type=UtcDateTime)
    made_by: str
    activated_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
