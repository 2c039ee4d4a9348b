"""Errands: what falls due without belonging to one task. A row each, so that any replica can run it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import JSON, Field, SQLModel

from service.database import UtcDateTime


class ErrandKind(StrEnum):
    """What is to be done."""

    CHECK_IN = "check-in"  # a worker who is out has said by now that they are safe, or is asked; they are the subject
    TEST_PAGE = "test-page"  # send a text to the test number, or look whether it arrived
    AWAY = "away"  # look whether a worker, the subject, was paged in the moment in which they went off
    FEED = "feed"  # look whether a partner's feed, the subject, has spoken in time
    DUTY_LIST = "duty-list"  # tell the leads who is on call today
    COVERAGE = "coverage"  # look for gaps in the rotas of the days to come


class Errand(SQLModel, table=True):
    """One duty at a time to come; `subject` tells several of a kind apart. `payload` holds no personal data."""

    __tablename__ = "errand"

    kind: str = Field(primary_key=True)
    subject: str = Field(default="", primary_key=True)
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    attempts: int = 0
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
