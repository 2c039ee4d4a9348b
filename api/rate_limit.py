"""How often a key may call."""

import threading
from dataclasses import dataclass
from datetime import datetime


@dataclass
class _Bucket:
    tokens: float
    at: datetime


class RateLimit:
    """A token bucket for each key, in this process."""

    def __init__(self, *, a_minute: int, burst: int) -> None:
        self._per_second = a_minute / 60
        self._burst = burst
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def wait(self, key: str, now: datetime) -> float:
        """Seconds until this key may call again; nothing when it may now."""
        if not self._per_second:
            return 0
        with self._lock:
            bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
            passed = max((now - bucket.at).total_seconds(), 0)
            bucket.tokens, bucket.at = min(self._burst, bucket.tokens + passed * self._per_second), now
            if bucket.tokens < 1:
                return (1 - bucket.tokens) / self._per_second
            bucket.tokens -= 1
            return 0
