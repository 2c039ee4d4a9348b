"""From a partner's POST to the request that arrives at the provider: when nothing else happens, and at fifty a second.

Beside it Prometheus Alertmanager, where it is installed (Debian's prometheus-alertmanager): it keeps alerts in memory, waits
for no group and posts to a webhook. Callout judges, writes and commits first.
"""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import city, load, servers
from benchmarks.city import Provider
from benchmarks.load import Measured, quantile
from benchmarks.servers import Server
from benchmarks.told import middle, ms, table

TEAMS = 900
ALERTMANAGER = """route: {{receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s}}
receivers: [{{name: hook, webhook_configs: [{{url: '{url}/hook', send_resolved: false}}]}}]
"""
Waits = list[float]


@contextlib.contextmanager
def alertmanager(provider: Provider) -> Iterator[Server | None]:
    """Alertmanager on a port of its own; None where it is not installed."""
    command = shutil.which("prometheus-alertmanager")
    if command is None:
        yield None
        return
    port = servers.free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.yml").write_text(ALERTMANAGER.format(url=provider.server.url), encoding="utf-8")
        arguments = ["--config.file=config.yml", f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
        server = Server([command, *arguments, "--storage.path=data"], f"http://127.0.0.1:{port}", folder)
        server.start(ready="/-/ready")
        yield server
        server.stop()


def arrivals(provider: Provider, key: Callable[[str], str], count: int) -> dict[str, float]:
    """When each message first arrived, by what names it."""
    first: dict[str, float] = {}
    for at, _, text in provider.wait_for(count, within=30):
        first.setdefault(key(text), at)
    return first


def waits_of(measured: Measured, arrived: dict[str, float]) -> Waits:
    """Milliseconds from each POST to its text's arrival; one that never arrived counts as endless."""
    found = []
    for asked, body in measured.answers:
        code = json.loads(body)["tasks"][0]["code"]
        found.append((arrived.get(code, float("inf")) - asked) * 1000)
    return found


def of_callout(kind: str, provider: Provider, *, rate: float, count: int) -> Waits:
    """One round on an empty database."""
    provider.forget()
    with city.city(kind, provider=provider, teams=TEAMS) as it:
        warm = load.paced(it.url, _reports(it, "warm", first=count), rate=20, count=20)
        provider.wait_for(len(warm.answers), within=30)
        provider.forget()
        measured = load.paced(it.url, _reports(it, "run"), rate=rate, count=count)
        return waits_of(measured, arrivals(provider, lambda text: text.split()[0], count))


def _reports(it: city.City, run: str, first: int = 0) -> load.Maker:
    def make(number: int) -> bytes:
        report = city.report(first + number, teams=TEAMS, run=run)
        return load.post(it.url, "/v1/incidents", report, key=it.partner)

    return make


def of_alertmanager(server: Server, provider: Provider, *, rate: float, count: int, run: str) -> Waits:
    """One round with alerts that are like no other."""
    provider.forget()
    asked: dict[str, float] = {}

    def make(number: int) -> bytes:
        name = f"{run}-{number}"
        return load.post(server.url, "/api/v2/alerts", [{"labels": {"alertname": "report", "id": name}}])

    measured = load.paced(server.url, make, rate=rate, count=count, connections=1 if rate < 10 else 64)
    arrived = arrivals(provider, lambda text: json.loads(text)["alerts"][0]["labels"]["id"], count)
    # Connections answer out of order, so an alert is matched by the order of asking: alike but for their names.
    for number, (at, _) in enumerate(sorted(measured.answers)):
        asked[f"{run}-{number}"] = at
    return [(arrived.get(name, float("inf")) - at) * 1000 for name, at in asked.items()]


def run(*, full: bool) -> str:
    """The section."""
    rounds = 3 if full else 1
    loads = {"idle, 4 a second": (4.0, 120 if full else 40), "50 a second": (50.0, 800 if full else 300)}
    found: dict[tuple[str, str], list[Waits]] = {}
    with city.provider() as provider, alertmanager(provider) as peer:
        for number in range(rounds):
            for name, (rate, count) in loads.items():
                for kind in ("sqlite", "postgresql"):
                    waits = of_callout(kind, provider, rate=rate, count=count)
                    found.setdefault((name, f"Callout, {kind}"), []).append(waits)
                if peer:
                    waits = of_alertmanager(peer, provider, rate=rate, count=count, run=f"{name}-{number}")
                    found.setdefault((name, "Alertmanager"), []).append(waits)
    rows = []
    for (name, who), all_waits in found.items():
        p50, p99 = (middle([quantile(waits, share) for waits in all_waits]) for share in (0.5, 0.99))
        beside = found.get((name, "Alertmanager"))
        ratio = "not installed"
        if beside:
            theirs = [middle([quantile(w, share) for w in beside]) for share in (0.5, 0.99)]
            ratio = f"{p50 / theirs[0]:.1f} / {p99 / theirs[1]:.1f}"
        rows.append([name, who, ms(p50), ms(p99), ms(max(max(w) for w in all_waits)), ratio])
    head = ["load", "who", "p50", "p99", "longest", "p50 / p99 beside Alertmanager"]
    return "From the POST to the request at the provider.\n\n" + table(head, rows)


if __name__ == "__main__":
    print(run(full=False))
