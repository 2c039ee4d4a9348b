"""One, two and four services on one PostgreSQL: how much they take in together, and what is lost or doubled while they are
killed and frozen, one after the other, every few seconds.
"""

import itertools
import json
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from benchmarks import burst, city, load, servers
from benchmarks.city import City, Provider
from benchmarks.load import Measured
from benchmarks.told import Verdict, middle, table, verdicts

TEAMS = 900
FROZEN_SECONDS = 3.0


def together(it: City, *, connections: int, seconds: float, first: int) -> float:
    """Incidents a second over all replicas, each asked by its share of the connections."""

    def ask(place: int) -> Measured:
        server = it.servers[place]

        def make(number: int) -> bytes:
            report = city.report(first + number * len(it.servers) + place, teams=TEAMS, run="r")
            return load.post(server.url, "/v1/incidents", report, key=it.partner)

        return load.closed(server.url, make, connections=connections // len(it.servers), seconds=seconds)

    with ThreadPoolExecutor(len(it.servers)) as pool:
        return sum(measured.rate for measured in pool.map(ask, range(len(it.servers))))


class Outcome(NamedTuple):
    """What was done to so many replicas, and what became of what they accepted."""

    replicas: int
    accepted: int
    kills: int
    freezes: int
    restarts: int
    lost: int
    doubled: int


def disturb(it: City, until: float, counts: Counter[str]) -> None:
    """In turn: kill a replica and start it again, freeze another one for a while, crash the database and start it again."""
    assert it.postgresql
    for turn in itertools.count():
        if time.monotonic() > until:
            return
        server = it.servers[turn % len(it.servers)]
        match turn % 3:
            case 0:
                server.kill()
                server.start()
                counts["kills"] += 1
            case 1:
                assert server.process
                server.process.send_signal(signal.SIGSTOP)
                servers.pause(FROZEN_SECONDS)
                server.process.send_signal(signal.SIGCONT)
                counts["freezes"] += 1
            case _:
                it.postgresql.restart("immediate")
                counts["restarts"] += 1
        servers.pause(1)


def chaos(provider: Provider, *, replicas: int, seconds: float, rate: float) -> Outcome:
    """Post to the replicas in turn while they are disturbed; every answered incident must reach the provider."""
    provider.forget()
    counts: Counter[str] = Counter()
    with city.city("postgresql", provider=provider, teams=TEAMS, replicas=replicas) as it:
        end = time.monotonic() + seconds
        beside = threading.Thread(target=disturb, args=(it, end, counts))
        beside.start()
        answered: list[str] = []
        number = 0
        while time.monotonic() < end:
            server = it.servers[number % replicas]
            count = max(int(rate), 1)

            def make(n: int, base: int = number * 1000, url: str = server.url) -> bytes:
                return load.post(url, "/v1/incidents", city.report(base + n, teams=TEAMS, run="chaos"), key=it.partner)

            try:
                measured = load.paced(server.url, make, rate=rate, count=count, connections=8)
            except OSError:
                servers.pause(0.2)
                number += 1
                continue
            answered += [json.loads(one.body)["tasks"][0]["code"] for one in measured.answers if one.status == 201]
            number += 1
        beside.join()
        texted, rung = burst.told(burst.settle(provider, set(answered), within=180))
    lost = sum(code not in texted and code not in rung for code in answered)
    doubled = sum(times > 1 for times in texted.values())
    kills, freezes, restarts = (counts[what] for what in ("kills", "freezes", "restarts"))
    return Outcome(replicas, len(answered), kills, freezes, restarts, lost, doubled)


def run(*, full: bool) -> str:
    """The section."""
    rounds, seconds = (3, 6.0) if full else (1, 3.0)
    rates: dict[int, list[float]] = {}
    with city.provider() as provider:
        for _ in range(rounds):
            for replicas in (1, 2, 4):
                with city.city("postgresql", provider=provider, teams=TEAMS, replicas=replicas) as it:
                    together(it, connections=16, seconds=1, first=0)
                    rates.setdefault(replicas, []).append(together(it, connections=16, seconds=seconds, first=1000))
        disturbed = [
            chaos(provider, replicas=n, seconds=120 if full else 20, rate=20) for n in ((2, 4) if full else (2,))
        ]
    one = middle(rates[1])
    speed = [
        [n, " / ".join(f"{each:,.0f}" for each in found), f"{middle(found) / one:.2f}"] for n, found in rates.items()
    ]
    said = []
    for each in disturbed:
        harmed = each.kills + each.freezes + each.restarts
        at_most = harmed * burst.THREADS
        who = f"{each.replicas} replicas"
        said += [
            Verdict(f"{who}: lost", "0", f"{each.lost} of {each.accepted:,}", each.lost == 0),
            Verdict(
                f"{who}: doubled",
                f"at most the {burst.THREADS} calls in flight at each of {harmed} disturbances",
                str(each.doubled),
                each.doubled <= at_most,
            ),
        ]
    return "\n\n".join(
        [
            verdicts(said),
            "Sixteen connections in all, each round; client, provider, PostgreSQL and replicas share the machine's cores, so "
            "that more replicas show what they cost each other, not what more machines would bring.",
            table(["replicas", "incidents a second", "beside one"], speed),
            "Twenty incidents a second, while in turn a replica is killed (`kill -9`) and started, another one is frozen for "
            f"{FROZEN_SECONDS:.0f} s, and PostgreSQL crashes and starts, a second after each other. Doubles come from calls "
            "whose answer was not yet written down: [guarantees.md](guarantees.md) says why.",
            table(Outcome._fields, disturbed),
        ]
    )


if __name__ == "__main__":
    print(run(full=False))
