"""One of two replicas is frozen, or cut off from the database, for longer than it may keep a message in hand: the other one goes
on with that, and the first does no harm when it is back.

Its lease is four seconds here. What both send goes through one Twilio, which is asked before anything is sent again.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.chaos.weather import Replica
from tests.fakes.smtp import running_mail
from tests.fakes.twilio import FakeTwilio, Text, running_twilio
from tests.live import PUBLIC_URL, environment, switch_on
from tests.postgres import running_server
from tests.relay import Relay, relayed
from tests.running import wait_until

LEASE_SECONDS = 4
# It was refused, or knew already that its session or its time was over.
TOO_LATE = ("settled too late", "sending failed", "sending what is due failed", "the database is away")


@dataclass
class Two:
    """The one that will be out of reach, whose database is behind a relay, and the other one."""

    first: Replica
    other: Replica
    relay: Relay
    twilio: FakeTwilio
    keys: dict[str, str]
    caller: ThreadPoolExecutor
    number: int = 0

    def report(self) -> "Future[httpx.Response]":
        """Post an incident to the first, which may not come to answer it; the answer, when there is one."""
        self.number += 1
        body = {
            "type": "weapon_in_school",
            "occurred_at": "2026-11-20T15:41:00Z",
            "source_ref": f"CP-{self.number}",
            "locality": ("north", "east-central", "south")[self.number % 3],  # one asked for often has the team paged
            "place": {"name": f"Example Academy {self.number}"},
        }
        headers = {"Authorization": f"Bearer {self.keys['partner']}"}
        return self.caller.submit(httpx.post, f"{self.first.url}/v1/incidents", json=body, headers=headers, timeout=60)

    def lines(self, text: Text, event: str) -> list[dict[str, Any]]:
        """Of the timeline of the task that a text is about, as the other one shows it, the lines of a kind."""
        headers = {"Authorization": f"Bearer {self.keys['supervisor']}"}
        with httpx.Client(base_url=self.other.url, headers=headers, timeout=60) as supervisor:
            (task,) = (t for t in supervisor.get("/v1/tasks").json()["items"] if f"TAKE {t['code']}" in text.body)
            timeline = supervisor.get(f"/v1/tasks/{task['id']}").json()["timeline"]
        return [line for line in timeline if line["event"] == event]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("replicas")
    with ExitStack() as stack:
        server = stack.enter_context(running_server())
        mail = stack.enter_context(running_mail())
        twilio = stack.enter_context(running_twilio(public_url=PUBLIC_URL, delivers=False))
        settings = environment(server.database("reach"), twilio, mail) | {
            "CALLOUT_GATHER_SECONDS": "0",
            "MACHINE_LEASE": str(LEASE_SECONDS),
        }
        keys = switch_on(settings)
        relay, by_relay = stack.enter_context(relayed(settings["CALLOUT_DATABASE_URL"]))
        replicas = [Replica(folder, settings | {"CALLOUT_DATABASE_URL": by_relay}), Replica(folder, settings)]
        for replica in replicas:
            stack.callback(replica.kill)
            replica.start()
        for replica in replicas:
            replica.await_up()
        caller = stack.enter_context(ThreadPoolExecutor(1))
        yield Two(*replicas, relay, twilio, keys, caller)


HOW: dict[str, tuple[Callable[[Two], None], Callable[[Two], None]]] = {
    "frozen": (lambda it: it.first.send(signal.SIGSTOP), lambda it: it.first.send(signal.SIGCONT)),
    "cut off without a word": (lambda it: it.relay.cut(silently=True), lambda it: it.relay.mend()),
    "hung up on": (lambda it: it.relay.cut(silently=False), lambda it: it.relay.mend()),
}


@pytest.mark.xdist_group("out-of-reach")
@pytest.mark.parametrize("how", HOW)
def test_the_other_goes_on_with_what_it_had_in_hand_and_it_does_no_harm_when_it_is_back(two: Two, how: str) -> None:
    leave, come_back = HOW[how]
    assert two.first.service
    output, before = two.first.service.output, len(two.twilio.texts)
    taken = threading.Event()

    def out_of_reach(_text: Text) -> None:
        leave(two)
        taken.set()

    two.twilio.before_answering = out_of_reach
    answer = two.report()
    try:
        assert taken.wait(30), "".join(output)
        text = two.twilio.texts[before]
        wait_until(lambda: two.lines(text, "sent"), within=5 * LEASE_SECONDS)
        assert text.to in two.twilio.asked_about, "asked before anything is sent again"
        said = len(output)
    finally:
        come_back(two)
    assert answer.result(60).status_code == httpx.codes.CREATED, "it was committed before the page left"
    # Who was hung up on heard of it in good time.
    wait_until(lambda: how == "hung up on" or any(words in line for words in TOO_LATE for line in output[said:]))

    assert two.report().result(60).status_code == httpx.codes.CREATED
    wait_until(lambda: len(two.twilio.texts) == before + 2)
    wait_until(lambda: two.lines(two.twilio.texts[-1], "sent"))
    assert len(two.lines(text, "sent")) == 1, "what the first knows of it was refused"
    assert two.twilio.texts[before + 1].body != text.body, "nothing was sent twice"
