"""PostgreSQL restarts, fails over, stops hearing from a replica, or stands behind a pooler: work goes on by itself."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import func, select

from rules.incident import IncidentReport
from service import logs
from service.away import is_away
from service.engine import Engine
from service.flows import claiming, intake, sandbox
from service.models.access import Role
from service.models.incidents import Incident
from service.models.outbox import OutboxMessage
from service.records import outbox, settling
from service.records.judging import Submission, Taken
from service.rows import Session
from service.runtime import Runtime, build_runtime
from service.settings import Settings
from tests import pgbouncer
from tests.packages import PGBOUNCER
from tests.postgres import Server, running_server
from tests.running import build_sandbox, open_sandbox, plain_logs, served, wait_until
from tests.service.test_turns import queue

TOP = Path(__file__).parent.parent.parent
PATIENCE = 60
ALONE = pytest.mark.xdist_group("database-away")
pytestmark = ALONE

# Holds the row that every transaction with an audit entry needs, until it is told to go on.
HOLDER = """
import sys
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from service.away import is_away
from service.database import Database
from service.privacy import Keyring
database = Database(sys.argv[1], Keyring(["x" * 40]))
try:
    with database.transaction() as session:
        session.connection().execute(text("SELECT seq FROM audit_head FOR UPDATE"))
        print("holds", flush=True)
        sys.stdin.readline()
        session.connection().execute(text("UPDATE audit_head SET seq = -1"))
except SQLAlchemyError as error:
    print("refused" if is_away(error) else repr(error), flush=True)
with database.transaction() as session:
    print("goes on with", session.connection().execute(text("SELECT 1")).scalar_one(), flush=True)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as started:
        yield started


@pytest.fixture(scope="module")
def url(server: Server) -> str:
    address = server.database("away")
    build_sandbox(address).close()
    return address


@pytest.fixture
def runtime(url: str) -> Iterator[Runtime]:
    built = open_sandbox(url)
    logs.configure(built.settings)
    yield built
    plain_logs()
    built.close()


def report(runtime: Runtime, kind: str = "weapon_in_school") -> Taken:
    body = IncidentReport(type=kind, occurred_at=runtime.clock.now(), locality="south")
    taken = intake.accept(runtime, [Submission(report=body, key_id="key_x", partner="partner")])[0]
    assert isinstance(taken, Taken)
    return taken


def test_what_a_frozen_replica_holds_is_handed_on_and_its_commit_refused(runtime: Runtime, url: str) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url], cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "holds\n"
        holder.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        report(runtime)
        waited = time.monotonic() - began
        assert waited < 12, "the limit is 5 s without a word"
        holder.send_signal(signal.SIGCONT)
        holder.stdin.write("go on\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "refused\n"
        assert holder.stdout.readline() == "goes on with 1\n"
        assert holder.wait(20) == 0
    finally:
        holder.kill()
        holder.communicate()
    with runtime.reading() as work:
        assert work.session.connection().execute(text("SELECT seq FROM audit_head")).scalar_one() > 0


def test_a_restart_refuses_what_it_can_not_keep_and_the_engine_goes_on(server: Server, runtime: Runtime) -> None:
    key = sandbox.demo_keys(runtime)[Role.PARTNER]
    answers: list[tuple[int, str | None, str | None]] = []
    enough = threading.Event()
    with (
        served(runtime) as address,
        httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}) as client,
    ):
        client.timeout = httpx.Timeout(PATIENCE)

        def post() -> None:
            while not enough.is_set():
                body = {"type": "weapon_in_school", "occurred_at": "2026-11-20T14:41:00Z", "locality": "south"}
                answer = client.post("/v1/incidents", json=body)
                accepted = answer.json()["id"] if answer.status_code == 201 else None
                answers.append((answer.status_code, answer.headers.get("Retry-After"), accepted))

        poster = threading.Thread(target=post)
        poster.start()
        wait_until(lambda: len(answers) > 3)
        server.stop("immediate")
        wait_until(lambda: answers[-1][0] == 503)
        away = client.get("/readyz")
        assert away.status_code == 503
        assert "can't be reached" in away.json()["checks"]["database"]
        server.start()
        wait_until(lambda: answers[-1][0] == 201)
        enough.set()
        poster.join(PATIENCE)
        wait_until(lambda: client.get("/readyz").status_code == 200)
        wait_until(lambda: not _unsent(runtime))
    assert {status for status, _, _ in answers} == {201, 503}, "never an error that nobody can act on"
    assert all(retry for status, retry, _ in answers if status == 503)
    with runtime.reading() as work:
        kept = set(work.session.exec(select(Incident.id)))
    assert {accepted for _, _, accepted in answers if accepted} <= kept


def _unsent(runtime: Runtime) -> int:
    with runtime.reading() as work:
        due = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.state == "pending")
        return work.session.exec(due).one()


def pid(session: Session) -> int:
    return int(session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one())


