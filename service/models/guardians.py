"""Community guardians: trained staff of hotels, taxis and shops, whose texts are taken as concerns."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from service.database import UtcDateTime
from service.privacy import SealedText


class Trade(StrEnum):
    """Where a guardian works."""

    HOTEL = "hotel"
    TAXI = "taxi"
    SHOP = "shop"
    TRANSPORT = "transport"
    OTHER = "other"


class Guardian(SQLModel, table=True):
    """One guardian. The number is found by its blind index; one who was removed is a stranger again."""

    __tablename__ = "guardian"

    id: str = Field(primary_key=True)
    name: str = Field(sa_type=SealedText)
    organisation: str = Field(sa_type=SealedText)
    trade: str
    phone: str = Field(sa_type=SealedText)
    phone_mark: str = Field(index=True)
    locality: str = Field(index=True)
    added_by: str
    added_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
