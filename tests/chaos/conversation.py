"""Who goes on in a storm: partners that report until they are answered, workers that answer by text, and what both were told."""

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.chaos.weather import Replica
from tests.fakes.twilio import FakeTwilio

CODE = re.compile(r"TAKE ([A-Z]\d[A-Z0-9]*)")
CALLERS = 24
ANSWERED = 0.7


@dataclass
class Partner:
    """A feed with a queue: each report is sent to one replica after the other until one answers with a 2xx."""

    replicas: Sequence[Replica]
    key: str
    offered: int = 0
    accepted: dict[str, str] = field(default_factory=dict)
    answers: Counter[int | str] = field(default_factory=Counter)
    contradictions: list[str] = field(default_factory=list)
    pause: threading.Event = field(default_factory=threading.Event)

    def report(self, *, seconds: float, rate: float) -> None:
        """Send so many reports a second, for so long, or as many as are taken; comes back when each was answered."""
        began = time.monotonic()
        free = threading.Semaphore(CALLERS)
        with httpx.Client(timeout=8) as client, ThreadPoolExecutor(CALLERS) as callers:
            for number in range(int(seconds * rate)):
                self.pause.wait(max(began + number / rate - time.monotonic(), 0))
                free.acquire()
                if time.monotonic() > began + seconds:
                    break
                self.offered += 1
                callers.submit(self._until_accepted, client, number).add_done_callback(lambda _: free.release())

    def _until_accepted(self, client: httpx.Client, number: int) -> None:
        ref = f"CP-{number}"
        body = {
            "type": "weapon_in_school",
            "occurred_at": "2026-11-20T15:41:00Z",
            "source_ref": ref,
            "locality": ("north", "east-central", "south")[number % 3],
            "place": {"name": f"Example Academy {number}"},
        }
        turn = number
        while ref not in self.accepted:
            turn += 1
            answer = self._post(client, self.replicas[turn % len(self.replicas)], body)
            if answer is not None and answer.is_success:
                self.accepted[ref] = answer.json()["id"]
            else:
                self.pause.wait(0.2)

    def _post(self, client: httpx.Client, replica: Replica, body: dict[str, object]) -> httpx.Response | None:
        try:
            answer = client.post(
                f"{replica.url}/v1/incidents", json=body, headers={"Authorization": f"Bearer {self.key}"}
            )
        except httpx.HTTPError:
            self.answers["no answer"] += 1
            return None
        self.answers[answer.status_code] += 1
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and "Retry-After" not in answer.headers:
            self.contradictions.append("a 503 without Retry-After")
        return answer


@dataclass
class StormyTwilio(FakeTwilio):
    """A Twilio that calls whichever replica the proxy would give it; a call that nobody takes is lost, as Twilio's are."""

    replicas: Sequence[Replica] = ()
    chance: random.Random = field(default_factory=random.Random)
    lost_calls: int = 0

    def call(self, path: str, form: dict[str, str], *, signature: str | None = None, via: str = "") -> httpx.Response:
        """One signed callback, to one replica."""
        replica = via or self.chance.choice(list(self.replicas)).url
        try:
            return super().call(path, form, signature=signature, via=replica)
        except httpx.HTTPError:
            self.lost_calls += 1
            return httpx.Response(httpx.codes.OK)

    def answer_pages(self, over: threading.Event) -> None:
        """Workers take most of what they are paged for, until it is over."""
        seen = 0
        with ThreadPoolExecutor(CALLERS) as phones:
            while not over.wait(0.2):
                with self.changed:
                    fresh, seen = self.texts[seen:], len(self.texts)
                for text in fresh:
                    codes = CODE.findall(text.body)
                    if codes and self.chance.random() < ANSWERED:
                        phones.submit(self.text_in, text.to, "take " + " ".join(codes))

    def references(self) -> set[str]:
        """Our own names of the messages that it took."""
        with self.changed:
            addresses = [text.status_callback for text in self.texts if text.status_callback]
        return {parse_qs(urlsplit(address).query)["reference"][0] for address in addresses}

    def doubles(self) -> list[str]:
        """The addresses for reports of texts that were taken more than once; each holds the message's reference."""
        with self.changed:
            taken = Counter(text.status_callback for text in self.texts)
        return [address for address, times in taken.items() if address and times > 1 for _ in range(times - 1)]