def test_connections_that_the_server_has_closed_are_never_used_again(server: Server, runtime: Runtime) -> None:
    with runtime.reading() as one, runtime.reading() as other, runtime.reading() as third:
        before = {pid(each.session) for each in (one, other, third)}
    server.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'callout'")
    with runtime.reading() as one, runtime.reading() as other, runtime.reading() as third:
        assert not before & {pid(each.session) for each in (one, other, third)}
    assert report(runtime).incident_id


def test_a_connection_on_which_the_server_said_something_meanwhile_is_asked_and_kept(runtime: Runtime) -> None:
    with runtime.reading() as work:
        before = pid(work.session)
        work.session.connection().execute(text("LISTEN said"))
    with runtime.reading() as work, runtime.reading() as other:
        pids = {pid(work.session), pid(other.session)}
        assert before in pids
        other.session.connection().execute(text("NOTIFY said"))
        work.session.connection().execute(text("NOTIFY said"))
    with runtime.reading() as work, runtime.reading() as other:
        assert {pid(work.session), pid(other.session)} == pids


def test_a_server_that_is_no_primary_any_more_is_left_for_the_new_one(server: Server, runtime: Runtime) -> None:
    report(runtime)
    server.execute("ALTER DATABASE away SET default_transaction_read_only = on")
    try:
        runtime.database.engine.dispose()
        with pytest.raises(SQLAlchemyError) as refused:
            report(runtime)
        assert is_away(refused.value)
    finally:
        server.execute("ALTER DATABASE away RESET default_transaction_read_only")
    report(runtime)


def test_what_a_process_without_an_engine_wrote_is_sent_by_another_at_once(
    runtime: Runtime, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by NOTIFY: the slow look behind it, which would find it too, comes too late here."""
    monkeypatch.setattr("service.engine.TICK_SECONDS", 600)
    other = open_sandbox(url)
    engine = Engine(other)
    engine.start()
    try:
        wait_until(lambda: other.database.seen_as is not None and engine.takes_at_once)
        wait_until(lambda: not _unsent(runtime))
        assert runtime.senders.hands is None, "nobody sends where it is written"
        queue(runtime, 1)
        began = time.monotonic()
        wait_until(lambda: not _unsent(runtime))
        assert time.monotonic() - began < 2
    finally:
        engine.stop()
        other.close()


def test_a_replica_that_connects_again_meanwhile_is_not_taken_for_dead(runtime: Runtime, url: str) -> None:
    other = open_sandbox(url)
    queue(runtime, 1)
    listening, stopping = threading.Event(), threading.Event()
    hears = threading.Thread(target=other.database.hear_others, args=(lambda: None, stopping))
    hears.start()

    def listen() -> None:
        runtime.database.hear_others(lambda: None, listening)

    first = threading.Thread(target=listen)
    first.start()
    wait_until(lambda: runtime.database.seen_as is not None and other.database.seen_as is not None)
    (mine, *_) = claiming.claim(runtime, 1)
    again: list[threading.Thread] = []
    listening.set()
    first.join()
    wait_until(lambda: other.database.gone({runtime.database.name}) != set())

    def back_again(_seconds: float) -> None:
        listening.clear()
        again.append(threading.Thread(target=listen))
        again[0].start()
        wait_until(lambda: runtime.database.seen_as is not None)

    claiming.hand_on(other, back_again)
    listening.set()
    stopping.set()
    for thread in (*again, hears):
        thread.join()
    assert again, "it was looked for a second time"
    with other.transaction() as work:
        assert set(settling.held(work, [mine])) == {mine.message.reference}
        row = work.session.get_one(OutboxMessage, mine.message.reference)
        assert row.due_at > work.now, "nobody took it over"
    other.close()


@pytest.mark.skipif(not PGBOUNCER.found(), reason=PGBOUNCER.how)
def test_behind_a_pooler_work_is_done_and_replicas_wake_each_other(server: Server, url: str) -> None:
    with pgbouncer.pooled(server, url) as address:
        settings = Settings(
            database_url=address,
            database_direct_url=url,
            secret_key="for-tests-only-" + "x1y2z3" * 5,  # type: ignore[arg-type]
        )
        one, other = build_runtime(settings), build_runtime(settings)
        heard = threading.Event()
        engine = Engine(other)
        engine.follow()
        try:
            other.changed.listen(heard.set)
            threads = [threading.Thread(target=lambda: [report(one) for _ in range(4)]) for _ in range(6)]
            with one.reading() as work:
                before = outbox.unsent(work)
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
            with one.reading() as work:
                assert outbox.unsent(work) >= before + 24, "each was taken, whatever session it was given"
            assert heard.wait(PATIENCE)
            heard.clear()
            began = time.monotonic()
            report(one)
            assert heard.wait(PATIENCE)
            assert time.monotonic() - began < 5
        finally:
            engine.stop()
            one.close()
            other.close()
