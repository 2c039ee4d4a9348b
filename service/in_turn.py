"""A lock that is handed on in the order in which it was asked for."""

import threading
from collections import deque


class InTurn:
    """A lock that goes to whoever waited for it longest. Python's own goes to whoever asks first after it is free, which is
    nearly always the thread that gave it back: while reports pour in, no page would leave."""

    def __init__(self) -> None:
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False
        self._state = threading.Lock()

    def __enter__(self) -> None:
        with self._state:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()

    def __exit__(self, *_: object) -> None:
        with self._state:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
