"""What the benchmarks measure: a partnership of many teams, fifty rules and ten patterns, and services that run it.

Everything is started in processes of its own, in live mode, texting by a provider that stands on a real port.
"""

import contextlib
import json
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.servers import COMMAND, Server, beside, callout, database, free_port, pause
from tests import postgres

REST_SECONDS, STILL_SECONDS = 120, 3
NUMBERS = 1000  # Ofcom's drama range: +44 7700 900000 to 900999

RULES = "".join(
    f"  - {{id: r-{n}, when: 'incident.type == \"kind_{n}\" && incident.hour >= 0', then: [response]}}\n"
    for n in range(50)
)
PATTERNS = "".join(
    f"  - {{id: p-{n}, of: 'incident.hour >= {n} && incident.setting == \"street\"', {where}, at_least: 400, "
    f"window: {7 + n}d, raise: kind_0}}\n"
    for n, where in enumerate(["near: 400m"] * 4 + ["same: group"] * 3 + ["same: person"] * 2 + ["same: place"])
)
PATHWAYS = """
  response:
    title: Response
    sms_label: Response
    team: team-{locality}
    priority: high
    sla: {acknowledge: 30m, contact: 4h, complete: 24h}
    warn_at: 75%
    outcomes: [contact_made]
    escalation:
      - {page: on-call, by: [sms]}
      - {after: 30m, page: duty, by: [sms], repeat: 2h}
  triage:
    title: Triage
    sms_label: Triage
    team: duty
    priority: normal
    sla: {acknowledge: 1h}
    outcomes: [handled]
    escalation:
      - {page: duty, by: [sms], repeat: 2h}
"""


def rulebook() -> str:
    """Fifty rules, of which each report meets one, and ten patterns that are asked of every report."""
    head = "rulebook: benchmark\ntitle: For measuring\npathways:" + PATHWAYS
    return f"{head}rules:\n{RULES}patterns:\n{PATTERNS}duplicates: {{window: 1h, same: [place, kind]}}\n"


def partnership(teams: int) -> dict[str, Any]:
    """As many teams as that, each in a locality of its own with one worker; the last number is the duty manager's."""
    if teams >= NUMBERS:
        raise ValueError(f"there are {NUMBERS} numbers for tests")

    def worker(number: int) -> dict[str, Any]:
        phone = f"+44770090{number:04d}"
        return {"slug": f"worker-{number}", "name": f"Worker {number}", "phone": phone, "verified": True}

    duty = NUMBERS - 1
    rota = {"rotation": "weekly", "handover": "Mon 09:00", "starts": "2026-01-05"}
    return {
        "partnership": "benchmark",
        "teams": [
            {
                "slug": f"team-l{n}",
                "name": f"Team {n}",
                "locality": f"l{n}",
                "rota": rota | {"workers": [f"worker-{n}"]},
            }
            for n in range(teams)
        ],
        "workers": [worker(n) for n in (*range(teams), duty)],
        "duty": {"workers": [f"worker-{duty}"]},
    }


def report(number: int, *, teams: int, run: str) -> dict[str, Any]:
    """One report that is like no other; its worker is one of `teams`, in turn."""
    return {
        "type": f"kind_{number % 50}",
        "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "source_ref": f"{run}-{number}",
        "locality": f"l{number % teams}",
        "setting": "street" if number % 2 else "school",
        "place": {"lat": 50 + (number * 7919 % 90_000) / 18_000, "lon": -4 + (number * 104_729 % 90_000) / 18_000},
        "people": [{"ref": f"p-{number % 40_000}", "role": "victim", "age": 15}],
        "groups": [f"g-{number % 20_000}"],
        "summary": "two groups met after school",
        "attributes": {"weapon": "none"},
    }


