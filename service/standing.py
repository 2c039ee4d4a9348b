"""What this process has lately seen of its providers, and given them.

Kept in memory because it only saves time: a replica that knows nothing tries every provider, and whoever is to be avoided is
still tried when there is nobody else.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from notifiers.base import Channel
from rules import breaker, pace
from rules.breaker import Breaker

Key = tuple[Channel, str]


class Standing:
    """A breaker for each provider of each channel, and the pace of those that have one, by the machine's own time: the
    sandbox's clock jumps."""

    def __init__(self, paces: Mapping[str, int] | None = None, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._paces = {name: pace.full(a_minute, seconds()) for name, a_minute in (paces or {}).items() if a_minute}
        self._breakers: dict[Key, Breaker] = {}
        self._lock = threading.Lock()

    def avoided(self, channel: Channel) -> set[str]:
        """The providers of a channel that are left alone while there is somebody else: down, or given all they take."""
        with self._lock:
            spent = {name for name, each in self._paces.items() if each.at_moment(self._seconds()).left < 1}
            return spent | {name for (of, name), each in self._breakers.items() if of is channel and each.is_open}

    def left(self, providers: Iterable[str]) -> int | None:
        """How many messages these providers take together now; None when one of them has no pace."""
        with self._lock:
            paces = [self._paces.get(name) for name in providers]
            if not paces or None in paces:
                return None
            return sum(max(0, int(each.at_moment(self._seconds()).left)) for each in paces if each)

    def spend(self, provider: str) -> None:
        """It is given one message."""
        with self._lock:
            if provider in self._paces:
                self._paces[provider] = self._paces[provider].spent(self._seconds())

    def is_open(self, key: Key) -> bool:
        """Whether a provider is left alone."""
        with self._lock:
            return self._breakers.get(key, Breaker()).is_open

    def is_to_be_probed(self, key: Key) -> bool:
        """Whether a provider has rested, and may be asked whether it is there."""
        with self._lock:
            return self._breakers.get(key, Breaker()).is_to_be_probed(self._seconds())

    def worked(self, key: Key) -> bool:
        """It did what it was asked to; whether that is news."""
        return self._move(key, lambda _, __: breaker.worked())

    def failed(self, key: Key) -> bool:
        """It did not; whether it is left alone from now on and was not before."""
        return self._move(key, breaker.failed)

    def answered(self, key: Key) -> bool:
        """It answered a question; whether it may be tried again from now on."""
        return self._move(key, breaker.probed)

    def _move(self, key: Key, step: Callable[[Breaker, float], Breaker]) -> bool:
        with self._lock:
            before = self._breakers.get(key, Breaker())
            after = self._breakers[key] = step(before, self._seconds())
            return before.is_open is not after.is_open
