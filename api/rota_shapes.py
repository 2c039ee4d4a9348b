"""The shapes of answers about rotas beyond who is on call."""

from datetime import datetime

from pydantic import BaseModel

from api.shapes import OverrideShape


class OverridePage(BaseModel):
    """Changes to a rota."""

    items: list[OverrideShape]


class LeaveShape(BaseModel):
    """A worker is away for a while."""

    id: str
    worker: str
    starts_at: datetime
    ends_at: datetime


class LeavePage(BaseModel):
    """A worker's leave."""

    items: list[LeaveShape]
