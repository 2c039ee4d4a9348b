"""From a partner's POST to the request that arrives at the provider: when nothing else happens, and at fifty a second.

Beside it Prometheus Alertmanager, where it is installed (Debian's prometheus-alertmanager): it keeps alerts in memory, waits
for no group and posts to a webhook. Callout judges, writes and commits first.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks import city, load, others
from benchmarks.city import City, Provider
from benchmarks.load import Measured, quantile
from benchmarks.others import Peer
from benchmarks.told import Verdict, middle, ms, table, verdicts

TEAMS = 200
PEER, BUSY = "Alertmanager", "50 a second"
Waits = list[float]


def arrivals(provider: Provider, key: Callable[[str], str], count: int) -> dict[str, float]:
    """When each message first arrived, by what names it."""
    first: dict[str, float] = {}
    for at, _, text in provider.wait_for(count, within=30):
        first.setdefault(key(text), at)
    return first


def waits_of(measured: Measured, arrived: dict[str, float]) -> Waits:
    """Milliseconds from each POST to its text's arrival; one that never arrived counts as endless."""
    found = []
    for one in measured.answers:
        code = json.loads(one.body)["tasks"][0]["code"]
        found.append((arrived.get(code, float("inf")) - one.at) * 1000)
    return found


@dataclass
class Callout:
    """A city that stays up for all rounds. No report of it is like an earlier one."""

    city: City
    provider: Provider
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def warm_up(self) -> None:
        """Have everything loaded that a first report loads."""
        self.waits(rate=20, count=20)

    def waits(self, *, rate: float, count: int) -> Waits:
        """One round."""
        self.provider.forget()
        measured = load.paced(self.city.url, self._report, rate=rate, count=count)
        return waits_of(measured, arrivals(self.provider, lambda text: text.split()[0], count))

    def _report(self, _number: int) -> bytes:
        report = city.report(next(self.numbers), teams=TEAMS, run="run")
        return load.post(self.city.url, "/v1/incidents", report, key=self.city.partner)


def of_peer(peer: Peer, provider: Provider, *, rate: float, count: int, run: str) -> Waits:
    """One round of another service."""
    provider.forget()
    measured = load.paced(peer.server.url, peer.make(run), rate=rate, count=count)
    first: dict[str, float] = {}
    for at, _, text in provider.wait_for(count, within=30):
        for name in peer.named(text):
            first.setdefault(name, at)
    return [(first.get(f"{run}-{one.number}", float("inf")) - one.at) * 1000 for one in measured.answers]


def judged(found: dict[tuple[str, str], list[Waits]]) -> list[Verdict]:
    """The promised figures."""
    lines = []
    for (name, who), rounds in found.items():
        if who == PEER:
            continue
        if name == BUSY:
            longest = middle([quantile(waits, 1) for waits in rounds])
            lines.append(Verdict(f"{who}, {name}: longest", "below 100 ms", ms(longest), longest < 100))
        theirs = found.get((name, PEER))
        for share, title in ((0.5, "p50"), (0.99, "p99")) if theirs else ():
            assert theirs
            times = middle([quantile(a, share) / quantile(b, share) for a, b in zip(rounds, theirs, strict=True)])
            lines.append(
                Verdict(f"{who}, {name}: {title}", "at most twice Alertmanager's", f"{times:.1f} times", times <= 2)
            )
    return lines


def run(*, full: bool) -> str:
    """The section."""
    loads = {"idle, 4 a second": (4.0, 120 if full else 30), BUSY: (50.0, 800 if full else 200)}
    found: dict[tuple[str, str], list[Waits]] = {}
    with ExitStack() as stack:
        provider = stack.enter_context(city.provider())
        peer = stack.enter_context(others.alertmanager(provider))
        ours = {
            kind: Callout(stack.enter_context(city.city(kind, provider=provider, teams=TEAMS)), provider)
            for kind in ("sqlite", "postgresql")
        }
        for each in ours.values():
            each.warm_up()
        for number in range(3):
            for name, (rate, count) in loads.items():
                for kind, each in ours.items():
                    waits = each.waits(rate=rate, count=count)
                    found.setdefault((name, f"Callout, {kind}"), []).append(waits)
                if peer:
                    waits = of_peer(peer, provider, rate=rate, count=count, run=f"{name}-{number}")
                    found.setdefault((name, PEER), []).append(waits)
    rows = [[name, who, *told(rounds)] for (name, who), rounds in found.items()]
    said = (
        "Milliseconds from the POST to the request at the provider, each round. Alertmanager keeps alerts in memory and waits "
        "for no group (`group_wait: 0s`); Callout judges, writes and commits first. What never arrived counts as endless."
    )
    if not any(who == PEER for _, who in found):
        said += f" {others.HOW_TO_GET_ALERTMANAGER}"
    return f"{verdicts(judged(found))}\n\n{said}\n\n{table(['load', 'who', 'p50', 'p99', 'longest'], rows)}"


def told(rounds: list[Waits]) -> list[str]:
    """p50, p99 and longest of each round."""
    return [" / ".join(f"{quantile(waits, share):,.1f}" for waits in rounds) for share in (0.5, 0.99, 1)]


if __name__ == "__main__":
    print(run(full=False))
