"""Copies to a team's own channels (Teams, Slack and what else apprise speaks), for visibility: never the page itself.

An address such as `slack://…` holds a secret, so it is never logged and never quoted. A copy is tried once.
"""

import logging
from typing import Any

from pydantic import BaseModel

from notifiers.base import Accepted, Channel, Message, SendError

# They log addresses and paths, where the secrets stand.
for _name in ("apprise", "urllib3"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class TeamChannelsSettings(BaseModel):
    """Nothing to set: each team's addresses stand in the partnership file."""


class TeamChannels:
    """Every address that apprise understands: https://github.com/caronc/apprise/wiki."""

    name = "apprise"
    title = "the team's channel"
    channels = frozenset({Channel.TEAM})

    def __init__(self, settings: TeamChannelsSettings) -> None:
        del settings

    def send(self, message: Message) -> Accepted:
        """Post one copy. Raises SendError, always a permanent one: a copy that comes late tells nobody anything."""
        target = _target(message.to)
        if target is None:
            raise SendError("the address is none that apprise understands", permanent=True)
        if not target.notify(body=message.text, title=message.subject or ""):
            raise SendError("the channel did not take it", permanent=True)
        return Accepted(provider_id=message.reference, delivered=True)

    def check(self) -> None:
        """There is nobody to ask."""

    def close(self) -> None:
        """Nothing is held."""


def is_understood(address: str) -> bool:
    """Whether an address is one of a service that apprise knows, with all that it needs."""
    return _target(address) is not None


def _target(address: str) -> Any:
    # Loading it costs a fifth of a second, and few partnerships use it.
    import apprise  # noqa: PLC0415

    return apprise.Apprise.instantiate(address, suppress_exceptions=True)
