"""A thread that comes round whenever it is woken, and does one thing each time."""

import threading
import time
from collections.abc import Callable


class Rounds:
    """`do` is called `rest` seconds after it was woken, once however often that was; `failed` hears of what it
    raises, and the next time it is tried again."""

    def __init__(
        self, name: str, do: Callable[[], None], failed: Callable[[Exception], None], *, rest: float = 0
    ) -> None:
        self._do, self._failed, self._rest = do, failed, rest
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._last: float | None = None
        self.held = threading.Lock()  # while somebody else has it, no round begins
        self._thread = threading.Thread(target=self._come_round, name=name, daemon=True)

    def start(self) -> None:
        """Begin, with a first round at once."""
        self.wake()
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        self._news.set()

    def stop(self, within: float) -> None:
        """Finish the round at hand, for as many seconds at most."""
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(within)

    def has_come_round(self, within: float) -> bool:
        """Whether a round went well in the last seconds, by the machine's own time: the sandbox's clock jumps."""
        return self._last is not None and time.monotonic() - self._last < within

    def _come_round(self) -> None:
        while self._news.wait():
            # Rest comes first: what was committed a moment ago is being answered and sent.
            if self._stopping.wait(self._rest):
                return
            self._news.clear()
            try:
                with self.held:
                    self._do()
                self._last = time.monotonic()
            except Exception as error:
                self._failed(error)
