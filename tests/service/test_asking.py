"""What is asked again and again gets the same answers as from SQLAlchemy, whatever it is asked with."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import bindparam, literal_column, select, table, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import col

from service.asking import Question, columns_of
from service.database import UtcDateTime
from service.models.ids import new_id
from service.models.outbox import MessageState, OutboxMessage
from service.models.people import WorkerState
from service.runtime import Runtime
from service.work import Work
from tests.running import SECRET, counted

ROOT = Path(__file__).parents[2]
OF_WORKERS = Question(
    select(*columns_of(WorkerState))
    .where(col(WorkerState.worker).in_(bindparam("workers", expanding=True)))
    .order_by(col(WorkerState.worker))
)
TO = Question(select(*columns_of(OutboxMessage)).where(col(OutboxMessage.worker) == bindparam("worker")))
UNSEALED = Question(
    select(*(column for column in columns_of(OutboxMessage) if column.name != "text")).where(
        col(OutboxMessage.worker) == bindparam("worker")
    )
)


OFF_SINCE = Question(
    select(*columns_of(WorkerState))
    .where(
        col(WorkerState.off_since) <= bindparam("at", type_=UtcDateTime),
        col(WorkerState.off_since).in_(bindparam("moments", type_=UtcDateTime, expanding=True)),
        col(WorkerState.off_since) > datetime(2026, 1, 1, tzinfo=UTC),
    )
    .order_by(col(WorkerState.worker))
)


def message(work: Work, worker: str) -> OutboxMessage:
    return OutboxMessage(
        id=new_id("msg", work.now),
        worker=worker,
        purpose="notice",
        channel="sms",
        address="+447700900123",
        text="100% of it: %(worker)s :worker",
        urgency=20,
        state=MessageState.CANCELLED.value,
        written_at=work.now,
        due_at=work.now,
        tried=[{"provider": "twilio"}],
    )


@pytest.mark.parametrize("number", [0, 1, 2, 7, 9, 17, 100])
def test_a_list_of_any_length_finds_each_of_it_once(runtime: Runtime, number: int) -> None:
    names = [f"worker-{place:03}" for place in range(number)]
    with runtime.transaction() as work:
        work.session.add_all(WorkerState(worker=name) for name in [*names, "another"])
    with runtime.reading() as work:
        assert [row.worker for row in work.session.ask(OF_WORKERS, workers=names)] == names
        assert work.session.find(WorkerState, OF_WORKERS, workers=names) == [
            work.session.get(WorkerState, name) for name in names
        ]


def test_instants_are_asked_for_as_they_are_kept(runtime: Runtime) -> None:
    eight = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
    in_bristol = eight.astimezone(ZoneInfo("Europe/London"))
    with runtime.transaction() as work:
        work.session.add(WorkerState(worker="amina", off_since=eight))
        work.session.add(WorkerState(worker="ben", off_since=eight + timedelta(microseconds=1)))
        work.session.add(WorkerState(worker="chidi", off_since=datetime(2026, 1, 1, tzinfo=UTC)))
    with runtime.reading() as work:
        moments = [in_bristol, eight + timedelta(microseconds=1), datetime(2026, 1, 1, tzinfo=UTC)]
        for at, found in ((in_bristol, ["amina"]), (moments[1], ["amina", "ben"]), (eight - timedelta(seconds=1), [])):
            assert [row.worker for row in work.session.ask(OFF_SINCE, at=at, moments=moments)] == found
        (amina,) = work.session.ask(OFF_SINCE, at=eight, moments=moments)
        assert amina.off_since == eight
        assert amina.off_since.utcoffset() == timedelta(0)


def test_an_object_is_the_same_however_it_was_found(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        written = message(work, "amina")
        work.session.add(written)
    with runtime.reading() as work:
        by_question = work.session.find(OutboxMessage, TO, worker="amina")[0]
        assert work.session.get(OutboxMessage, written.id) is by_question
        assert work.session.exec(select(OutboxMessage)).scalars().one() is by_question
        assert by_question.model_dump() == written.model_dump(), (
            "sealed, JSON, instants and nothing, as they were put in"
        )
    with runtime.reading() as work:
        by_key = work.session.get(OutboxMessage, written.id)
        assert by_key is not None
        assert by_key.model_dump() == written.model_dump()


def test_what_was_not_asked_for_is_read_when_it_is_looked_at(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        work.session.add(message(work, "amina"))
    with runtime.reading() as work, counted(runtime) as statements:
        found = work.session.find(OutboxMessage, UNSEALED, worker="amina")[0]
        assert len(statements) == 1
        assert found.text.startswith("100% of it")
        assert len(statements) == 2


def test_what_waits_to_be_written_is_found(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        work.session.put(WorkerState, worker="put")
        work.session.add(WorkerState(worker="added"))
        names = ["added", "changed", "put"]
        assert [row.worker for row in work.session.ask(OF_WORKERS, workers=names)] == ["added", "put"]
        added = work.session.get(WorkerState, "added")
        assert added is not None
        added.off_since = work.now
        assert [row.off_since for row in work.session.ask(OF_WORKERS, workers=["added"])] == [work.now]


def test_a_change_of_an_object_is_written_and_nothing_else_of_it(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        work.session.add(WorkerState(worker="amina", unreachable_why="before"))
        work.session.add(WorkerState(worker="ben"))
    with runtime.transaction() as work, counted(runtime) as statements:
        amina, ben = (work.session.get(WorkerState, name) for name in ("amina", "ben"))
        assert amina
        assert ben
        amina.off_since = ben.off_since = work.now
        ben.unreachable_why = None
        work.session.flush()
        (said,) = [said for said in statements if said.startswith("UPDATE")]
        assert "unreachable_why" not in said, "what is as it was"
    with runtime.reading() as work:
        rows = work.session.ask(OF_WORKERS, workers=["amina", "ben"])
        assert [(row.off_since is not None, row.unreachable_why) for row in rows] == [(True, "before"), (True, None)]


def test_what_was_known_is_read_afresh_only_where_that_is_asked_for(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        work.session.add(WorkerState(worker="amina"))
    with runtime.reading() as work:
        amina = work.session.get(WorkerState, "amina")
        assert amina is not None
        work.session.connection().execute(text("UPDATE worker_state SET unreachable_why = 'since'"))
        assert work.session.find(WorkerState, OF_WORKERS, workers=["amina"]) == [amina]
        assert amina.unreachable_why is None
        assert work.session.find(WorkerState, OF_WORKERS, afresh=True, workers=["amina"]) == [amina]
        assert amina.unreachable_why == "since"


def test_a_row_that_is_gone_is_not_changed_unseen(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        work.session.add(WorkerState(worker="amina"))
    with runtime.transaction() as work:
        amina = work.session.get(WorkerState, "amina")
        assert amina is not None
        work.session.connection().execute(text("DELETE FROM worker_state"))
        amina.off_since = work.now
        with pytest.raises(StaleDataError):
            work.session.flush()
        work.session.expunge(amina)


def test_what_goes_wrong_is_said_as_sqlalchemy_says_it(runtime: Runtime) -> None:
    broken = Question(select(literal_column("1")).select_from(table("nowhere")))
    with pytest.raises(DBAPIError, match="nowhere"), runtime.reading() as work:
        work.session.ask(broken)
    with runtime.reading() as work:
        for _ in range(2):
            work.session.put(WorkerState, worker="amina")
        with pytest.raises(IntegrityError):
            work.session.flush()


def test_questions_are_answered_at_once_and_once(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        work.session.add(WorkerState(worker="amina"))
    with runtime.transaction() as work, counted(runtime) as statements:
        asked = [(OF_WORKERS, {"workers": ["amina"]}), (TO, {"worker": "amina"})]
        work.session.ask_ahead([*asked, asked[0]])
        assert len(statements) == 2
        assert [row.worker for row in work.session.ask_once(OF_WORKERS, workers=["amina"])] == ["amina"]
        assert work.session.ask_once(TO, worker="amina") == []
        assert len(statements) == 2
        state = work.session.get(WorkerState, "amina")
        assert state is not None
        state.off_since = work.now - timedelta(minutes=1)
        (row,) = work.session.ask_once(OF_WORKERS, workers=["amina"])
        assert row.off_since == state.off_since, "asked anew once it was written"


def test_it_may_be_the_first_thing_that_a_process_asks(sandbox_file: Path) -> None:
    """Others have SQLAlchemy look through its models before; a command may not."""
    script = (
        "import sys; from service.database import Database; from service.privacy import Keyring\n"
        "from service.models.people import PartnershipRow\n"
        "with Database(f'sqlite:///{sys.argv[1]}', Keyring([sys.argv[2]])).reading() as session:\n"
        "    print(session.get(PartnershipRow, 1).version)"
    )
    asked = [sys.executable, "-c", script, str(sandbox_file), SECRET]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (told.stdout, told.returncode) == ("1\n", 0), told.stderr
