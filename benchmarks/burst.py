"""A thousand incidents in one second, and what is left of them when the process or the provider fails in the middle.

Every incident that was answered 201 must reach the provider; how many came twice, and how long the last one took.
"""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import city, load
from benchmarks.city import City, Provider
from benchmarks.load import Measured
from benchmarks.told import middle, table

TEAMS = 900
CODE = re.compile(r"\b[FHJKMQRTWY][34679][A-Z0-9]{0,2}\b")
SLOW = 0.15  # seconds that a slow provider takes for a call


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a burst. Times in seconds."""

    asked: int
    accepted: int
    lost: int
    doubled: int
    in_hand: int
    last_after: float  # from the first POST, or from the restart where there was one
    rate: float


def codes_in(text: str) -> list[str]:
    """The codes of a page: one, or several where pages to one worker were gathered."""
    return list(dict.fromkeys(CODE.findall(text)))


def settle(provider: Provider, wanted: set[str], *, within: float) -> tuple[list[tuple[float, str, str]], Counter[str]]:
    """Wait until every code has reached the provider; what it took, and how often each code came."""
    until = time.monotonic() + within
    while True:
        taken = [(at, to, text) for at, to, text in provider.record()["accepted"]]
        seen = Counter(code for _, _, text in taken for code in codes_in(text))
        if wanted <= seen.keys() or time.monotonic() > until:
            return taken, seen
        city.pause(0.05)


def burst(
    it: City, provider: Provider, *, count: int, within: float, meanwhile: Callable[[], None] | None = None
) -> Outcome:
    """Post at a thousand a second; `meanwhile` runs beside it from its middle on and may kill and restart."""
    provider.forget()
    restarted: list[float] = []

    def disturb() -> None:
        city.pause(count / 1000 / 2)
        if meanwhile:
            meanwhile()
            restarted.append(time.monotonic())

    beside = threading.Thread(target=disturb)
    beside.start()

    def make(number: int) -> bytes:
        return load.post(it.url, "/v1/incidents", city.report(number, teams=TEAMS, run="burst"), key=it.partner)

    measured: Measured = load.paced(it.url, make, rate=1000, count=count, connections=64)
    beside.join()
    answered = [(at, json.loads(body)["tasks"][0]["code"]) for at, body in measured.answers if b'"tasks"' in body]
    taken, seen = settle(provider, {code for _, code in answered}, within=within)
    begun = restarted[0] if restarted else min(at for at, _ in measured.answers)
    return Outcome(
        asked=count,
        accepted=len(answered),
        lost=sum(code not in seen for _, code in answered),
        doubled=sum(number > 1 for number in seen.values()),
        in_hand=provider.record()["most_in_hand"],
        last_after=max((at for at, _, _ in taken), default=begun) - begun,
        rate=measured.rate,
    )


def restart(it: City) -> None:
    """A power cut, and the same process again."""
    it.servers[0].kill()
    it.servers[0].start()


def away(provider: Provider, seconds: float) -> None:
    """The provider answers 503 for a while."""
    provider.takes(status=503)
    city.pause(seconds)
    provider.takes()


def down_and_killed(it: City, provider: Provider) -> None:
    """The provider is away, the process is killed, and both come back."""
    provider.takes(status=503)
    city.pause(0.3)
    it.servers[0].kill()
    provider.takes()
    it.servers[0].start()


CASES: dict[str, tuple[float, Callable[[City, Provider], None] | None]] = {
    "nothing fails": (0.0, None),
    "a call takes 150 ms": (SLOW, None),
    "kill -9 in the burst": (0.0, lambda it, _provider: restart(it)),
    "provider answers 503 for 5 s": (0.0, lambda _it, provider: away(provider, 5)),
    "provider down, then kill -9": (0.0, down_and_killed),
    "a call takes 150 ms, and kill -9": (SLOW, lambda it, _provider: restart(it)),
}


def one(kind: str, provider: Provider, name: str, *, count: int) -> Outcome:
    """One case on an empty database."""
    takes, fault = CASES[name]
    provider.takes()
    with city.city(kind, provider=provider, teams=TEAMS) as it:
        load.paced(
            it.url, lambda n: load.get(it.url, f"/v1/incidents?limit={n + 1}", key=it.partner), rate=50, count=10
        )
        provider.takes(seconds=takes)
        meanwhile = (lambda: fault(it, provider)) if fault else None
        return burst(it, provider, count=count, within=120, meanwhile=meanwhile)


def run(*, full: bool) -> str:
    """The section."""
    rounds, count = (3, 1000) if full else (1, 300)
    found: dict[tuple[str, str], list[Outcome]] = {}
    with city.provider() as provider:
        for _ in range(rounds):
            for name in CASES:
                for kind in ("sqlite", "postgresql"):
                    found.setdefault((name, kind), []).append(one(kind, provider, name, count=count))
    rows = [
        [
            name,
            kind,
            sum(o.accepted for o in outcomes),
            sum(o.lost for o in outcomes),
            sum(o.doubled for o in outcomes),
            max(o.in_hand for o in outcomes),
            f"{middle([o.last_after for o in outcomes]):.1f} s",
            f"{middle([o.rate for o in outcomes]):,.0f}",
        ]
        for (name, kind), outcomes in found.items()
    ]
    head = [
        "case",
        "database",
        "accepted",
        "lost",
        "doubled",
        "calls in hand",
        "last at the provider",
        "answers a second",
    ]
    said = (
        f"{count} incidents posted at a thousand a second, {rounds} time{'s' if rounds > 1 else ''}. Lost: answered 201, and no "
        "text arrived. Doubled: a code that came in two texts; after a kill at most as many as calls were in hand. The last "
        "column but one counts from the first POST, or from when the process or the provider was back."
    )
    return f"{said}\n\n{table(head, rows)}"


if __name__ == "__main__":
    print(run(full=False))
