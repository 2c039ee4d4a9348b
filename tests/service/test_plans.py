"""How the databases answer what is asked again and again, whatever is stored beside it: the golden plans in `plans/`, with how
many statements each step of an incident's way costs.

After a change that means to change them: `GOLDEN_PLANS=write pytest tests/service/test_plans.py`, and read what changed.
"""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlmodel import SQLModel, col, select, update

from notifiers.base import Accepted, InboundText, Receipt, ReceiptState
from rules.incident import IncidentReport
from rules.sla import MilestoneState
from service.flows import actions, claiming, deadlines, delivery, intake, replies
from service.models.ids import new_id
from service.models.outbox import OutboxMessage
from service.models.tasks import Task, TaskState
from service.models.timers import Timer
from service.records import boards, claims, incidents, outbox, reports, tasks, timers, views
from service.records.judging import Submission, Taken
from service.runtime import Runtime
from service.work import Work
from tests import past

GOLDEN = Path(__file__).parent / "plans"
FINISHED, TIMES, OPEN = 10, 1000, 40
COPIED = past.TABLES | {"incident_mark": ("incident_id",)}
LARGE = (*COPIED, "audit_entry")
LOOKS = re.compile(r"\s*(SELECT|UPDATE|DELETE|WITH)\b.*\b(FROM|UPDATE)\b", re.DOTALL)
# https://www.postgresql.org/docs/current/using-explain.html and https://www.sqlite.org/eqp.html
INDEX = re.compile(r"(?:Scan(?: Backward)? using|Bitmap Index Scan on|USING (?:COVERING )?INDEX) (\w+)")
WHOLE = re.compile(rf"(?:Seq Scan on|SCAN) ({'|'.join(SQLModel.metadata.tables)})\b(?! USING)")
COUNT = re.compile(r"(?<=: )\d+$", re.MULTILINE)
BLOCKS = re.compile(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?")
MOST_BLOCKS = 300
SCOPE = actions.Scope(actor="tests")
Ask = Callable[[], object]


@dataclass
class Story:
    """A runtime with a past, and what one step leaves for a later one."""

    runtime: Runtime
    reported: int = 0
    told: list[claims.Claimed] = field(default_factory=list)

    def report(self) -> Ask:
        """One that is like no other, with a place, a person and a group."""
        self.reported += 1
        return self.posted("key_x")

    def joined(self) -> Ask:
        """Another agency reports the same."""
        self.opened()
        return self.posted("key_y")

    def posted(self, key: str) -> Ask:
        """The newest report, by one of the partners."""
        number = self.reported
        given = {
            "type": "weapon_in_school",
            "occurred_at": self.runtime.clock.now(),
            "source_ref": f"CP-{number}",
            "locality": ("north", "south", "east-central")[number % 3],
            "place": {"name": f"Example Academy {number}", "lat": 51.5 + number / 100, "lon": -0.1},
            "people": [{"ref": f"p-{number}", "role": "suspect", "age": 15}],
            "groups": [f"g-{number}"],
        }
        report = IncidentReport.model_validate(given)
        submission = Submission(report=report, key_id=key, partner="partner", idempotency_key=f"k-{number}")
        return lambda: intake.accept(self.runtime, [submission])

    def opened(self) -> str:
        """The id of the task of one report more."""
        (taken,) = self.report()()  # type: ignore[misc]  # what is asked gives what it found
        assert isinstance(taken, Taken)
        with self.runtime.reading() as work:
            return tasks.of_incident(work, taken.incident_id)[0].id

    def claim(self) -> Ask:
        """More wait than may be taken: they are shared out among the teams."""

        def ask() -> None:
            self.told = claiming.claim(self.runtime, 3)
            assert len(self.told) == 3

        return ask

    def settle(self) -> Ask:
        """A provider took them."""
        sendings = []
        for claimed in self.told:
            (by,) = self.runtime.notifiers[claimed.message.channel]
            accepted = Accepted(provider_id=self.name_of(claimed))
            sending = delivery.Sending(claimed=claimed, notifiers={by.name: by}, tries=(), by=by, accepted=accepted)
            sendings.append(sending)
        return lambda: delivery.settle(self.runtime, sendings)

    def receipt(self) -> Ask:
        """A provider says by its own name for it that a text arrived."""
        name = self.name_of(self.told[0])
        receipt = Receipt(reference=None, provider_id=name, state=ReceiptState.DELIVERED)
        return lambda: delivery.take_receipt(self.runtime, receipt)

    def name_of(self, claimed: claims.Claimed) -> str:
        """What the provider calls a text."""
        return f"SM{claimed.message.reference[-32:]}"

    def reply(self) -> Ask:
        """A worker takes a task by text."""
        return self.texted("TAKE {}")

    def texted(self, words: str) -> Ask:
        """A worker who was just paged texts; the code of the task goes into the words."""
        task_id = self.opened()
        with self.runtime.reading() as work:
            task = work.session.get_one(Task, task_id)
            phone = work.partnership.worker_by_slug[work.partnership.members(task.team)[0]].phone
            name, body = new_id("sbx", work.now), words.format(task.code)
        said = InboundText(provider="sandbox", provider_id=name, sender=phone, body=body)
        return lambda: replies.receive(self.runtime, said)

    def deadline(self) -> Ask:
        """The next step of one task falls due."""
        task = self.opened()
        with self.runtime.transaction() as work:
            step = update(Timer).where(col(Timer.task_id) == task, col(Timer.kind) == "step")
            work.session.exec(step.values(due_at=work.now))
        return lambda: deadlines.run_due(self.runtime)

    def look(self, ask: Callable[[Work], object]) -> Ask:
        """Something is looked at."""

        def look() -> None:
            with self.runtime.reading() as work:
                ask(work)

        return look


def page_of_tasks(**wanted: Any) -> Callable[[Work], object]:
    asked: dict[str, Any] = {"state": None, "sla": None, "exact": {}, "localities": (), "before": None}
    return lambda work: tasks.found(work, limit=50, **asked | wanted)


def page_of_incidents(**wanted: Any) -> Callable[[Work], object]:
    asked: dict[str, Any] = {"key_id": None, "localities": [], "before": None}
    return lambda work: incidents.page_of(work, limit=50, **asked | wanted)


def one_task(work: Work) -> object:
    return views.task_view(work, work.session.exec(select(Task).order_by(col(Task.id).desc()).limit(1)).one())


STEPS: dict[str, Callable[[Story], Ask]] = {
    "a report is taken in": Story.report,
    "pages are claimed": Story.claim,
    "what came of three is written down": Story.settle,
    "a receipt arrives": Story.receipt,
    "a worker takes a task by text": Story.reply,
    "another agency reports the same": Story.joined,
    "a worker takes what they were asked for": lambda story: story.texted("OK"),
    "a worker asks what there is": lambda story: story.texted("LIST"),
    "a text that can't be read": lambda story: story.texted("what is {} about?"),
    "a step falls due": Story.deadline,
    "is a message due?": lambda story: lambda: claiming.due_now(story.runtime),
    "when is the next message due?": lambda story: story.look(claims.first_at),
    "when is the next timer due?": lambda story: story.look(timers.first_at),
    "how many messages wait?": lambda story: story.look(outbox.unsent),
    "what does a worker hold?": lambda story: story.look(lambda work: tasks.held_by(work, "amina")),
    "a task": lambda story: story.look(one_task),
    "a page of tasks": lambda story: story.look(page_of_tasks()),
    "a page of open tasks": lambda story: story.look(page_of_tasks(state=TaskState.OPEN)),
    "a page of completed tasks": lambda story: story.look(page_of_tasks(state=TaskState.COMPLETED)),
    "a page of a team's tasks": lambda story: story.look(page_of_tasks(exact={"team": "outreach-north"})),
    "a page of a worker's tasks": lambda story: story.look(page_of_tasks(exact={"assignee": "amina"})),
    "a page of the south's tasks": lambda story: story.look(page_of_tasks(localities=["south"])),
    "a page of tasks at risk": lambda story: story.look(page_of_tasks(sla=MilestoneState.AT_RISK)),
    "a page of a partner's incidents": lambda story: story.look(page_of_incidents(key_id="key_x")),
    "a page of the south's incidents": lambda story: story.look(page_of_incidents(localities=["south"])),
    "how the deadlines stand": lambda story: story.look(lambda work: reports.standing(work, ())),
    "how they stand in the south": lambda story: story.look(lambda work: reports.standing(work, ["south"])),
    "the board": lambda story: story.look(lambda work: boards.board(work, (), None)),
    "the board of the south": lambda story: story.look(lambda work: boards.board(work, ["south"], None)),
}


def with_a_past(runtime: Runtime) -> Story:
    """Thousands of tasks that are over, and some that are open."""
    story = Story(runtime)
    finished = [story.opened() for _ in range(FINISHED)]
    for task_id in finished:
        with runtime.reading() as work:
            worker = work.partnership.members(work.session.get_one(Task, task_id).team)[0]
        actions.acknowledge(runtime, SCOPE, task_id, worker)
        actions.complete(runtime, SCOPE, task_id, "plan_agreed", worker=worker)
    with runtime.transaction() as work:
        work.session.exec(update(OutboxMessage).values(state="delivered"))
    with runtime.database.migrating() as connection:
        past.copy(connection, templates=finished, times=TIMES, tables=COPIED)
    for _ in range(OPEN):
        story.opened()
    with runtime.transaction() as work:
        later = col(Timer.due_at) <= work.now + timedelta(hours=1)
        work.session.exec(update(Timer).where(later).values(due_at=work.now + timedelta(hours=2)))
    if not runtime.database.is_sqlite:
        with runtime.database.migrating() as connection:
            connection.execute(text("ANALYZE"))  # as its autovacuum does within a minute; SQLite is never asked to
    return story


@dataclass
class Looked:
    """How one statement found its rows: by which indexes, and how many blocks PostgreSQL had to look at."""

    by: str
    blocks: int = 0


@contextmanager
def explained(runtime: Runtime) -> Iterator[tuple[list[str], dict[str, Looked]]]:
    """The statements that are sent meanwhile, and how each that looks for rows found them."""
    sent: list[str] = []
    found: dict[str, Looked] = {}

    def note(
        connection: Connection, _cursor: object, statement: str, parameters: object, _: object, many: bool
    ) -> None:
        sent.append(statement)
        if many or not LOOKS.match(statement):
            return
        # What only reads may be tried out; a lock that it takes is taken in a moment in any case.
        tried = "ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, " if not statement.startswith(("UPDATE", "DELETE")) else ""
        explain = "EXPLAIN QUERY PLAN " if runtime.database.is_sqlite else f"EXPLAIN ({tried}COSTS OFF) "
        asked = connection.connection.cursor()
        asked.execute(explain + statement, parameters)  # type: ignore[arg-type]
        plan = "\n".join(str(row[-1]) for row in asked.fetchall())
        asked.close()
        blocks = BLOCKS.search(plan)
        found[said(statement)] = Looked(paths(plan), sum(int(each or 0) for each in blocks.groups()) if blocks else 0)

    event.listen(runtime.database.engine, "before_cursor_execute", note)
    yield sent, found
    event.remove(runtime.database.engine, "before_cursor_execute", note)


def paths(plan: str) -> str:
    """The indexes of a plan, and the tables that it reads in whole. How it joins and sorts what it found depends on how much that
    is, and on little things."""
    whole = {f"all of {table}" for table in WHOLE.findall(plan)}
    return ", ".join([*sorted({*INDEX.findall(plan)}), *sorted(whole)]) or "its row"


def said(statement: str) -> str:
    """What a statement asks for, without the columns."""
    words = re.sub(r"%\(\w+\)s(::[A-Z]+( WITH TIME ZONE)?)?|:\w+", "?", " ".join(statement.split()))
    words = re.sub(r"(\?, )+\?", "?", words)
    return re.sub(r"^SELECT (?!\().*? FROM", "SELECT … FROM", words)[:150]


def told(story: Story) -> tuple[str, int]:
    """Every step with its number of statements, and how each of them that no step before has sent found its rows; the most blocks
    that one of them had to look at."""
    known: set[str] = set()
    lines, most = [], 0
    for name, prepare in STEPS.items():
        ask = prepare(story)
        with explained(story.runtime) as (sent, found):
            ask()
        lines.append(f"\n{name}: {len(sent)}")
        for statement, looked in found.items():
            most = max(most, looked.blocks)
            if statement not in known:
                lines += [f"  {statement}", f"      {looked.by}"]
        known |= found.keys()
    return "\n".join(lines).lstrip() + "\n", most


def version_of(runtime: Runtime) -> str:
    """Which database plans."""
    if runtime.database.is_sqlite:
        return f"SQLite {sqlite3.sqlite_version}"
    with runtime.reading() as work:
        return f"PostgreSQL {work.session.connection().execute(text('SHOW server_version')).scalar_one()}"


def test_what_is_asked_all_the_time_is_answered_as_it_always_was(runtime: Runtime) -> None:
    golden = GOLDEN / f"{runtime.database.engine.dialect.name}.txt"
    version = version_of(runtime)
    found, blocks = told(with_a_past(runtime))
    found = f"{version}\n\n{found}"
    if os.environ.get("GOLDEN_PLANS") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found, encoding="utf-8")
    assert blocks <= MOST_BLOCKS, "it looks at more than it is asked for"
    assert not re.search(rf"all of ({'|'.join(LARGE)})\b", found), "a whole table is read that grows"
    kept = golden.read_text(encoding="utf-8")
    if not kept.startswith(version):
        pytest.skip(f"{version} may plan otherwise than the one whose plans are kept: {kept.splitlines()[0]}")
    assert COUNT.sub("", found).splitlines() == COUNT.sub("", kept).splitlines()
    # What is changed alike goes in one statement, and how much is alike is left to chance.
    more = [int(now) - int(then) for now, then in zip(COUNT.findall(found), COUNT.findall(kept), strict=True)]
    assert max(more) <= 2, f"it costs more statements than before: {more}"
