"""Things of several threads done in one go, by a thread of its own: what comes while a batch is being done is in the next one."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


@dataclass(eq=False)
class _Given(Generic[Thing]):
    thing: Thing
    done: "Future[None]" = field(default_factory=Future)


class Gathered(Generic[Thing]):
    """Gives whatever waits to one function, which does all of it or raises. `company`: for how many seconds the first of a
    batch waits for others now; beyond that the batches grow with the load alone. `hopeless`: what failed so for some fails so
    for each of them."""

    def __init__(
        self,
        name: str,
        together: Callable[[list[Thing]], None],
        *,
        company: Callable[[], float] = lambda: 0,
        hopeless: Callable[[Exception], bool] = lambda _: False,
    ) -> None:
        self._together = together
        self._company = company
        self._hopeless = hopeless
        self._waiting: list[_Given[Thing]] = []
        self._news = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Do what waits, and end. Nothing may be given any more."""
        with self._news:
            self._stopping.set()
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join()

    def give(self, thing: Thing) -> "Future[None]":
        """Have one thing done; what comes back tells when it was, or raises what the function raised for it."""
        given = _Given(thing)
        with self._news:
            self._waiting.append(given)
            self._news.notify()
        return given.done

    def _serve(self) -> None:
        while batch := self._next():
            self._do(batch)

    def _next(self) -> list[_Given[Thing]]:
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._stopping.is_set())
        if seconds := self._company():
            self._stopping.wait(seconds)
        with self._news:
            batch, self._waiting = self._waiting, []
        return batch

    def _do(self, batch: list[_Given[Thing]]) -> None:
        """Each alone after a batch that failed, so that none suffers for its neighbour."""
        try:
            self._together([given.thing for given in batch])
        except Exception as error:
            if len(batch) == 1 or self._hopeless(error):
                for given in batch:
                    given.done.set_exception(error)
                return
            for given in batch:
                self._do([given])
            return
        for given in batch:
            given.done.set_result(None)