@dataclass
class Provider:
    """The provider's stand-in."""

    server: Server

    def takes(self, *, seconds: float = 0.0, status: int = 201) -> None:
        """How it answers from now on."""
        httpx.post(f"{self.server.url}/takes", json={"seconds": seconds, "status": status}).raise_for_status()

    def forget(self) -> None:
        """Begin to count anew."""
        httpx.post(f"{self.server.url}/forget").raise_for_status()

    def record(self) -> dict[str, Any]:
        """What arrived, what was taken, and how many calls were in hand at most."""
        found: dict[str, Any] = httpx.get(f"{self.server.url}/arrived", timeout=60).json()
        return found

    def count(self) -> int:
        """How many it has taken."""
        return int(httpx.get(f"{self.server.url}/count", timeout=60).json()["accepted"])

    def drained(self, *, within: float = 60.0, quiet: float = 1.0) -> float:
        """Wait until nothing has arrived for `quiet` seconds; when the last one did (monotonic), 0 when none did."""
        until, seen, since = time.monotonic() + within, -1, time.monotonic()
        while time.monotonic() < min(until, since + quiet):
            if (count := self.count()) != seen:
                seen, since = count, time.monotonic()
            pause(0.1)
        return max((at for at, _, _ in self.record()["accepted"]), default=0.0)

    def wait_for(self, count: int, *, within: float) -> list[tuple[float, str, str]]:
        """What it has taken once it is as much as that, or when the time is over."""
        until = time.monotonic() + within
        while self.count() < count and time.monotonic() < until:
            pause(0.05)
        return [(at, to, text) for at, to, text in self.record()["accepted"]]


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """A provider on a port of its own."""
    with beside("provider.py", ready="/arrived") as server:
        yield Provider(server)


@dataclass
class City:
    """Services on one database, with the keys to call them."""

    servers: list[Server]
    partner: str
    supervisor: str
    database_url: str
    environment: dict[str, str]
    folder: Path
    postgresql: postgres.Server | None

    @property
    def url(self) -> str:
        """The first service's address."""
        return self.servers[0].url


@contextlib.contextmanager
def city(kind: str, *, provider: Provider, teams: int = 900, replicas: int = 1, **settings: str) -> Iterator[City]:
    """A city in live mode on an empty database, with as many services as that."""
    with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as (url, server):
        folder = Path(name)
        (folder / "rulebook.yaml").write_text(rulebook(), encoding="utf-8")
        (folder / "partnership.json").write_text(json.dumps(partnership(teams)), encoding="utf-8")
        environment = {
            "CALLOUT_MODE": "live",
            "CALLOUT_DATABASE_URL": url,
            "CALLOUT_SECRET_KEY": secrets.token_urlsafe(48),
            "CALLOUT_RULEBOOK": str(folder / "rulebook.yaml"),
            "CALLOUT_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "CALLOUT_TWILIO_AUTH_TOKEN": secrets.token_hex(16),
            "CALLOUT_TWILIO_FROM": "+447700900999",
            "CALLOUT_TWILIO_API_BASE": provider.server.url,
            "CALLOUT_RECEIPT_SECONDS": "3600",  # this provider sends no receipts
            "CALLOUT_RATE_LIMIT": "0",
            # Each report is a text of its own, as with whatever it is measured beside; bundles would be fewer texts.
            "CALLOUT_GATHER_SECONDS": "0",
        } | settings
        callout(["migrate"], folder, environment)
        callout(["apply", str(folder / "partnership.json")], folder, environment)
        keys = [
            callout(["keys", "create", "--role", role, "--name", role], folder, environment).split()[-1]
            for role in ("partner", "supervisor")
        ]
        servers = []
        for _ in range(replicas):
            port = free_port()
            (folder / str(port)).mkdir()
            command = [str(COMMAND), "serve", "--port", str(port)]
            own = environment | {"CALLOUT_PUBLIC_URL": f"http://127.0.0.1:{port}"}
            servers.append(Server(command, f"http://127.0.0.1:{port}", folder / str(port), own))
        try:
            for one in servers:
                one.start()
            if settings.get("CALLOUT_ENGINE") != "off":
                _wait_until_at_rest(servers[0])
            yield City(servers, keys[0], keys[1], url, environment, folder, server)
        finally:
            for one in servers:
                one.stop()


def _wait_until_at_rest(one: Server) -> None:
    """Until a new city's first look at all of its rotas is over, which comes once a day later on. It is one errand before it
    has begun, too."""
    over = r'callout_queued\{queue="errands"\} 1\.0$'  # what is left is tomorrow's
    since, until = time.monotonic(), time.monotonic() + REST_SECONDS
    while time.monotonic() < since + STILL_SECONDS:
        if not re.search(over, httpx.get(f"{one.url}/metrics", timeout=30).text, re.MULTILINE):
            since = time.monotonic()
        if time.monotonic() > until:
            raise SystemExit("the first look at the rotas does not end")
        pause(0.2)
