"""The outbox: messages are written in the transaction that caused them and sent after it. And what phones answered."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Index, UniqueConstraint, text
from sqlmodel import JSON, Field, SQLModel

from service.database import UtcDateTime, written_out
from service.privacy import SealedText


class MessageState(StrEnum):
    """What the phone has experienced so far."""

    PENDING = "pending"  # nothing yet: written, waiting for its turn or its next try
    SENDING = "sending"  # being handed over; after a crash nobody knows
    BUNDLED = "bundled"  # what it says is said in another message, its carrier, which is on its way
    SENT = "sent"  # the provider has it
    DELIVERED = "delivered"  # on the phone; nobody has read it yet
    FAILED = "failed"  # will never arrive
    CANCELLED = "cancelled"  # no longer wanted when its turn came


UNSENT = (MessageState.PENDING, MessageState.SENDING)
IS_UNSENT = text("state IN ('pending', 'sending')")


class OutboxMessage(SQLModel, table=True):
    """One message for one address. Lower `urgency` goes first."""

    __tablename__ = "message"
    # They serve exactly the sender's questions: what is unsent, what of that is due, whose turn it is, and what goes to one
    # phone. The sent ones, nearly all, are not in them.
    __table_args__ = (
        Index("ix_message_worker_sent", "worker", "sent_at"),
        Index("ix_message_unsent", "due_at", sqlite_where=IS_UNSENT, postgresql_where=IS_UNSENT),
        Index("ix_message_urgent", "urgency", "due_at", sqlite_where=IS_UNSENT, postgresql_where=IS_UNSENT),
        Index("ix_message_team", "urgency", "team", "due_at", sqlite_where=IS_UNSENT, postgresql_where=IS_UNSENT),
        Index("ix_message_worker_unsent", "worker", sqlite_where=IS_UNSENT, postgresql_where=IS_UNSENT),
    )

    id: str = Field(primary_key=True)
    task_id: str | None = Field(default=None, foreign_key="task.id", index=True)
    page_id: str | None = Field(default=None, index=True)
    carrier_id: str | None = Field(default=None, index=True)
    template: str | None = None
    worker: str | None = None
    team: str = Field(default="", sa_column_kwargs={"server_default": ""})
    purpose: str
    channel: str
    address: str = Field(sa_type=SealedText)
    text: str = Field(sa_type=SealedText)
    subject: str | None = None
    link: str | None = Field(default=None, sa_type=SealedText)
    urgency: int
    state: str
    written_at: datetime = Field(sa_type=UtcDateTime, index=True)
    due_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    sender: str | None = None  # the process that has it in hand, or had it last
    provider: str | None = None
    provider_id: str | None = Field(default=None, index=True)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str | None = None
    tried: list[dict[str, object]] | None = Field(default=None, sa_type=JSON)


def is_unsent() -> ColumnElement[bool]:
    """What has not left."""
    return written_out(OutboxMessage.state, UNSENT)


class ReceivedText(SQLModel, table=True):
    """A text from a phone, keyed by the provider's id so that a callback delivered twice acts once."""

    __tablename__ = "received_text"
    __table_args__ = (UniqueConstraint("provider", "provider_id"), Index("ix_received_text_sender_at", "sender", "at"))

    id: str = Field(primary_key=True)
    provider: str
    provider_id: str
    sender: str
    worker: str | None = None
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    body: str = Field(sa_type=SealedText)
    meaning: str
    task_id: str | None = None
