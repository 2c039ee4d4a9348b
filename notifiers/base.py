"""What a notifier takes and gives: one message out, one receipt or one inbound text back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Channel(StrEnum):
    """A way to reach a worker; and a team's own channel, which reaches nobody for sure and gets copies alone."""

    SMS = "sms"
    EMAIL = "email"
    VOICE = "voice"
    TEAM = "team"


TO_WORKERS = (Channel.SMS, Channel.EMAIL, Channel.VOICE)


class ReceiptState(StrEnum):
    """How far the provider says a message got, in the order in which it gets there."""

    SENT = "sent"  # handed to the network; the phone may be off
    DELIVERED = "delivered"  # on the phone; nobody has read it yet
    FAILED = "failed"  # this message will never arrive


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message for one address. `reference` is ours, and travels with the message where the provider can carry it."""

    reference: str
    channel: Channel
    to: str
    text: str
    subject: str | None = None
    link: str | None = None
    expires_at: datetime | None = None
    written_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The provider has taken the message over; `provider_id` is its name for it.

    `delivered`: it is on the phone already, so no receipt will follow.
    """

    provider_id: str
    delivered: bool = False


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What the provider reports of a message later. `permanent` says that this address will not work again."""

    reference: str | None
    provider_id: str | None
    state: ReceiptState
    code: str | None = None
    reason: str | None = None
    permanent: bool = False
    opted_out: bool = False


@dataclass(frozen=True, kw_only=True)
class InboundText:
    """A text from a phone. `provider_id` is unique for each text, so a callback delivered twice acts once."""

    provider: str
    provider_id: str
    sender: str
    body: str
    received_at: datetime | None = None
    opted_out: bool | None = None  # True: STOP, False: START, None: neither


class SendError(Exception):
    """The provider did not take the message.

    `permanent`: this provider will never take this message, so trying it again is no use.
    `bad_address`: more than that, the address is wrong whoever sends to it, so no other provider is tried.
    `opted_out`: the phone's owner has blocked the sender; going round that by another provider is not ours to do.
    `unknown`: it may have taken the message all the same (no answer came, or a 500), so it is asked before anybody else
    is tried. `retry_after`: seconds, when the provider asks to wait.
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        bad_address: bool = False,
        opted_out: bool = False,
        unknown: bool = False,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent or bad_address or opted_out
        self.bad_address = bad_address
        self.opted_out = opted_out
        self.unknown = unknown
        self.code = code
        self.retry_after = retry_after


class BadCallback(Exception):
    """A callback whose signature or shape is wrong. It must change nothing."""


class UnreadableCallback(BadCallback):
    """A callback that is the provider's own, but can't be read. Its words name fields and never quote what they hold."""


@dataclass(frozen=True, kw_only=True)
class Callback:
    """A provider's request to us as it arrived. `url` is the public address it was signed for, never the proxy's."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@runtime_checkable
class Notifier(Protocol):
    """One provider. It keeps no rows, opens no transaction, and may be called from several threads at once.

    `name` is its word in settings and rows, `title` what people call it.
    """

    name: str
    title: str
    channels: frozenset[Channel]

    def send(self, message: Message) -> Accepted:
        """Hand over one message. Raises SendError."""
        ...

    def check(self) -> None:
        """Ask whether the provider is there and knows us, without sending anything. Raises SendError."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


@dataclass(frozen=True, kw_only=True)
class PerNumber:
    """How many texts the networks let through to one number in an hour: with the same words, and with any."""

    alike: int
    any: int


@runtime_checkable
class Rationed(Notifier, Protocol):
    """A notifier whose texts the networks block past a number."""

    per_number: PerNumber


@runtime_checkable
class Asks(Notifier, Protocol):
    """A notifier that can say whether it already took a message, for when we crashed before writing that down."""

    def find(self, message: Message) -> Accepted | None:
        """The provider's own record of this message, or None when it never got it. Raises SendError."""
        ...


@dataclass(frozen=True, kw_only=True)
class KeyPress:
    """A key pressed in a call; empty when none was. `provider_id` is the call's."""

    provider_id: str
    reference: str
    key: str


@runtime_checkable
class Reports(Protocol):
    """A notifier whose provider says later how far a message got."""

    def receipt(self, callback: Callback) -> Receipt | None:
        """Verify and read a delivery report; None when it says nothing new. Raises BadCallback."""
        ...


@runtime_checkable
class Speaks(Reports, Protocol):
    """A notifier whose calls can be answered by a key."""

    name: str

    def receipt(self, callback: Callback) -> Receipt:
        """Verify and read how a call went. Raises BadCallback."""
        ...

    def pressed(self, callback: Callback) -> KeyPress:
        """Verify and read a key. Raises BadCallback."""
        ...

    def speak(self, words: str, *, reference: str | None = None) -> str:
        """What the provider reads as words to say; with a reference it then waits for a key."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A notifier whose provider can be asked for the texts that phones sent, for those whose callback never reached us."""

    def received_since(self, moment: datetime) -> list[InboundText]:
        """The texts from phones since a moment, with the times at which the provider got them. Raises SendError."""
        ...


@runtime_checkable
class Listens(Reports, Protocol):
    """A notifier whose provider calls back."""

    name: str

    def inbound(self, callback: Callback) -> InboundText:
        """Verify and read a text from a phone. Raises BadCallback."""
        ...
