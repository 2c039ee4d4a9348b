"""What many ask for at the same moment, read once for all of them."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Seen = TypeVar("Seen")


@dataclass
class _Kept(Generic[Seen]):
    reading: threading.Lock = field(default_factory=threading.Lock)
    seen: Seen | None = None
    version: int = -1
    at: float = 0


class Shared(Generic[Seen]):
    """Views of what is stored. One is given again while nothing has changed since it was read, for `lives` seconds at most;
    whoever asks while it is being read waits for it, and takes the next one if it was begun too early to show what they
    heard of."""

    def __init__(self, version: Callable[[], int], *, lives: float = 1, most: int = 200) -> None:
        """`version` grows with every change, and before anybody hears of it."""
        self._version, self._lives, self._most = version, lives, most
        self._kept: dict[Hashable, _Kept[Seen]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, read: Callable[[], Seen]) -> Seen:
        """The view of this key, as new as the moment of asking."""
        asked = self._version()
        with self._lock:
            if len(self._kept) >= self._most:
                self._kept.clear()
            kept = self._kept.setdefault(key, _Kept())
        with kept.reading:
            if kept.seen is None or kept.version < asked or time.monotonic() - kept.at > self._lives:
                version, at = self._version(), time.monotonic()
                kept.seen = read()
                kept.version, kept.at = version, at
            return kept.seen
