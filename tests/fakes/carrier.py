"""Providers in this process, for tests that try thousands of courses: they stand at the vendors' wire, and a test says
what becomes of each message there.

A carrier of texts and calls reports back, can be asked what it took, and remembers what phones sent. A post takes emails
and is never heard of again.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import TypeAdapter

from notifiers.base import Accepted, Callback, Channel, InboundText, Message, Receipt, ReceiptState, SendError

RECEIPTS, TEXTS = TypeAdapter(Receipt), TypeAdapter(InboundText)


class Fate(StrEnum):
    """What becomes of one message on its way into a provider."""

    TAKEN = "taken"
    BUSY = "busy"  # refused for now
    REFUSED = "refused"  # this address will never work
    OPTED_OUT = "opted out"
    ANSWER_LOST = "answer lost"  # taken, and we hear of an error
    DIED_BEFORE = "died before"  # our process ends, and the provider never heard of it
    DIED_AFTER = "died after"  # taken, and our process ends before it can write that down


class Killed(BaseException):
    """The process that sent this is no more."""


@dataclass(eq=False)
class Handed:
    """A message that a provider took, and how often it reached the phone."""

    message: Message
    provider_id: str
    arrivals: int = 1


@dataclass(eq=False)
class Post:
    """A provider that takes messages. `meanwhile` is what happens between taking one and answering; `unsaid` are those that
    it took without our hearing of it."""

    name: str = "post"
    title: str = "The post"
    channels: frozenset[Channel] = frozenset({Channel.EMAIL})
    away: bool = False
    fates: deque[Fate] = field(default_factory=deque)
    taken: dict[str, Handed] = field(default_factory=dict)
    unsaid: set[str] = field(default_factory=set)
    leaving: Callable[[Message], None] = lambda _message: None
    meanwhile: Callable[[Message], None] | None = None

    def send(self, message: Message) -> Accepted:
        """Take one message, as far as its fate lets it. Raises SendError."""
        fate = self.fates.popleft() if self.fates else Fate.TAKEN
        if fate is Fate.DIED_BEFORE:
            raise Killed
        if self.away or fate is Fate.BUSY:
            raise SendError("503 from a gateway")
        if fate in (Fate.REFUSED, Fate.OPTED_OUT):
            raise SendError("no such address", bad_address=True, opted_out=fate is Fate.OPTED_OUT)
        self.leaving(message)
        handed = self._keep(message)
        if fate is Fate.TAKEN and self.meanwhile is not None:
            happening, self.meanwhile = self.meanwhile, None
            happening(message)
        if fate in (Fate.DIED_AFTER, Fate.ANSWER_LOST):
            self.unsaid.add(message.reference)
        if fate is Fate.DIED_AFTER:
            raise Killed
        if fate is Fate.ANSWER_LOST:
            raise SendError("no answer in time", unknown=True)
        return Accepted(provider_id=handed.provider_id)

    def _keep(self, message: Message) -> Handed:
        handed = self.taken.get(message.reference)
        if handed is not None:
            handed.arrivals += 1
            return handed
        handed = Handed(message, f"{self.name}-{len(self.taken) + 1}")
        self.taken[message.reference] = handed
        return handed

    def check(self) -> None:
        """Whether it is there. Raises SendError."""
        if self.away:
            raise SendError("503 from a gateway")

    def close(self) -> None:
        """Nothing is held: what it took stays with it when a process ends."""


@dataclass(eq=False)
class Carrier(Post):
    """A provider of texts and calls. `unasked` are the messages that it was asked about in vain."""

    name: str = "carrier"
    title: str = "The carrier"
    channels: frozenset[Channel] = frozenset({Channel.SMS, Channel.VOICE})
    texts: list[InboundText] = field(default_factory=list)
    unasked: set[str] = field(default_factory=set)

    def find(self, message: Message) -> Accepted | None:
        """What it took under our reference. Raises SendError."""
        if self.away:
            self.unasked.add(message.reference)
            raise SendError("503 from a gateway")
        handed = self.taken.get(message.reference)
        return Accepted(provider_id=handed.provider_id) if handed else None

    def received_since(self, moment: datetime) -> list[InboundText]:
        """The texts that phones sent since a moment. Raises SendError."""
        if self.away:
            raise SendError("503 from a gateway")
        return [text for text in self.texts if text.received_at and text.received_at >= moment]

    def report(self, handed: Handed, state: ReceiptState, *, opted_out: bool = False) -> Callback:
        """What it calls back with about a message that it took."""
        said = Receipt(
            reference=handed.message.reference, provider_id=handed.provider_id, state=state, opted_out=opted_out
        )
        return Callback(url="", body=RECEIPTS.dump_json(said))

    def receipt(self, callback: Callback) -> Receipt:
        """Read a delivery report."""
        return RECEIPTS.validate_json(callback.body)

    def forward(self, text: InboundText) -> Callback:
        """What it calls back with when a phone sent a text."""
        return Callback(url="", body=TEXTS.dump_json(text))

    def inbound(self, callback: Callback) -> InboundText:
        """Read a text from a phone."""
        return TEXTS.validate_json(callback.body)
