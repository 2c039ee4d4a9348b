"""Timers: the rows from which every deadline acts. Cost follows what is due, not what exists."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from service.database import UtcDateTime


class TimerKind(StrEnum):
    """What happens when it falls due."""

    STEP = "step"  # page the next step of the escalation
    WARN = "warn"  # a milestone is close
    BREACH = "breach"  # a milestone is past
    RESUME = "resume"  # a pause is over
    EXPIRE = "expire"  # the time in which the work made sense is over
    RECEIPT = "receipt"  # a page was handed over, and nothing says that it arrived
    CHECK = "check"  # an overdue task was taken again: is it done?


class Timer(SQLModel, table=True):
    """One future duty of a task; `milestone` tells several of a kind apart: a milestone's name, or a message's id for RECEIPT."""

    __tablename__ = "timer"

    task_id: str = Field(primary_key=True, foreign_key="task.id")
    kind: str = Field(primary_key=True)
    milestone: str = Field(default="", primary_key=True)
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    attempts: int = 0
