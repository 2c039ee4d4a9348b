"""The senders' hands: how many messages may be on their way at once, and which of them are kept free for pages; and what few
pages lie beside a hand that will soon be free, so that it need not wait for a look into the outbox."""

import bisect
import threading
import time
from collections import Counter

from notifiers.base import Channel
from service.records.claims import Claimed
from service.records.turns import Room

RESERVED = 2
AHEAD = 4  # pages for each hand at most: what lies here is nobody else's, and passed over by no team's share
AHEAD_SECONDS = 0.5  # within which what lies here must leave: with a slow provider that is nothing
NO_ROOM = Room(channels=dict.fromkeys(Channel, 0), others=0)
LAIN_SECONDS = 3.0  # of a page that lay here for longer nobody knows whether it is wanted any more
WEIGHT = 1 / 8  # of the latest message in how long one takes


class Slots:
    """`threads` messages at once, and two pages more: for them a hand is free however slowly a provider takes the rest.

    The pages of one channel alone never have more than `threads`, so that a slow one keeps nobody from being rung.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._held: Counter[Channel | None] = Counter()
        self._going: Counter[Channel | None] = Counter()
        self._waiting: list[Claimed] = []
        self._laid: dict[tuple[str, int], float] = {}
        self._began: dict[tuple[str, int], float] = {}
        self._seconds: float | None = None  # that a message takes
        self._changed = threading.Condition()

    @property
    def most(self) -> int:
        """How many messages may be on their way at once, all in all."""
        return self._threads + RESERVED

    @property
    def busy(self) -> int:
        """How many are on their way."""
        with self._changed:
            return self._going.total()

    @property
    def is_low(self) -> bool:
        """Whether more is worth being looked for: one look for many costs little more than for one."""
        with self._changed:
            return self._is_low

    @property
    def _is_low(self) -> bool:
        return len(self._waiting) <= self._ahead // 2

    def has_room_now(self, lacking: Room) -> bool:
        """Whether more is worth being looked for of what there was no room for."""
        with self._changed:
            if not self._is_low:
                return False
            others = lacking.others == 0 and self._held.total() < self._threads
            return others or any(self._held[Channel(each)] < self._threads + self._ahead for each in lacking.full)

    @property
    def _ahead(self) -> int:
        """How many pages may lie beside the hands."""
        if self._seconds is None:
            return 0
        return min(AHEAD * self._threads, int(AHEAD_SECONDS * self._threads / self._seconds))

    def free(self) -> tuple[int, Room]:
        """How many more may be taken now, and of which kind."""
        with self._changed:
            held = self._held.total()
            channels = {channel: self._threads + self._ahead - self._held[channel] for channel in Channel}
            waiting = Counter(each.message.channel for each in self._waiting)
            room = Room(channels=channels, others=max(0, self._threads - held), unspent=waiting)
            return self.most + self._ahead - held, room

    def take_page(self, channel: Channel) -> bool:
        """Keep a place for a page, if there is one."""
        with self._changed:
            ahead = self._ahead
            is_room = self._held.total() < self.most + ahead and self._held[channel] < self._threads + ahead
            self._held[channel] += is_room
            return is_room

    def take(self, claimed: Claimed) -> None:
        """Keep a place for a message."""
        with self._changed:
            self._held[_kind(claimed)] += 1

    def put(self, claimed: Claimed) -> None:
        """Lay down a message that has its place, until a hand takes it up."""
        with self._changed:
            self._put(claimed)

    def _put(self, claimed: Claimed) -> None:
        bisect.insort(self._waiting, claimed, key=_turn)
        self._laid[_claim(claimed)] = time.monotonic()

    def take_up(self) -> Claimed | None:
        """The most urgent message for which there is a free hand now."""
        with self._changed:
            for place, claimed in enumerate(self._waiting):
                if self._may_go(_kind(claimed)):
                    self._going[_kind(claimed)] += 1
                    self._began[_claim(claimed)] = time.monotonic()
                    del self._laid[_claim(claimed)]
                    return self._waiting.pop(place)
            return None

    def lay_back(self, claimed: Claimed) -> None:
        """There was no hand for it after all."""
        with self._changed:
            self._going[_kind(claimed)] -= 1
            del self._began[_claim(claimed)]
            self._put(claimed)

    def overdue(self) -> list[Claimed]:
        """The messages that have lain here for too long, as they do when a provider has become slow: they keep their places, and
        nothing more lies down here until one has left."""
        with self._changed:
            since = time.monotonic() - LAIN_SECONDS
            found = [claimed for claimed in self._waiting if self._laid[_claim(claimed)] < since]
            for claimed in found:
                self._waiting.remove(claimed)
                del self._laid[_claim(claimed)]
            if found:
                self._seconds = None
            return found

    def _may_go(self, kind: Channel | None) -> bool:
        going = self._going.total()
        return going < self._threads if kind is None else going < self.most and self._going[kind] < self._threads

    def let_go(self, claimed: Claimed) -> None:
        """The hand is free; the message keeps its place until it is written down that it was sent."""
        with self._changed:
            self._let_go(claimed)

    def _let_go(self, claimed: Claimed) -> None:
        began = self._began.pop(_claim(claimed), None)
        if began is not None:
            self._going[_kind(claimed)] -= 1
            took = max(time.monotonic() - began, 0.001)
            self._seconds = took if self._seconds is None else self._seconds + (took - self._seconds) * WEIGHT

    def give_back(self, claimed: Claimed) -> None:
        """Its way has ended, or it does not begin one."""
        with self._changed:
            self._let_go(claimed)
            self._held[_kind(claimed)] -= 1
            self._changed.notify_all()

    def clear(self) -> list[Claimed]:
        """What no hand has taken up, which does not begin its way now."""
        with self._changed:
            waiting, self._waiting = self._waiting, []
            self._laid.clear()
        for claimed in waiting:
            self.give_back(claimed)
        return waiting

    def wait_until_idle(self) -> None:
        """Wait until nothing is on its way, nor lies here."""
        with self._changed:
            self._changed.wait_for(lambda: self._held.total() == 0)


def _kind(claimed: Claimed) -> Channel | None:
    return claimed.message.channel if claimed.is_page else None


def _claim(claimed: Claimed) -> tuple[str, int]:
    """A message may be claimed again while whoever had it before still has it in hand."""
    return claimed.message.reference, claimed.turn


def _turn(claimed: Claimed) -> tuple[int, float]:
    written = claimed.message.written_at
    return claimed.urgency, written.timestamp() if written else 0.0
