"""How the databases answer the questions that are asked again and again: by an index, whatever is stored beside it."""

import re
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection, event, text
from sqlmodel import SQLModel

from rules.incident import IncidentReport
from service.flows import intake
from service.models.tasks import TaskState
from service.records import claims, outbox, tasks, timers, turns
from service.records.judging import Submission
from service.runtime import Runtime
from service.work import Work

STORED = 5_000
LARGE = ("task", "timer", "message")
NO_FILTER: dict[str, str | None] = {}
ROOM = turns.Room(channels={}, others=8)

ASKED: dict[str, tuple[Callable[[Work], object], set[str]]] = {
    "when the next timer is due": (timers.first_at, {"ix_timer_due_at"}),
    "the timers that are due": (lambda work: timers.claim(work, 10), {"ix_timer_due_at"}),
    "when the next message is due": (claims.first_at, {"ix_message_unsent"}),
    "whether a message is due": (lambda work: turns.is_anything_due(work, ROOM), {"ix_message_u", "ix_message_team"}),
    "how many messages wait": (outbox.unsent, {"ix_message_u", "ix_message_team"}),
    "a page of open tasks": (
        lambda work: tasks.found(
            work, state=TaskState.OPEN, sla=None, exact=NO_FILTER, localities=(), limit=50, before=None
        ),
        {"task_pkey", "sqlite_autoindex_task_1", "ix_task_state"},
    ),
    "what a worker holds": (lambda work: tasks.held_by(work, "amina"), {"ix_task_assignee"}),
}


def store(runtime: Runtime) -> None:
    """One task with its timers and message, and thousands like it whose turn has not come."""
    body = IncidentReport(type="weapon_in_school", occurred_at=runtime.clock.now(), locality="south")
    intake.accept(runtime, [Submission(report=body, key_id="key_x", partner="partner")])
    numbers = (
        f"(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {STORED}) SELECT n FROM g) AS g"
        if runtime.database.is_sqlite
        else f"generate_series(1, {STORED}) AS g(n)"
    )
    later = runtime.clock.now() + timedelta(days=9)
    with runtime.database.setting_up() as session:
        connection = session.connection()
        for name in LARGE:
            other = {
                "id": "t.id || '-' || n",
                "code": "'Q' || n",
                "assignee": "'w' || (n % 50)",
                "task_id": "t.task_id || '-' || n",
            }
            other |= {"state": "'sent'"} if name == "message" else {}
            other |= {"due_at": f"'{later:%Y-%m-%d %H:%M:%S.%f}{'' if runtime.database.is_sqlite else '+00'}'"}
            columns = [column.name for column in SQLModel.metadata.tables[name].columns]
            values = ", ".join(other.get(column, f"t.{column}") for column in columns)
            connection.execute(
                text(f"INSERT INTO {name} ({', '.join(columns)}) SELECT {values} FROM {name} t, {numbers}")
            )
    with runtime.database.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()


def plans(runtime: Runtime, ask: Callable[[Work], object]) -> str:
    """How each statement of a question is answered."""
    explain = "EXPLAIN QUERY PLAN " if runtime.database.is_sqlite else "EXPLAIN (COSTS OFF) "
    found: list[str] = []

    def note(connection: Connection, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.lstrip().startswith("SELECT") and any(f"FROM {name}" in statement for name in LARGE):
            asked = connection.connection.cursor()
            asked.execute(explain + statement, parameters)  # type: ignore[arg-type]
            found.extend(str(row[-1]) for row in asked.fetchall())
            asked.close()

    with runtime.transaction() as work:
        event.listen(runtime.database.engine, "before_cursor_execute", note)
        ask(work)
        event.remove(runtime.database.engine, "before_cursor_execute", note)
    return "\n".join(found)


def test_no_question_that_is_asked_all_the_time_reads_a_whole_table(runtime: Runtime) -> None:
    store(runtime)
    whole = re.compile(rf"Seq Scan on ({'|'.join(LARGE)})\b|(SCAN|SEARCH) ({'|'.join(LARGE)})$", re.MULTILINE)
    for question, (ask, by) in ASKED.items():
        plan = plans(runtime, ask)
        assert plan, question
        assert not whole.search(plan), f"{question}:\n{plan}"
        assert any(index in plan for index in by), f"{question}:\n{plan}"
