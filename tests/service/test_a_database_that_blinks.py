"""PostgreSQL is away for a moment while messages are in hand: each leaves once, and none waits for its lease."""

import itertools
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError

from rules.incident import IncidentReport, Place
from service import logs
from service.away import is_gone
from service.engine import Engine
from service.flows import claiming, delivery, intake
from service.models.outbox import MessageState
from service.records import judging
from service.records.judging import Submission
from service.runtime import Hands, Load, Runtime
from tests.fakes.notify import FakeNotify, running_notify
from tests.postgres import Server, running_server
from tests.running import build_sandbox, open_sandbox, plain_logs, wait_until
from tests.service.test_sent_at_once import all_sent, messages, sending

NUMBERS = itertools.count()
pytestmark = pytest.mark.xdist_group("database-away")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as started:
        build_sandbox(started.database("template")).close()
        yield started


@pytest.fixture
def notify() -> Iterator[FakeNotify]:
    with running_notify(delivers=False) as started:
        yield started


@pytest.fixture
def runtime(server: Server, notify: FakeNotify) -> Iterator[Runtime]:
    url = server.database(f"blinks {next(NUMBERS)}", template="template")
    built = open_sandbox(url, gather_seconds=0, **notify.environment())
    logs.configure(built.settings)
    yield built
    plain_logs()
    built.close()


def reports(runtime: Runtime, count: int) -> list[Submission]:
    now = runtime.clock.now()
    return [
        Submission(
            report=IncidentReport(
                type="weapon_in_school",
                occurred_at=now,
                locality="south",
                source_ref=f"{now.timestamp()}-{n}",
                place=Place(name=f"Invented Academy {n}"),
            ),
            key_id="key_x",
            partner="partner",
        )
        for n in range(count)
    ]


def references(notify: FakeNotify) -> list[str]:
    return sorted(each.reference for each in notify.notifications)


def test_what_is_in_hand_leaves_while_the_database_is_away(
    server: Server, runtime: Runtime, notify: FakeNotify
) -> None:
    intake.accept(runtime, reports(runtime, 3))
    claimed = claiming.claim(runtime, 10)
    server.stop("immediate")
    try:
        given = [found for each in claimed if (found := delivery.hand_over(runtime, each))]
    finally:
        server.start()
    assert len(notify.notifications) == len(claimed) >= 3, "how many texts a number had in this hour can't be asked"
    delivery.settle(runtime, given)
    assert {row.state for row in messages(runtime)} == {MessageState.SENT}


def test_what_came_of_a_message_meanwhile_is_written_down_later(
    server: Server, runtime: Runtime, notify: FakeNotify
) -> None:
    with sending(runtime):
        notify.takes_seconds = 1.0
        intake.accept(runtime, reports(runtime, 4))
        threading.Event().wait(0.3)  # they are on their way
        server.stop("immediate")
        threading.Event().wait(2)
        notify.takes_seconds = 0
        server.start()
        wait_until(lambda: all_sent(runtime))
        rows = messages(runtime)
    assert {row.state for row in rows} == {MessageState.SENT}
    assert references(notify) == [row.id for row in rows], "each once, within its lease"


def break_off(runtime: Runtime, hands: Hands, taken: list[Load]) -> None:
    """The answer to a COMMIT is lost on its way."""
    with runtime.transaction() as work:
        judging.accept(work, reports(runtime, 1))
        taken.append(hands.take(work))
        work.session.flush()
        work.session.connection().execute(text("COMMIT"))
        work.session.connection().execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_a_page_whose_commit_broke_off_when_it_was_done_is_sent(
    server: Server, runtime: Runtime, notify: FakeNotify
) -> None:
    taken: list[Load] = []
    with sending(runtime):
        hands = runtime.senders.hands
        assert hands
        with pytest.raises(SQLAlchemyError) as broken:
            break_off(runtime, hands, taken)
        hands.put_back(taken[0], broken.value)
        wait_until(lambda: all_sent(runtime))
    (row,) = messages(runtime)
    assert references(notify) == [row.id], "it is there, taken by a process that had to believe it is not"


def test_a_database_that_is_away_is_waited_for_once_by_a_group(server: Server, runtime: Runtime) -> None:
    given = reports(runtime, 30)
    tried: list[str] = []
    runtime.database.engine.dispose()
    event.listen(runtime.database.engine, "do_connect", lambda *_: tried.append("tried"))
    server.stop("immediate")
    try:
        results = intake.accept_each(runtime, given)
    finally:
        server.start()
    assert len(results) == 30
    assert all(isinstance(each, SQLAlchemyError) and is_gone(each) for each in results)
    assert len(tried) <= 2, "where it does not answer, each try takes seconds"


def test_who_stops_is_seen_until_it_has_nothing_in_hand_any_more(runtime: Runtime, notify: FakeNotify) -> None:
    other = open_sandbox(runtime.settings.database_url, gather_seconds=0, **notify.environment())
    stopping = threading.Event()
    listener = threading.Thread(target=other.database.hear_others, args=(lambda: None, stopping))
    listener.start()
    wait_until(lambda: other.database.seen_as is not None)
    engine = Engine(runtime)
    engine.start()
    try:
        wait_until(lambda: engine.takes_at_once)
        notify.takes_seconds = 3.0
        intake.accept(runtime, reports(runtime, 1))
        threading.Event().wait(0.5)
        stopped = threading.Thread(target=engine.stop)
        stopped.start()
        again = []
        while stopped.is_alive():
            claiming.hand_on(other, threading.Event().wait)
            again += [each.message.reference for each in claiming.claim(other, 10)]
        stopped.join()
    finally:
        stopping.set()
        listener.join()
        other.close()
    assert again == [], "nobody takes from it what it is sending"
    assert {row.state for row in messages(runtime)} == {MessageState.SENT}
    assert len(notify.notifications) == 1
