"""Codes that rest, steps that ask for several hands, secrets that rotate, and rows that say the same as the models."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlmodel import SQLModel, select

from rules.incident import IncidentReport
from service import schema
from service.errors import Conflict
from service.flows import actions, intake, setup
from service.flows.actions import Scope
from service.models.incidents import Incident
from service.models.tasks import Task, TaskCode
from service.privacy import Keyring
from service.records import codes
from service.records.judging import Submission
from service.runtime import Runtime, build_runtime
from service.schema import Standing
from service.settings import SHIPPED_RULEBOOK, Settings
from tests.running import build_sandbox

SCOPE = Scope(actor="tests")


def open_task(runtime: Runtime, summary: str = "") -> str:
    report = IncidentReport(
        type="weapon_in_school", occurred_at=runtime.clock.now(), locality="south", summary=summary or None
    )
    intake.accept(runtime, [Submission(report=report, key_id="key_x", partner="partner")])
    with runtime.reading() as work:
        return work.session.exec(select(Task.id).order_by(Task.id.desc())).first() or ""  # type: ignore[attr-defined]


def test_a_code_rests_for_thirty_days_after_its_task_has_ended(runtime: Runtime) -> None:
    task = open_task(runtime)
    actions.cancel(runtime, SCOPE, task, "mistake")
    with runtime.reading() as work:
        code = work.session.exec(select(TaskCode)).one()
        assert codes.task_of(work, code.code) is not None
        assert codes.busy(work, [code.code])
    assert code.free_after == runtime_now(runtime, code) + codes.REST
    runtime.clock.advance_to(code.free_after - timedelta(seconds=1))  # type: ignore[attr-defined]
    with runtime.reading() as work:
        assert codes.busy(work, [code.code])
    runtime.clock.advance_to(code.free_after + timedelta(seconds=1))  # type: ignore[attr-defined]
    with runtime.reading() as work:
        assert not codes.busy(work, [code.code])


def runtime_now(runtime: Runtime, code: TaskCode) -> object:
    with runtime.reading() as work:
        return work.session.get_one(Task, code.task_id).closed_at


def test_live_tasks_never_share_a_code(runtime: Runtime) -> None:
    for _ in range(60):
        open_task(runtime)
    with runtime.reading() as work:
        found = [task.code for task in work.session.exec(select(Task))]
    assert len(found) == len(set(found)) == 60


def test_a_step_that_needs_two_rests_only_when_two_have_taken(runtime: Runtime) -> None:
    book = SHIPPED_RULEBOOK.read_text(encoding="utf-8").replace(
        "- {page: on-call, by: [sms]}", "- {page: team, by: [sms], needs: 2}", 1
    )
    setup.apply_rulebook(runtime, book, read=setup.reader_beside(SHIPPED_RULEBOOK), author=setup.Author(name="tests"))
    task = open_task(runtime)
    actions.acknowledge(runtime, SCOPE, task, "amina")
    with runtime.reading() as work:
        assert work.session.get_one(Task, task).next_page_at is not None, "one more is still being sought"
    actions.acknowledge(runtime, SCOPE, task, "ben")
    with runtime.reading() as work:
        row = work.session.get_one(Task, task)
        assert (row.assignee, row.next_page_at) == ("amina", None)
    with pytest.raises(Conflict, match="Amina"):
        actions.acknowledge(runtime, SCOPE, task, "grace")


def test_what_partners_wrote_can_not_be_read_in_the_database(runtime: Runtime) -> None:
    open_task(runtime, summary="Zebedee was seen at the gate")
    with runtime.database.reading() as session:
        for table in SQLModel.metadata.sorted_tables:
            rows = session.connection().exec_driver_sql(f'SELECT * FROM "{table.name}"').all()  # noqa: S608 - our tables
            assert "Zebedee" not in str(rows), table.name


def test_a_secret_is_rotated_by_putting_the_new_one_in_front(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/rotate.db"
    old, new = "old-" + "k3jh4g5f6d" * 4, "new-" + "q8w7e6r5t4" * 4
    before = build_runtime(Settings(database_url=url, secret_key=old))  # type: ignore[arg-type]
    schema.migrate(before.database)
    setup.load_fictional_partnership(before)
    setup.load_rulebook(before)
    open_task(before, summary="sealed with the old one")
    before.close()

    after = build_runtime(Settings(database_url=url, secret_key=f"{new},{old}"))  # type: ignore[arg-type]
    open_task(after, summary="sealed with the new one")
    with after.reading() as work:
        said = {json.loads(incident.body)["summary"] for incident in work.session.exec(select(Incident))}
    assert said == {"sealed with the old one", "sealed with the new one"}
    assert setup.verify_audit(after)[1] is None
    after.close()


def test_without_its_secret_a_sealed_text_is_an_error_and_no_gibberish() -> None:
    sealed = Keyring(["one-" + "a1b2c3d4e5" * 4]).seal("a name")
    assert "a name" not in sealed
    with pytest.raises(ValueError, match="CALLOUT_SECRET_KEY"):
        Keyring(["two-" + "a1b2c3d4e5" * 4]).open(sealed)


def test_the_migrations_make_what_the_models_say(database_url: str) -> None:
    runtime = build_sandbox(database_url)
    with runtime.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, SQLModel.metadata)
    runtime.close()
    assert differences == []


def test_a_partnership_file_is_applied_before_there_is_a_rulebook_and_once_more(database_url: str) -> None:
    runtime = build_runtime(Settings(database_url=database_url, secret_key="x" * 40))  # type: ignore[arg-type]
    schema.migrate(runtime.database)
    setup.load_fictional_partnership(runtime)
    setup.load_fictional_partnership(runtime)
    assert not setup.is_empty(runtime)
    runtime.close()


def test_migrating_again_and_at_the_same_time_changes_nothing(database_url: str) -> None:
    first, second = build_sandbox(database_url), build_runtime(Settings(database_url=database_url, secret_key="x" * 40))  # type: ignore[arg-type]
    schema.migrate(second.database)
    assert schema.standing(first.database) is Standing.CURRENT
    first.close()
    second.close()
