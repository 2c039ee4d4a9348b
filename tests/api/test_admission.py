"""Who is let in when many wait, and how long a request may take to arrive; by ASGI itself, as a server would call it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, Request
from starlette.types import Message, Scope

from api import boundary
from api.admission import Admission
from api.boundary import Boundary

LONGEST = 4


def scope(method: str, path: str, *, length: int = 0) -> Scope:
    headers = [(b"content-length", str(length).encode())] if length else []
    return {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers,
        "http_version": "1.1", "scheme": "http", "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip


async def never_read() -> Message:
    raise AssertionError("whoever is turned away is turned away before the body is read")


class Blocked:
    """An app that answers 200 to whatever it gets once it is let go."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.door = Admission(self, longest=LONGEST)

    async def __call__(self, _scope: Scope, _receive: object, send: object) -> None:
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]

    async def ask(self, method: str, path: str) -> tuple[int, dict[str, str]]:
        """The status and the headers of an answer."""
        came: list[Message] = []

        async def send(message: Message) -> None:
            came.append(message)

        await self.door(scope(method, path), never_read, send)
        headers = {name.decode().lower(): value.decode() for name, value in came[0]["headers"]}
        return came[0]["status"], headers

    @asynccontextmanager
    async def waiting(self, count: int) -> AsyncIterator[None]:
        """As many reports that wait."""
        tasks = [asyncio.create_task(self.ask("POST", "/v1/incidents")) for _ in range(count)]
        await asyncio.sleep(0)
        yield
        self.go_on.set()
        assert [status for status, _ in await asyncio.gather(*tasks)] == [200] * count


async def soon(app: Blocked, method: str, path: str) -> bool:
    """Whether a request is let in: it waits with the others."""
    asked = asyncio.create_task(app.ask(method, path))
    done, _ = await asyncio.wait([asked], timeout=0.05)
    if done:
        status, headers = asked.result()
        assert (status, headers["retry-after"]) == (503, "1")
        return False
    asked.cancel()
    await asyncio.wait([asked])
    return True


def test_reads_are_turned_away_before_reports_and_callbacks_never() -> None:
    async def go() -> None:
        app = Blocked()
        async with app.waiting(LONGEST // 2):
            assert not await soon(app, "GET", "/v1/tasks")
            assert await soon(app, "POST", "/v1/incidents")
        app = Blocked()
        async with app.waiting(LONGEST):
            assert not await soon(app, "POST", "/v1/incidents")
            assert await soon(app, "POST", "/v1/callbacks/twilio/sms")
            assert await soon(app, "GET", "/t/a-link")
            assert await soon(app, "GET", "/readyz")

    asyncio.run(go())


def test_whoever_leaves_gives_its_place_to_others() -> None:
    async def go() -> None:
        app = Blocked()
        for _ in range(3):
            async with app.waiting(LONGEST - 1):
                assert await soon(app, "POST", "/v1/incidents"), "those that went away hold no place"
                assert await soon(app, "POST", "/v1/incidents")
            app.go_on.clear()

    asyncio.run(go())


def test_a_body_that_never_comes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "BODY_SECONDS", 0.2)
    app = FastAPI()

    @app.post("/v1/callbacks/slow")
    async def slow(request: Request) -> int:
        return len(await request.body())

    async def ask(rest: float) -> int:
        parts: list[Message] = [
            {"type": "http.request", "body": b"a", "more_body": True},
            {"type": "http.request", "body": b"b", "more_body": False},
        ]
        came: list[Message] = []

        async def receive() -> Message:
            if len(parts) == 1:
                await asyncio.sleep(rest)
            return parts.pop(0)

        async def send(message: Message) -> None:
            came.append(message)

        await Boundary(app, secure=False)(scope("POST", "/v1/callbacks/slow", length=2), receive, send)
        return int(came[0]["status"])

    assert asyncio.run(ask(0)) == 200
    assert asyncio.run(ask(60)) == 408


def test_whoever_leaves_before_all_of_it_is_here_is_no_error_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    app = FastAPI()

    @app.post("/v1/callbacks/slow")
    async def slow(request: Request) -> int:
        return len(await request.body())

    async def ask() -> None:
        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(_message: Message) -> None:
            return  # as a server does where nobody is there any more

        await Boundary(app, secure=False)(scope("POST", "/v1/callbacks/slow", length=2), receive, send)

    asyncio.run(ask())
    logged = capsys.readouterr().out
    assert "499" in logged
    assert "error" not in logged


def test_who_has_sent_all_of_it_may_wait_for_the_answer_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "BODY_SECONDS", 0.1)

    async def go() -> list[str]:
        heard = []

        async def app(_scope: Scope, receive: object, _send: object) -> None:
            for _ in range(2):
                heard.append((await receive())["type"])  # type: ignore[operator]

        async def receive() -> Message:
            if not heard:
                return {"type": "http.request", "body": b"", "more_body": False}
            await asyncio.sleep(0.3)
            return {"type": "http.disconnect"}

        async def send(_message: Message) -> None:
            raise AssertionError("there is nothing to be said")

        await Boundary(app, secure=False)(scope("GET", "/v1/stream"), receive, send)
        return heard

    assert asyncio.run(go()) == ["http.request", "http.disconnect"]
