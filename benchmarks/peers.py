"""Callout beside services that can be installed from packages, under the same load on the same machine in the same run: reports a
second, milliseconds to the provider, and what is lost when the process is killed or the provider is away."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from benchmarks import burst, city, handover, intake, load, others, servers
from benchmarks.city import Provider
from benchmarks.others import Peer
from benchmarks.told import table

TEAMS = 900
COUNT, WITHIN = 1000, 30.0
Kept = tuple[int, int, int]  # accepted, lost, doubled
Fault = Callable[[Peer, Provider], None]

KEEPS = """What each keeps:

- **Callout** answers after a durable commit of the report, the task, its deadlines and its page. What was accepted is sent after
  a crash and after a provider's failure. It judges by fifty rules and ten patterns meanwhile; the others do neither.
- **Alertmanager** keeps alerts in memory; its disk holds silences and what was notified, not what was not. An alert that waits
  for its group, or for a provider that is away, is gone after a crash unless its sender posts it again, as Prometheus does every
  minute and a hospital's form does not. While it lives it tries a webhook again.
- **Alerta** commits the alert, then forwards it within the request, once. The alert stays in its database and its list, but a
  notification that failed or was cut off is not sent again."""


def rate(peer: Peer, number: int) -> float:
    """Reports a second at sixteen connections."""
    found = load.closed(peer.server.url, peer.make(f"rate-{number}"), connections=16, seconds=2)
    return sum(count for status, count in found.statuses.items() if status < 300) / found.seconds


def killed(peer: Peer, _provider: Provider) -> None:
    """A power cut, and the same again."""
    peer.server.kill()
    peer.server.start(ready=peer.ready)


def away(_peer: Peer, provider: Provider) -> None:
    """The provider answers 503 for five seconds."""
    burst.away(provider, 5)


def kept(peer: Peer, provider: Provider, fault: Fault, run: str) -> Kept:
    """A thousand posted in one second, with a fault from the middle on."""
    provider.forget()
    half = threading.Event()

    def disturb() -> None:
        half.wait(WITHIN)
        fault(peer, provider)

    beside = threading.Thread(target=disturb)
    beside.start()
    make = peer.make(run)

    def ask(number: int) -> bytes:
        if number >= COUNT // 2:
            half.set()
        return make(number)

    measured = load.paced(peer.server.url, ask, rate=1000, count=COUNT)
    half.set()
    beside.join()
    provider.drained(within=WITHIN, quiet=8)
    seen = Counter(name for _, _, text in provider.record()["accepted"] for name in peer.named(text))
    names = [f"{run}-{one.number}" for one in measured.answers if one.status < 300]
    return len(names), sum(name not in seen for name in names), sum(count > 1 for count in seen.values())


def of_peer(peer: Peer, provider: Provider, title: str, turns: int) -> list[str]:
    """One line of the table."""
    rates = [rate(peer, number) for number in range(turns)]
    provider.drained()
    waits = [
        [
            handover.of_peer(peer, provider, rate=a_second, count=count, run=f"{title}-{a_second}-{n}")
            for n in range(turns)
        ]
        for a_second, count in ((4.0, 30), (50.0, 200))
    ]
    faults = [kept(peer, provider, fault, f"fault-{place}") for place, fault in enumerate((away, killed))]
    return line(title, rates, waits, faults)


def of_callout(kind: str, provider: Provider, title: str, turns: int) -> list[str]:
    """The same of Callout."""
    with city.city(kind, provider=provider, teams=TEAMS) as it:
        asked = intake.Asked(it.servers[0], it.partner)
        rates = [intake.closed(asked, provider, 16, 2).measured.rate for _ in range(turns)]
    with city.city(kind, provider=provider, teams=TEAMS) as it:
        ours = handover.Callout(it, provider)
        ours.warm_up()
        waits = [
            [ours.waits(rate=a_second, count=count) for _ in range(turns)]
            for a_second, count in ((4.0, 30), (50.0, 200))
        ]
    outcomes = [burst.one(kind, provider, name, count=COUNT) for name in (burst.AWAY, burst.KILLED[0])]
    return line(title, rates, waits, [(one.accepted, one.lost, one.doubled) for one in outcomes])


def line(title: str, rates: list[float], waits: list[list[handover.Waits]], faults: list[Kept]) -> list[str]:
    """Raw numbers of each round."""
    cells = [title, " / ".join(f"{each:,.0f}" for each in rates)]
    for rounds in waits:
        cells += handover.told(rounds)[:2]
    return cells + [f"{lost} of {accepted:,}, {doubled} doubled" for accepted, lost, doubled in faults]


def run(*, full: bool) -> str:
    """The section."""
    rows, turns = [], 5 if full else 3
    peers: dict[str, Callable[[Provider], AbstractContextManager[Peer | None]]] = {
        "Alertmanager, in memory": others.alertmanager,
        "Alertmanager, group_wait 1 s": lambda provider: others.alertmanager(provider, wait="1s"),
        "Alerta, PostgreSQL": others.alerta,
    }
    with ExitStack() as stack:
        provider = stack.enter_context(city.provider())
        for kind, title in intake.KINDS.items():
            rows.append(of_callout(kind, provider, f"Callout, {title}", turns))
        for title, start in peers.items():
            with start(provider) as peer:
                if peer is None:
                    rows.append([title, "not installed", *[""] * 6])
                else:
                    rows.append(of_peer(peer, provider, title, turns))
                    servers.pause(0.5)
    head = ["service", "a second at 16 connections", "idle: p50 in ms", "p99", "at 50 a second: p50 in ms", "p99"]
    head += ["lost when the provider answers 503 for 5 s", "lost by kill -9 in the burst"]
    said = (
        f"Each round's numbers. Lost: accepted, and nothing arrived at the provider; of {COUNT:,} posted in a second."
    )
    return f"{said}\n\n{table(head, rows)}\n\n{KEEPS}"


if __name__ == "__main__":
    print(run(full=False))
