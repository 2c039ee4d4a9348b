"""A backup as docs/deploy.md takes it, put back: everything is there, the audit holds, and nobody is paged twice."""

import sqlite3
import subprocess
import uuid
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import make_url
from sqlmodel import col, select

from rules.incident import IncidentReport
from service.engine import Engine
from service.flows import intake, setup
from service.models.incidents import Incident
from service.models.outbox import OutboxMessage
from service.models.tasks import Task
from service.records.judging import Submission
from service.runtime import Runtime
from tests.postgres import programs
from tests.running import open_sandbox


def test_what_is_restored_goes_on_where_it_was_and_pages_nobody_twice(runtime: Runtime, tmp_path: Path) -> None:
    for locality in ("north", "south"):
        body = IncidentReport(type="weapon_in_school", occurred_at=runtime.clock.now(), locality=locality)
        intake.accept(runtime, [Submission(report=body, key_id="key_x", partner="partner")])
    Engine(runtime).advance(timedelta(seconds=10))
    before = everything(runtime)
    assert [state for _, state in before[2]] == ["delivered"] * len(before[2])

    restored = replace(open_sandbox(back_up_and_restore(runtime, tmp_path)), clock=runtime.clock)
    try:
        assert everything(restored) == before
        good, broken = setup.verify_audit(restored)
        assert broken is None
        assert good == setup.verify_audit(runtime)[0]
        engine = Engine(restored)
        engine.advance(timedelta(seconds=30))
        assert everything(restored) == before, "what had left has left"
        engine.advance(timedelta(minutes=10))
        assert len(everything(restored)[2]) > len(before[2]), "and its escalation goes on"
    finally:
        restored.close()


def everything(runtime: Runtime) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    with runtime.reading() as work:
        incidents = work.session.exec(select(Incident.id).order_by(col(Incident.id))).all()
        tasks = work.session.exec(select(Task.id).order_by(col(Task.id))).all()
        messages = work.session.exec(
            select(OutboxMessage.id, OutboxMessage.state).order_by(col(OutboxMessage.id))
        ).all()
    return list(incidents), list(tasks), [(one, state) for one, state in messages]


def back_up_and_restore(runtime: Runtime, folder: Path) -> str:
    url = runtime.database.url
    if runtime.database.is_sqlite:
        with (
            closing(sqlite3.connect(make_url(url).database or "")) as live,
            closing(sqlite3.connect(folder / "restored.db")) as copy,
        ):
            live.backup(copy)
        return f"sqlite:///{folder}/restored.db"
    name = f"r{uuid.uuid4().hex}"
    dump = str(folder / "callout.dump")
    server = url.replace(f"/{make_url(url).database}?", "/postgres?")
    restored = url.replace(f"/{make_url(url).database}?", f"/{name}?")
    for program in (
        ["pg_dump", "--format=custom", f"--file={dump}", url],
        ["psql", "--quiet", f"--command=CREATE DATABASE {name}", server],
        ["pg_restore", "--exit-on-error", "--no-owner", f"--dbname={restored}", dump],
    ):
        subprocess.run([str(programs() / program[0]), *program[1:]], check=True, capture_output=True)
    return restored
