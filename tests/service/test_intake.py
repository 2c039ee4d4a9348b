"""Reports that arrive together: a handful of statements for all of them, and each as if it had come alone."""

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import func, select

from rules.incident import IncidentReport
from service.desk import MOST, Desk
from service.errors import Conflict, Invalid
from service.flows import intake
from service.models.incidents import Incident
from service.models.tasks import Task, TaskIncident
from service.records import audit, codes
from service.records.judging import Submission, Taken
from service.runtime import Runtime
from tests.running import counted, open_sandbox

# Asked first, then one insert for each of fourteen tables; PostgreSQL has locks and a NOTIFY more.
FOR_A_GROUP = {"sqlite": 24, "postgresql": 26}


def a_report(runtime: Runtime, number: int, **fields: object) -> IncidentReport:
    occurred_at = runtime.clock.now().replace(minute=0, second=0, microsecond=0)
    given = {"type": "weapon_in_school", "occurred_at": occurred_at, "locality": "south"} | fields
    return IncidentReport.model_validate(given | {"source_ref": fields.get("source_ref", f"r-{number}")})


def submissions(runtime: Runtime, count: int, **fields: object) -> list[Submission]:
    return [
        Submission(report=a_report(runtime, n, **fields), key_id="key_1", partner="A partner") for n in range(count)
    ]


def results(taken: Sequence[object]) -> list[object]:
    return [each.result if isinstance(each, Taken) else type(each) for each in taken]


@pytest.mark.parametrize("together", [1, 20])
def test_a_group_of_any_size_costs_the_same_few_statements(runtime: Runtime, together: int) -> None:
    with runtime.reading():
        pass
    with counted(runtime) as statements:
        taken = intake.accept(runtime, submissions(runtime, together))
    assert results(taken) == ["new"] * together
    assert len(statements) <= FOR_A_GROUP["sqlite" if runtime.database.is_sqlite else "postgresql"], statements
    with runtime.reading() as work:
        for model in (Incident, Task):
            assert work.session.exec(select(func.count()).select_from(model)).one() == together


def test_a_commit_that_fails_leaves_no_lock_behind(sandbox_file: Path, tmp_path: Path) -> None:
    """Of SQLite, whose transaction may outlive its COMMIT. PostgreSQL ends it by itself."""
    file = shutil.copy(sandbox_file, tmp_path / "callout.db")
    with closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as other:
        other.executescript("""
            CREATE TABLE nowhere (id TEXT PRIMARY KEY);
            CREATE TABLE doomed (id TEXT REFERENCES nowhere (id) DEFERRABLE INITIALLY DEFERRED);
            CREATE TRIGGER doom AFTER INSERT ON incident BEGIN INSERT INTO doomed VALUES ('x'); END;
        """)
        runtime = open_sandbox(f"sqlite:///{file}")
        with pytest.raises(IntegrityError):
            intake.accept(runtime, submissions(runtime, 1))
        other.executescript("BEGIN IMMEDIATE; DROP TRIGGER doom; COMMIT")
        assert results(intake.accept(runtime, submissions(runtime, 1))) == ["new"]
        runtime.close()


def test_in_one_group_replays_revisions_and_refusals_are_as_they_would_be_alone(runtime: Runtime) -> None:
    same = {"source_ref": "CP-1"}
    reports = [
        a_report(runtime, 1, **same),
        a_report(runtime, 1, **same),
        a_report(runtime, 1, **same, summary="corrected"),
        a_report(runtime, 2),
        a_report(runtime, 3, lawful_basis="because"),
        a_report(runtime, 4),
    ]
    keys = [None, None, None, "k-1", None, "k-1"]
    given = [
        Submission(report=report, key_id="key_1", partner="A partner", idempotency_key=key)
        for report, key in zip(reports, keys, strict=True)
    ]
    taken = intake.accept(runtime, given)
    assert results(taken) == ["new", "replayed", "revised", "new", Invalid, Conflict]
    with runtime.reading() as work:
        assert work.session.exec(select(func.count()).select_from(Task)).one() == 2, "a correction opens no second task"


def test_two_agencies_in_one_group_share_a_task(runtime: Runtime) -> None:
    place = {"place": {"urn": "100000"}}
    given = [
        Submission(report=a_report(runtime, n, **place), key_id=f"key_{n}", partner=f"Agency {n}") for n in range(2)
    ]
    first, second = intake.accept(runtime, given)
    assert isinstance(first, Taken)
    assert isinstance(second, Taken)
    with runtime.reading() as work:
        task = work.session.exec(select(Task)).one()
        behind = work.session.exec(select(TaskIncident).where(TaskIncident.task_id == task.id)).all()
        assert {row.incident_id: row.joined for row in behind} == {first.incident_id: False, second.incident_id: True}


