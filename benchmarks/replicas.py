"""One, two and four services on one PostgreSQL: how much they take in together, and what is lost or doubled while they are
killed and frozen, one after the other, every few seconds.
"""

import json
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from benchmarks import burst, city, load, servers
from benchmarks.city import City, Provider
from benchmarks.load import Measured
from benchmarks.told import middle, table

TEAMS = 900
FROZEN_SECONDS = 3.0


def together(it: City, *, connections: int, seconds: float, run: str) -> float:
    """Incidents a second over all replicas, each asked by its share of the connections."""

    def ask(place: int) -> Measured:
        server = it.servers[place]

        def make(number: int) -> bytes:
            report = city.report(number * len(it.servers) + place, teams=TEAMS, run=run)
            return load.post(server.url, "/v1/incidents", report, key=it.partner)

        return load.closed(server.url, make, connections=connections // len(it.servers), seconds=seconds)

    with ThreadPoolExecutor(len(it.servers)) as pool:
        return sum(measured.rate for measured in pool.map(ask, range(len(it.servers))))


def disturb(it: City, until: float, counts: Counter[str]) -> None:
    """Kill one and start it again; freeze another one and let it go on."""
    turn = 0
    while time.monotonic() < until:
        server = it.servers[turn % len(it.servers)]
        if turn % 2:
            assert server.process
            server.process.send_signal(signal.SIGSTOP)
            servers.pause(FROZEN_SECONDS)
            server.process.send_signal(signal.SIGCONT)
            counts["frozen"] += 1
        else:
            server.kill()
            server.start()
            counts["killed"] += 1
        turn += 1
        servers.pause(1)


def chaos(provider: Provider, *, replicas: int, seconds: float, rate: float) -> list[object]:
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
            answered += [json.loads(body)["tasks"][0]["code"] for _, body in measured.answers if b'"tasks"' in body]
            number += 1
        beside.join()
        _, seen = burst.settle(provider, set(answered), within=180)
    lost = sum(code not in seen for code in answered)
    doubled = sum(times > 1 for times in seen.values())
    return [replicas, len(answered), counts["killed"], counts["frozen"], lost, doubled]


def run(*, full: bool) -> str:
    """The section."""
    rounds, seconds = (3, 6.0) if full else (1, 3.0)
    rates: dict[int, list[float]] = {}
    with city.provider() as provider:
        for number in range(rounds):
            for replicas in (1, 2, 4):
                with city.city("postgresql", provider=provider, teams=TEAMS, replicas=replicas) as it:
                    together(it, connections=16, seconds=1, run=f"w{number}")
                    rates.setdefault(replicas, []).append(
                        together(it, connections=16, seconds=seconds, run=f"r{number}")
                    )
        disturbed = [chaos(provider, replicas=n, seconds=60 if full else 15, rate=20) for n in (2, 4)]
    one = middle(rates[1])
    speed = [[n, f"{middle(found):,.0f}", f"{middle(found) / one:.2f}"] for n, found in rates.items()]
    head = ["replicas", "accepted", "kills", "freezes", "lost", "doubled"]
    return "\n\n".join(
        [
            "Sixteen connections in all; client, provider, PostgreSQL and replicas share the machine's cores.",
            table(["replicas", "incidents a second", "beside one"], speed),
            f"Twenty incidents a second, while one replica after the other is killed, or frozen for {FROZEN_SECONDS:.0f} s:",
            table(head, disturbed),
        ]
    )


if __name__ == "__main__":
    print(run(full=False))
