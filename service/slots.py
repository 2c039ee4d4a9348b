"""The senders' hands: how many messages may be on their way at once, and which of them are kept free for pages."""

import threading
from collections import Counter

from notifiers.base import Channel
from service.records.claims import Claimed
from service.records.turns import Room

RESERVED = 2


class Slots:
    """`threads` messages at once, and two pages more: for them a hand is free however slowly a provider takes the rest.

    The pages of one channel alone never have more than `threads`, so that a slow one keeps nobody from being rung.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._busy: Counter[Channel | None] = Counter()
        self._changed = threading.Condition()

    @property
    def most(self) -> int:
        """How many messages may be on their way at once, all in all."""
        return self._threads + RESERVED

    @property
    def busy(self) -> int:
        """How many are on their way."""
        with self._changed:
            return self._busy.total()

    def free(self) -> tuple[int, Room]:
        """How many more may be taken now, and of which kind."""
        with self._changed:
            busy = self._busy.total()
            channels = {channel: self._threads - self._busy[channel] for channel in Channel}
            return self.most - busy, Room(channels=channels, others=max(0, self._threads - busy))

    def take_page(self, channel: Channel) -> bool:
        """A page begins its way, if there is room for it."""
        with self._changed:
            is_room = self._busy.total() < self.most and self._busy[channel] < self._threads
            self._busy[channel] += is_room
            return is_room

    def take(self, claimed: Claimed) -> None:
        """A message begins its way."""
        with self._changed:
            self._busy[_kind(claimed)] += 1

    def give_back(self, claimed: Claimed) -> None:
        """It has ended."""
        with self._changed:
            self._busy[_kind(claimed)] -= 1
            self._changed.notify_all()

    def wait_until_idle(self) -> None:
        """Wait until nothing is on its way."""
        with self._changed:
            self._changed.wait_for(lambda: self._busy.total() == 0)


def _kind(claimed: Claimed) -> Channel | None:
    return claimed.message.channel if claimed.is_page else None
