"""A client that loads a server: connections kept open, each waiting for its answer (closed) or a fixed rate (paced).

It speaks just enough HTTP/1.1 to cost little beside the server: one core serves, the other one asks.
"""

import asyncio
import itertools
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import uvloop

END = b"\r\n\r\n"
LENGTH = b"content-length: "


@dataclass(frozen=True)
class Answer:
    """One answer: which request it belongs to, and when that was asked (monotonic)."""

    number: int
    at: float
    status: int
    body: bytes


@dataclass
class Measured:
    """What a run saw: statuses, each answer's milliseconds, and how long it all took in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    seconds: float = 0
    answers: list[Answer] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.milliseconds) / self.seconds if self.seconds else 0

    def at(self, share: float) -> float:
        """The milliseconds that a share of the answers kept within, by nearest rank."""
        return quantile(self.milliseconds, share)


def quantile(values: Sequence[float], share: float) -> float:
    """By nearest rank; of nothing it is not a number."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else math.nan


class Gone(Exception):
    """The server closed the connection before it answered."""


class Connection(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: Any = None
        self.open = False

    def connection_made(self, transport: Any) -> None:
        """Ready."""
        self._transport, self.open = transport, True

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits hears of it."""
        self.open = False
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(Gone())

    def data_received(self, data: bytes) -> None:
        """Answer whoever waits once head and body are there."""
        self._buffer += data
        head, found, rest = self._buffer.partition(END)
        if not found:
            return
        start = head.lower().find(LENGTH)
        length = int(head[start + len(LENGTH) :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        if len(rest) >= length and self._waiting and not self._waiting.done():
            self._buffer = rest[length:]
            self._waiting.set_result((int(head[9:12]), rest[:length]))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body. Raises Gone."""
        if not self.open or self._transport is None:
            raise Gone
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting


Maker = Callable[[int], bytes]


def post(url: str, path: str, body: object, *, key: str = "") -> bytes:
    """A POST in JSON as bytes."""
    content = json.dumps(body).encode()
    authorization = f"Authorization: Bearer {key}\r\n" if key else ""
    head = f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Type: application/json\r\n{authorization}"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def get(url: str, path: str, *, key: str) -> bytes:
    """A GET as bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


async def _connect(url: str) -> Connection:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    _, connection = await asyncio.get_running_loop().create_connection(Connection, parts.hostname, parts.port)
    return connection


def closed(url: str, make: Maker, *, connections: int, seconds: float, keep: bool = False) -> Measured:
    """As fast as the server answers: each connection asks again as soon as it has its answer. One that the server drops is
    opened anew; what it asked has no answer and is not counted."""
    return uvloop.run(_closed(url, make, connections, seconds, keep))


async def _closed(url: str, make: Maker, connections: int, seconds: float, keep: bool) -> Measured:
    measured, numbers = Measured(), itertools.count()
    started = time.perf_counter()
    until = started + seconds

    async def go() -> None:
        connection = await _connect(url)
        while time.perf_counter() < until:
            try:
                await _one(connection, make, next(numbers), measured, keep=keep)
            except Gone:
                connection = await _connect(url)

    await asyncio.gather(*(go() for _ in range(connections)))
    measured.seconds = time.perf_counter() - started
    return measured


async def _one(
    connection: Connection, make: Maker, number: int, measured: Measured, *, keep: bool, due: float = 0
) -> None:
    request = make(number)
    asked, at = time.perf_counter(), time.monotonic()
    status, body = await connection.ask(request)
    measured.statuses[status] += 1
    measured.milliseconds.append((time.perf_counter() - (due or asked)) * 1000)
    if keep:
        measured.answers.append(Answer(number, at, status, body))


def paced(url: str, make: Maker, *, rate: float, count: int, connections: int = 64) -> Measured:
    """`count` requests at a fixed rate, whatever the answers take. An answer's time counts from when its request was due,
    so that a server that stalls does not hide its own queue. A connection that the server drops loses its request."""
    return uvloop.run(_paced(url, make, rate, count, connections))


async def _paced(url: str, make: Maker, rate: float, count: int, connections: int) -> Measured:
    measured, numbers = Measured(), itertools.count()
    ready = [await _connect(url) for _ in range(min(connections, count))]
    started = time.perf_counter()

    async def go(connection: Connection) -> None:
        while (number := next(numbers)) < count:
            due = started + number / rate
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            try:
                await _one(connection, make, number, measured, keep=True, due=due)
            except Gone:
                return

    await asyncio.gather(*(go(connection) for connection in ready))
    measured.seconds = time.perf_counter() - started
    return measured