def test_one_that_breaks_the_transaction_harms_no_other(runtime: Runtime) -> None:
    given = submissions(runtime, 3)
    broken = given[1].report.model_copy(update={"occurred_at": runtime.clock.now().replace(tzinfo=None)})
    given[1] = Submission(report=broken, key_id="key_1", partner="A partner")
    first, second, third = intake.accept_each(runtime, given)
    assert results([first, third]) == ["new", "new"]
    assert isinstance(second, Exception)
    with runtime.reading() as work:
        assert sorted(work.session.exec(select(Incident.source_ref)).all()) == ["r-0", "r-2"]  # type: ignore[type-var]


def test_a_desk_answers_each_after_the_commit(runtime: Runtime) -> None:
    async def go() -> list[Taken]:
        desk = Desk(runtime)
        given = [*submissions(runtime, 40), *submissions(runtime, 5)]
        answers = await asyncio.gather(*[desk.take(each) for each in given])
        await asyncio.get_running_loop().run_in_executor(None, desk.stop)
        return list(answers)

    answers = asyncio.run(go())
    assert results(answers) == ["new"] * 40 + ["replayed"] * 5
    with runtime.reading() as work:
        held = set(work.session.exec(select(Incident.id)).all())
    assert {answer.incident_id for answer in answers} == held


def test_partners_that_go_on_reporting_share_commits(runtime: Runtime) -> None:
    partners, turns = 12, 5

    async def report(desk: Desk, number: int, given: list[Submission]) -> None:
        for each in given:
            await asyncio.sleep(number / 10_000)  # as long as the way to a partner and back
            await desk.take(each)

    async def go() -> None:
        desk = Desk(runtime)
        given = submissions(runtime, partners * turns)
        await asyncio.gather(*[report(desk, n, given[n::partners]) for n in range(partners)])
        await asyncio.get_running_loop().run_in_executor(None, desk.stop)

    with counted(runtime) as statements:
        asyncio.run(go())
    commits = sum(said.startswith("INSERT INTO audit_head") for said in statements)
    assert commits <= turns * 1.5, f"{partners} that report at one time are one group, not what happened to come first"


def test_a_group_is_no_longer_than_its_first_can_wait_for(runtime: Runtime) -> None:
    """One that waits for another transaction lets as many gather as come meanwhile."""

    async def go() -> None:
        desk = Desk(runtime)
        given = submissions(runtime, 1 + 2 * MOST + 1)
        with runtime.transaction(quietly=True) as work:
            work.session.ask(audit.END)
            waiting = [asyncio.create_task(desk.take(given[0]))]
            await asyncio.sleep(0.2)
            waiting += [asyncio.create_task(desk.take(each)) for each in given[1:]]
            await asyncio.sleep(0.2)
        await asyncio.gather(*waiting)
        await asyncio.get_running_loop().run_in_executor(None, desk.stop)

    with counted(runtime) as statements:
        asyncio.run(go())
    commits = sum(said.startswith("INSERT INTO audit_head") for said in statements)
    assert commits == 4, f"1, {MOST}, {MOST}, 1"


def test_several_replicas_never_give_a_code_twice(runtime: Runtime) -> None:
    failures: list[BaseException] = []

    def take(number: int) -> None:
        given = [
            Submission(report=a_report(runtime, n, source_ref=f"{number}-{n}"), key_id=f"key_{number}", partner="P")
            for n in range(12)
        ]
        try:
            intake.accept(runtime, given)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with runtime.reading() as work:
        tasks = work.session.exec(select(Task)).all()
        assert len({task.code for task in tasks}) == len(tasks) == 48
        assert {codes.task_of(work, task.code).id for task in tasks} == {task.id for task in tasks}  # type: ignore[union-attr]


def test_a_code_whose_rest_is_over_is_given_again(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        work.codes.free.append("K7")
        assert codes.assign(work, "tsk_old", until=work.now) == "K7"
    runtime.clock.advance_to(runtime.clock.now() + codes.REST + timedelta(seconds=1))  # type: ignore[attr-defined]
    with runtime.transaction() as work:
        work.codes.free.append("K7")
        codes.assign(work, "tsk_new")
    with runtime.reading() as work:
        assert work.session.exec(select(codes.TaskCode)).one().task_id == "tsk_new"
