"""Things of several threads done in one go: whoever comes while a batch is being done is in the next one.

The first of a batch may wait a moment for company; beyond that the batches grow with the load alone.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Gathered(Generic[Thing]):
    """Gives the things of all threads that wait to one function, which does all of them or raises. `company`: for how many
    seconds the first of a batch waits for others now."""

    def __init__(self, together: Callable[[list[Thing]], None], *, company: Callable[[], float] = lambda: 0) -> None:
        self._together = together
        self._company = company
        self._never = threading.Event()
        self._waiting: list[Thing] = []
        self._failed: set[int] = set()
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def do(self, thing: Thing) -> None:
        """Have one thing done; it is when this returns. Alone after a batch that failed, so that none suffers for its
        neighbour. Raises what the function raises for it."""
        with self._lock:
            self._waiting.append(thing)
        with self._turn:
            if self._waiting and (seconds := self._company()):
                self._never.wait(seconds)
            with self._lock:
                batch, self._waiting = self._waiting, []
            if batch:
                self._do(batch)
            failed = id(thing) in self._failed
            self._failed.discard(id(thing))
            if failed:
                self._together([thing])

    def _do(self, batch: list[Thing]) -> None:
        try:
            self._together(batch)
        except Exception:
            if len(batch) == 1:
                raise
            self._failed |= {id(thing) for thing in batch}
