"""The only place that reads the machine's clock; everything else is told what time it is."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Says what time the service lives by."""

    def now(self) -> datetime:
        """This instant, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """This instant, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the one place


class SandboxClock:
    """The machine's clock moved forward by an offset, so that a demonstration need not wait."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self._offset = offset
        self._lock = threading.Lock()

    @property
    def offset(self) -> timedelta:
        """How far this clock is ahead of the machine's."""
        return self._offset

    def now(self) -> datetime:
        """This instant, in UTC."""
        return datetime.now(UTC) + self._offset  # noqa: TID251 - this is the one place

    def set_to(self, moment: datetime) -> None:
        """Begin at `moment`, which may lie in the past."""
        with self._lock:
            self._offset += moment - self.now()

    def advance_to(self, moment: datetime) -> None:
        """Jump forward to `moment`; a moment that has passed changes nothing."""
        with self._lock:
            ahead = moment - self.now()
            if ahead > timedelta(0):
                self._offset += ahead
