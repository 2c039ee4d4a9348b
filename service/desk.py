"""Where reports wait that arrive together: a thread takes all that wait in one transaction, and each is answered after its
commit. One that comes alone waits for nobody; while they come together, a group waits a moment for those on their way, because
its transaction costs several times what one report more in it does."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from service.flows import intake
from service.records.judging import Submission, Taken
from service.runtime import Runtime

MOST = 32  # in one transaction: a longer one would keep its first report waiting for its last
QUIET_SECONDS = 0.002  # in which nobody comes: then a group is complete
LONGEST_SECONDS = 0.03


@dataclass(frozen=True)
class Waiting:
    """A report, and where its answer goes."""

    submission: Submission
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Taken]"


class Desk:
    """One for each process. Reports are taken in the order in which they came."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._queue: deque[Waiting] = deque()
        self._news = threading.Condition()
        self._stopping = False
        self._come_together = False
        self._thread: threading.Thread | None = None

    async def take(self, submission: Submission) -> Taken:
        """Take one report; back after the commit. Raises whatever kept it from being taken."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(submission, loop, loop.create_future())
        with self._news:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="desk", daemon=True)
                self._thread.start()
            self._queue.append(waiting)
            self._news.notify()
        return await waiting.answer

    def stop(self) -> None:
        """Take what waits, and end."""
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._thread:
            self._thread.join()

    def _serve(self) -> None:
        while group := self._next():
            # Whoever asked and went away asks again.
            if present := [waiting for waiting in group if not waiting.answer.done()]:
                results = intake.accept_each(self._runtime, [waiting.submission for waiting in present])
                present[0].loop.call_soon_threadsafe(_answer, present, results)

    def _next(self) -> list[Waiting]:
        with self._news:
            self._news.wait_for(lambda: self._queue or self._stopping)
        if self._come_together:
            self._await_company()
        with self._news:
            group = [self._queue.popleft() for _ in range(min(len(self._queue), MOST))]
        self._come_together = len(group) > 1
        return group

    def _await_company(self) -> None:
        """Wait until none of those who were just answered comes again. Time is the loop's own: while it writes answers it
        reads no report."""
        until, seen = time.monotonic() + LONGEST_SECONDS, 0
        while seen < len(self._queue) < MOST and time.monotonic() < until:
            seen, loop = len(self._queue), self._queue[0].loop
            came_round = threading.Event()
            loop.call_soon_threadsafe(loop.call_later, QUIET_SECONDS, came_round.set)
            came_round.wait(LONGEST_SECONDS)


def _answer(group: Sequence[Waiting], results: Sequence[Taken | Exception]) -> None:
    for waiting, result in zip(group, results, strict=True):
        if waiting.answer.done():
            continue  # whoever asked has gone
        if isinstance(result, Exception):
            waiting.answer.set_exception(result)
        else:
            waiting.answer.set_result(result)
