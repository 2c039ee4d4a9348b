"""Stories in the partnership's words: an incident is posted, phones ring and answer, time moves by command.

Every text that a story does not expect fails it at the end, so silence is told too.
"""

import re
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from tests.running import Service


@dataclass
class Story:
    """One service in sandbox mode, told through its outside alone."""

    service: Service
    partner: httpx.Client = field(init=False)
    supervisor: httpx.Client = field(init=False)
    admin: httpx.Client = field(init=False)
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.partner, self.supervisor, self.admin = (
            self.service.client(role) for role in ("partner", "supervisor", "admin")
        )

    def close(self) -> None:
        """Give back connections."""
        for client in (self.partner, self.supervisor, self.admin):
            client.close()

    def at(self, moment: str) -> None:
        """Move the clock forward to a moment, such as 2026-11-27T15:45:00Z."""
        now = self.now()
        ahead = _parse(moment) - now
        assert ahead > 0, f"{moment} has passed"
        self.advance(f"PT{ahead:.3f}S")

    def now(self) -> float:
        """The service's clock as seconds."""
        return _parse(self.partner.get("/v1/sandbox/clock").json()["now"])

    def advance(self, by: str) -> None:
        """Move the clock; everything due on the way has happened when this returns."""
        answer = self.partner.post("/v1/sandbox/clock", json={"advance": by}, timeout=150)
        assert answer.status_code == 200, answer.text

    def report(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Post an incident that is accepted; the incident."""
        moment = self.partner.get("/v1/sandbox/clock").json()["now"]
        answer = self.partner.post("/v1/incidents", json={"type": kind, "occurred_at": moment} | fields)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def task(self, task_id: str) -> dict[str, Any]:
        """A task as a supervisor sees it."""
        found: dict[str, Any] = self.supervisor.get(f"/v1/tasks/{task_id}").json()
        return found

    def messages(self) -> list[dict[str, Any]]:
        """What went out so far, newest last."""
        found: list[dict[str, Any]] = self.partner.get("/v1/sandbox/messages").json()["items"]
        return found

    def phone(self, worker: str) -> "Phone":
        """A worker's phone, by slug."""
        return Phone(self, worker)

    def on_call(self, team: str) -> "Phone":
        """The phone that a team's page goes to now."""
        return self.phone(self.supervisor.get(f"/v1/teams/{team}/on-call").json()["on_call"][0])

    def nothing_else(self) -> None:
        """No message went out that the story did not expect."""
        rest = [m for m in self.messages() if m["id"] not in self.seen]
        assert not rest, "not expected: " + "; ".join(f"{m['worker']} ({m['channel']}): {m['text']}" for m in rest)

    def forget_messages(self) -> None:
        """What went out up to now is not what this story is about."""
        self.seen |= {m["id"] for m in self.messages()}


@dataclass
class Phone:
    """One worker's phone."""

    story: Story
    worker: str

    def gets(self, *words: str, channel: str = "sms", within: float = 5.0) -> str:
        """Wait for the next message on this phone that the story has not told yet; it holds all of the words."""
        until = time.monotonic() + within
        pause = threading.Event()
        fresh: list[dict[str, Any]] = []
        while time.monotonic() < until:
            fresh = [
                m
                for m in self.story.messages()
                if m["worker"] == self.worker and m["id"] not in self.story.seen and m["channel"] == channel
            ]
            for message in fresh:
                if all(word.lower() in message["text"].lower() for word in words):
                    self.story.seen.add(message["id"])
                    return str(message["text"])
            pause.wait(0.02)
        raise AssertionError(f"{self.worker} got no {channel} with {words}, but: {[m['text'] for m in fresh]}")

    def texts(self, text: str) -> dict[str, Any]:
        """Type a text and send it."""
        phones = self.story.partner.get("/v1/sandbox/state").json()["phones"]
        number = next(phone["phone"] for phone in phones if phone["worker"] == self.worker)
        answer = self.story.partner.post("/v1/sandbox/reply", json={"from": number, "text": text})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def _parse(moment: str) -> float:

    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def code_in(text: str) -> str:
    """The task's code in a page."""
    found = re.search(r"TAKE ([A-Z0-9]{2,4})", text)
    assert found, text
    return found[1]
