"""Convenings: the workers of connected tasks are asked to one meeting, and answer by text."""

from datetime import datetime

from sqlmodel import JSON, Field, SQLModel

from service.database import UtcDateTime
from service.privacy import SealedText


class Convening(SQLModel, table=True):
    """One question to the workers of a network: a time and a place, with a code to answer by."""

    __tablename__ = "convening"

    id: str = Field(primary_key=True)
    code: str = Field(index=True)
    task_id: str = Field(foreign_key="task.id", index=True)
    tasks: list[str] = Field(sa_type=JSON)
    untaken: list[str] = Field(sa_type=JSON)
    meets_at: datetime = Field(sa_type=UtcDateTime, index=True)
    place: str = Field(sa_type=SealedText)
    made_by: str
    made_at: datetime = Field(sa_type=UtcDateTime)


class Asked(SQLModel, table=True):
    """A worker who was asked, and what they last answered."""

    __tablename__ = "convening_asked"

    convening_id: str = Field(primary_key=True, foreign_key="convening.id")
    worker: str = Field(primary_key=True, index=True)
    coming: bool | None = None
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    words: str | None = Field(default=None, sa_type=SealedText)
