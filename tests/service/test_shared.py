"""Boards that show the same share one reading of it, and none shows less than it heard of."""

import asyncio
import re
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import event

from service.runtime import Runtime
from service.shared import Shared
from tests.service.test_database_away import report, served

BOARDS = 500


class Counted:
    """Something that changes, and counts how often it is read."""

    def __init__(self) -> None:
        self.version = self.read = 0
        self.wait = threading.Event()
        self.wait.set()

    def look(self) -> int:
        seen = self.version
        self.read += 1
        self.wait.wait(5)
        return seen


def test_it_is_read_again_only_after_a_change() -> None:
    counted = Counted()
    shared = Shared[int](lambda: counted.version)
    assert [shared.get("south", counted.look) for _ in range(3)] == [0, 0, 0]
    assert counted.read == 1
    counted.version = 1
    assert shared.get("south", counted.look) == 1
    assert shared.get("north", counted.look) == 1
    assert counted.read == 3


def test_many_who_ask_at_once_wait_for_one_reading_and_none_gets_what_was_before_its_news() -> None:
    counted = Counted()
    shared = Shared[int](lambda: counted.version)
    counted.wait.clear()
    seen: list[int] = []
    early = threading.Thread(target=lambda: shared.get("south", counted.look))
    early.start()
    while not counted.read:
        time.sleep(0.001)
    counted.version = 1
    late = [threading.Thread(target=lambda: seen.append(shared.get("south", counted.look))) for _ in range(20)]
    for thread in late:
        thread.start()
    counted.wait.set()
    for thread in [early, *late]:
        thread.join(5)
    assert seen == [1] * 20
    assert counted.read == 2


def test_what_changes_with_the_clock_is_read_again_after_a_while() -> None:
    counted = Counted()
    shared = Shared[int](lambda: counted.version, lives=0)
    assert [shared.get("south", counted.look) for _ in range(3)] == [0, 0, 0]
    assert counted.read == 3


@pytest.mark.parametrize("runtime", ["sqlite"], indirect=True)
def test_five_hundred_boards_are_fed_by_a_few_readings(runtime: Runtime) -> None:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if re.search(r"FROM (task|milestone|rota_gap|access_key)\b", statement):
            asked.append(statement)

    async def ask(url: str, path: str, cookie: str) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
        """An answer's head, and its body to be read; like a browser's board it comes again when it was turned away."""
        parts = urlsplit(url)
        while True:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: {cookie}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 503 " not in head[:20]:
                return head, reader, writer
            writer.close()
            await asyncio.sleep(0.3)

    async def shows_a_task(url: str, cookie: str) -> bool:
        head, reader, writer = await ask(url, "/board/open", cookie)
        length = re.search(rb"content-length: (\d+)", head)
        assert length, head
        body = await reader.readexactly(int(length[1]))
        writer.close()
        return b"data-card" in body

    async def board(url: str, cookie: str, ready: asyncio.Barrier, told: asyncio.Event) -> bool:
        _, reader, writer = await ask(url, "/v1/stream", cookie)
        await reader.readuntil(b"event: change")
        await ready.wait()
        await told.wait()
        seen = False
        while not seen:
            await reader.readuntil(b"event: change")
            seen = await shows_a_task(url, cookie)
        writer.close()
        return seen

    async def all_boards(url: str) -> list[bool]:
        ready, told = asyncio.Barrier(BOARDS + 1), asyncio.Event()
        cookie = httpx.get(url + "/board").headers["set-cookie"].partition(";")[0]
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            boards = [group.create_task(board(url, cookie, ready, told)) for _ in range(BOARDS)]
            await ready.wait()
            event.listen(runtime.database.engine, "before_cursor_execute", note)
            told.set()
            await asyncio.to_thread(report, runtime)
        return [each.result() for each in boards]

    with served(runtime) as url:
        assert asyncio.run(all_boards(url)) == [True] * BOARDS
    assert len(asked) < 100, "four questions for each reading, and a reading is shared"
