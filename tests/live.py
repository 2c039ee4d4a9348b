"""The service as a city runs it: live mode, texts by Twilio and email by a mail server, both stand-ins on real ports."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from service import schema
from service.flows import setup
from service.models.access import Role
from service.runtime import build_runtime
from service.settings import Settings
from tests import running
from tests.fakes.smtp import FakeMail, running_mail
from tests.fakes.twilio import FakeTwilio, running_twilio
from tests.running import Service

SHIPPED = setup.SHIPPED_PARTNERSHIP.read_text(encoding="utf-8")
PUBLIC_URL = "https://callout.example.org"
PHONES = {
    "amina": "+447700900101",
    "ben": "+447700900102",
    "chidi": "+447700900103",
    "maximiliana": "+447700900104",
    "grace": "+447700900105",
    "owen": "+447700900106",
    "farah": "+447700900107",
    "priya": "+447700900108",
    "leroy": "+447700900109",
    "sian": "+447700900111",
    "rosa": "+447700900112",
    "tomasz": "+447700900113",
    "dana": "+447700900199",
}


@dataclass
class City:
    """A live service with its providers, and a key for each role."""

    service: Service
    twilio: FakeTwilio
    mail: FakeMail

    def client(self, role: str) -> httpx.Client:
        """A client with the key of a role."""
        return self.service.client(role)

    def report(self, kind: str = "weapon_in_school", **fields: Any) -> dict[str, Any]:
        """Post an incident that is accepted."""
        body = {"type": kind, "occurred_at": "2026-11-20T15:41:00Z", "locality": "south"} | fields
        with self.client("partner") as partner:
            answer = partner.post("/v1/incidents", json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def task(self, task_id: str) -> dict[str, Any]:
        """A task as a supervisor sees it."""
        with self.client("supervisor") as supervisor:
            found: dict[str, Any] = supervisor.get(f"/v1/tasks/{task_id}").json()
        return found

    def on_call(self, team: str = "education-inclusion-south") -> str:
        """The number of whoever is on call now."""
        with self.client("supervisor") as supervisor:
            worker = supervisor.get(f"/v1/teams/{team}/on-call").json()["on_call"][0]
        return PHONES[worker]

    def events(self, task_id: str, kind: str) -> list[dict[str, Any]]:
        """The lines of one kind in a task's timeline."""
        return [entry for entry in self.task(task_id)["timeline"] if entry["event"] == kind]

    def wait_for_event(self, task_id: str, kind: str, *words: str, within: float = 10) -> dict[str, Any]:
        """Wait until a task's timeline says something; the newest such line."""
        until, pause = time.monotonic() + within, threading.Event()
        while True:
            found = [line for line in self.events(task_id, kind) if all(word in line["detail"] for word in words)]
            if found:
                return found[-1]
            told = [(line["event"], line["detail"]) for line in self.task(task_id)["timeline"]]
            assert time.monotonic() < until, f"no {kind} with {words}: {told}"
            pause.wait(0.05)

    def start_again(self) -> None:
        """Start the process that was killed, where it was."""
        keys, port = self.service.keys, int(self.service.url.rpartition(":")[2])
        self.service = running.start(self.service.folder, port=port, **self.service.environment)
        self.service.keys = keys

    def backup(self) -> str:
        """The number of the other one in the southern team."""
        return PHONES["ben"] if self.on_call() == PHONES["amina"] else PHONES["amina"]


def environment(database_url: str, twilio: FakeTwilio, mail: FakeMail) -> dict[str, str]:
    """The settings of a city, as its README lists them."""
    return {
        "CALLOUT_MODE": "live",
        "CALLOUT_DATABASE_URL": database_url,
        "CALLOUT_PUBLIC_URL": twilio.public_url,
        "CALLOUT_SECRET_KEY": secrets.token_urlsafe(48),
        "CALLOUT_TWILIO_ACCOUNT_SID": twilio.account_sid,
        "CALLOUT_TWILIO_AUTH_TOKEN": twilio.auth_token,
        "CALLOUT_TWILIO_FROM": twilio.number,
        "CALLOUT_TWILIO_API_BASE": twilio.url,
        "CALLOUT_SMTP_URL": mail.url,
        "CALLOUT_SMTP_FROM": "callout@callout.example.org",
    }


@contextmanager
def live_city(folder: Path, database_url: str, *, partnership: str = "", **more: str) -> Iterator[City]:
    """A city that has just been switched on: what the README's commands do, in this process because it is quicker.

    `partnership`: a file in place of the shipped one. `more`: settings beside those of a city.
    """
    with running_twilio(public_url=PUBLIC_URL) as twilio, running_mail() as mail:
        settings = environment(database_url, twilio, mail) | more
        keys = switch_on(settings, partnership)
        with _served(folder, settings, twilio, mail) as city:
            city.service.keys = keys
            yield city


@contextmanager
def city_at(moment: str, folder: Path, **more: str) -> Iterator[City]:
    """A city whose clock stands at a moment and is moved by a story: the sandbox's, with a city's providers."""
    with running_twilio(public_url=PUBLIC_URL) as twilio, running_mail() as mail:
        settings = environment(f"sqlite:///{folder}/callout.db", twilio, mail)
        clock = {"CALLOUT_MODE": "sandbox", "CALLOUT_SANDBOX_CLOCK": moment}
        with _served(folder, settings | clock | more, twilio, mail) as city:
            yield city


@contextmanager
def _served(folder: Path, settings: dict[str, str], twilio: FakeTwilio, mail: FakeMail) -> Iterator[City]:
    service = running.start(folder, **settings)
    twilio.webhook_base = service.url
    city = City(service, twilio, mail)
    try:
        yield city
    finally:
        twilio.finish()
        if city.service.process.poll() is None:
            city.service.stop()
        city.service.hush()
    assert twilio.faults == [], "".join(city.service.output)[-4000:]


def partnership_with(change: Callable[[dict[str, Any]], None]) -> str:
    """The shipped partnership file with a change."""
    file: dict[str, Any] = yaml.safe_load(SHIPPED)
    change(file)
    return yaml.safe_dump(file, allow_unicode=True)


def switch_on(settings: dict[str, str], partnership: str = "") -> dict[str, str]:
    """Bring up the schema and a partnership, the shipped one if none is given; a key for each role."""
    values: dict[str, Any] = {name.removeprefix("CALLOUT_").lower(): value for name, value in settings.items()}
    runtime = build_runtime(Settings(**values))
    try:
        schema.migrate(runtime.database)
        setup.apply_partnership(runtime, partnership or SHIPPED, actor="tests")
        return {
            role.value: setup.make_key(runtime, role=role, name=f"A {role.value}", localities=[], actor="tests")[1]
            for role in (Role.PARTNER, Role.SUPERVISOR, Role.ADMIN)
        }
    finally:
        runtime.close()
