"""Copies to a team's own channel: neutral words, once, after the pages, and its address stays a secret."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from sqlmodel import col, select

from notifiers.base import Channel
from rules.incident import IncidentReport
from service.errors import Invalid
from service.flows import actions, claiming, deadlines, delivery, intake, setup
from service.flows.actions import Scope
from service.models.outbox import MessageState, OutboxMessage
from service.models.tasks import Task
from service.records import phones
from service.records.judging import Submission
from service.runtime import Runtime
from service.settings import SHIPPED_PARTNERSHIP

TEAM = "education-inclusion-south"
SECRET = "aSecretOfTheChannel"


@dataclass
class Wall:
    """A channel that takes apprise's JSON, on a real port."""

    url: str = ""
    answers: int = 200
    posts: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def running_wall() -> Iterator[Wall]:
    wall = Wall()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            wall.posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(wall.answers)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not of interest."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    wall.url = f"json://127.0.0.1:{server.server_port}/{SECRET}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield wall
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def wall() -> Iterator[Wall]:
    with running_wall() as running:
        yield running


def put_up(runtime: Runtime, *addresses: str) -> None:
    document = yaml.safe_load(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8"))
    next(team for team in document["teams"] if team["slug"] == TEAM)["channels"] = list(addresses)
    setup.apply_partnership(runtime, yaml.safe_dump(document), actor="tests")


def report(runtime: Runtime) -> Task:
    incident = IncidentReport(type="weapon_in_school", occurred_at=runtime.clock.now(), locality="south")
    intake.accept(runtime, [Submission(report=incident, key_id="key_x", partner="partner")])
    with runtime.reading() as work:
        return work.session.exec(select(Task)).one()


def send(runtime: Runtime) -> list[str]:
    """Send what is due; the channels in the order in which they were served."""
    claimed = claiming.claim(runtime, 50)
    for each in claimed:
        delivery.send(runtime, each)
    return [each.message.channel for each in claimed]


def copies(runtime: Runtime) -> list[OutboxMessage]:
    with runtime.reading() as work:
        rows = work.session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))).all()
        return [row for row in rows if row.channel == Channel.TEAM]


def test_a_team_sees_what_opens_is_taken_and_is_overdue(runtime: Runtime, wall: Wall) -> None:
    put_up(runtime, wall.url)
    task = report(runtime)
    assert send(runtime) == ["sms", "team"], "pages go first"
    actions.acknowledge(runtime, Scope(actor="tests"), task.id, "ben")
    send(runtime)
    runtime.clock.advance_to(runtime.clock.now() + timedelta(days=2))  # type: ignore[attr-defined]
    deadlines.run_due(runtime)
    send(runtime)
    said = [post["message"] for post in wall.posts]
    assert [text.split()[0] for text in said] == [task.code] * len(said)
    assert "is open" in said[0]
    assert "is taken" in said[1]
    assert "was due" in said[2]
    with runtime.reading() as work:
        names = [worker.name for worker in work.partnership.workers]
        shown = phones.messages(work)
    assert not [name for name in names for text in said if name.split()[0] in text]
    assert {row.state for row in copies(runtime)} == {MessageState.DELIVERED}
    assert SECRET not in str(shown), "the on-screen phones are no place for a channel's address"


def test_a_channel_that_is_away_is_not_tried_again_and_no_address_is_logged(
    runtime: Runtime, wall: Wall, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    wall.answers = 503
    put_up(runtime, wall.url)
    report(runtime)
    send(runtime)
    (copy,) = copies(runtime)
    assert (copy.state, copy.error) == (MessageState.FAILED, "the channel did not take it")
    assert len(wall.posts) == 1
    assert send(runtime) == []
    assert SECRET not in caplog.text + "".join(capfd.readouterr())
    with runtime.database.reading() as session:
        kept = session.connection().exec_driver_sql("SELECT address FROM message WHERE channel = 'team'").all()
    assert SECRET not in str(kept)


def test_an_address_that_nothing_understands_is_refused_and_not_quoted(runtime: Runtime) -> None:
    with pytest.raises(Invalid) as refused:
        put_up(runtime, f"pigeon://{SECRET}")
    assert [fault.pointer.split("/")[-2:] for fault in refused.value.faults] == [["channels", "0"]]
    assert SECRET not in str(refused.value.faults)
