"""What else can be installed from packages: Prometheus Alertmanager and Alerta, each set up as its documents say.

Alertmanager keeps alerts in memory, groups nothing here and posts to a webhook. Alerta writes to PostgreSQL, and its
own forwarder posts every alert on before it answers. Neither judges by rules or knows who is on call.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import load, servers
from benchmarks.city import Provider
from benchmarks.servers import Server

ROOT = Path(__file__).parent.parent
VENV = ROOT / ".venv-peers"
HOW_TO_GET_ALERTMANAGER = (
    "Alertmanager was not there: `make bench-peers` installs it as root (Debian's prometheus-alertmanager)."
)
ALERTMANAGER = """route: {{receiver: hook, group_by: ['...'], group_wait: {wait}, group_interval: 1s}}
receivers: [{{name: hook, webhook_configs: [{{url: '{url}/hook', send_resolved: false}}]}}]
"""
ALERTA = """DATABASE_URL = {database!r}
SECRET_KEY = "only on this machine"
PLUGINS = ["forwarder"]
FWD_DESTINATIONS = [({url!r}, {{"key": "none"}}, ["alerts"])]
"""


@dataclass
class Peer:
    """A running service, how it is told of number `n`, and how that is found again in what reached the provider."""

    server: Server
    path: str
    body: Callable[[str], object]
    named: Callable[[str], list[str]]
    ready: str

    def make(self, run: str) -> load.Maker:
        """Reports that are like no other."""
        return lambda number: load.post(self.server.url, self.path, self.body(f"{run}-{number}"))


@contextmanager
def alertmanager(provider: Provider, *, wait: str = "0s") -> Iterator[Peer | None]:
    """Alertmanager, or None where it is not installed."""
    command = shutil.which("prometheus-alertmanager")
    if command is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), servers.free_port()
        settings = ALERTMANAGER.format(url=provider.server.url, wait=wait)
        (folder / "config.yml").write_text(settings, encoding="utf-8")
        arguments = ["--config.file=config.yml", f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
        server = Server([command, *arguments, "--storage.path=data"], f"http://127.0.0.1:{port}", folder)
        server.start(ready="/-/ready")
        try:
            yield Peer(
                server,
                "/api/v2/alerts",
                lambda name: [{"labels": {"alertname": "report", "id": name}}],
                lambda text: [alert["labels"]["id"] for alert in json.loads(text)["alerts"]],
                "/-/ready",
            )
        finally:
            server.stop()


@contextmanager
def alerta(provider: Provider) -> Iterator[Peer | None]:
    """Alerta on PostgreSQL, served by gunicorn; None where it is not set up."""
    command = VENV / "bin" / "gunicorn"
    if not command.exists():
        yield None
        return
    with tempfile.TemporaryDirectory() as name, servers.database("postgresql", Path(name)) as (url, _):
        folder, port = Path(name), servers.free_port()
        (folder / "alertad.conf").write_text(ALERTA.format(database=url, url=provider.server.url), encoding="utf-8")
        arguments = ["--workers=2", "--threads=8", f"--bind=127.0.0.1:{port}", "alerta:create_app()"]
        server = Server(
            [str(command), *arguments],
            f"http://127.0.0.1:{port}",
            folder,
            {"ALERTA_SVR_CONF_FILE": str(folder / "alertad.conf")},
        )
        server.start(ready="/management/gtg")
        try:
            yield Peer(
                server,
                "/alert",
                lambda name: {
                    "resource": name,
                    "event": "report",
                    "environment": "Production",
                    "severity": "major",
                    "service": ["callout"],
                    "text": "two groups met after school",
                },
                lambda text: [json.loads(text)["resource"]],
                "/management/gtg",
            )
        finally:
            server.stop()
