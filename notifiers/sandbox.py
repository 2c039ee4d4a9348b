"""The on-screen phones: they read the outbox itself, so handing over is all there is to do."""

from pydantic import BaseModel

from notifiers.base import Accepted, Channel, Message


class SandboxSettings(BaseModel):
    """Nothing to set."""


class SandboxNotifier:
    """Takes everything; nothing leaves this machine."""

    name = "sandbox"
    title = "the on-screen phones"
    channels = frozenset({Channel.SMS, Channel.EMAIL, Channel.VOICE})

    def __init__(self, settings: SandboxSettings) -> None:
        del settings

    def send(self, message: Message) -> Accepted:
        """Take one message; it is on the screen at once."""
        return Accepted(provider_id=f"sandbox-{message.reference}", delivered=True)

    def check(self) -> None:
        """They are always there."""

    def close(self) -> None:
        """Nothing is held."""
