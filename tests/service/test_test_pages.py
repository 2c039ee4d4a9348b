"""The test page: a text to a test number by the whole path of a page, and what is done when it does not arrive."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from notifiers.base import Accepted, Channel, Message
from rules import handover
from rules.own_pathways import PAGES_DO_NOT_ARRIVE
from service.engine import Engine
from service.flows import health
from service.models.incidents import Purpose
from service.models.outbox import OutboxMessage
from service.models.tasks import Task, TaskState
from service.records import claims, reports, test_pages
from service.runtime import Runtime, build_runtime
from service.settings import Settings

NUMBER = "+447700900990"
SIX_HOURS = timedelta(hours=6)


class Lost:
    """The sandbox's phones, of which texts to the test number say nothing any more while `loses`."""

    name, title, channels = "sandbox", "the on-screen phones", frozenset(Channel)
    loses = False

    def send(self, message: Message) -> Accepted:
        return Accepted(provider_id=message.reference, delivered=not (self.loses and message.to == NUMBER))

    def close(self) -> None:
        """It holds nothing."""


@pytest.fixture
def phones() -> Lost:
    return Lost()


@pytest.fixture
def runtime(sandbox_file: Path, tmp_path: Path, phones: Lost) -> Iterator[Runtime]:
    """A sandbox that sends a test page every six hours."""
    shutil.copy(sandbox_file, tmp_path / "callout.db")
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/callout.db",
        secret_key="for-tests-only-" + "x1y2z3" * 5,  # type: ignore[arg-type]
        synthetic_hours=6,
        synthetic_number="07700 900990",
    )
    built = build_runtime(settings)
    for channel in built.notifiers:
        built.notifiers[channel] = (phones,)  # type: ignore[index]
    yield built
    built.close()


def tasks(runtime: Runtime, purpose: Purpose) -> list[Task]:
    with runtime.reading() as work:
        query = select(Task).where(Task.purpose == purpose.value).order_by(col(Task.opened_at))
        return list(work.session.exec(query).all())


def texts(runtime: Runtime) -> list[str]:
    with runtime.reading() as work:
        rows = work.session.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))).all()
        return [row.text for row in rows if row.address == NUMBER]


def stands(runtime: Runtime) -> test_pages.Stands:
    with runtime.reading() as work:
        return test_pages.standing(work)


def test_a_test_page_goes_out_every_few_hours_and_pages_nobody(runtime: Runtime) -> None:
    Engine(runtime).advance(timedelta(hours=13))
    assert len(texts(runtime)) == 3
    assert all(text.startswith("TEST ") and "nothing to do" in text for text in texts(runtime))
    assert {task.state for task in tasks(runtime, Purpose.TEST)} == {TaskState.CANCELLED}
    with runtime.reading() as work:
        others = [row for row in work.session.exec(select(OutboxMessage)).all() if row.address != NUMBER]
        assert others == []
        assert reports.standing(work, ())["milestones"]["on_track"] == 0
    now = stands(runtime)
    assert now.seconds is not None
    assert now.failing_since is None
    figures = health.figures(runtime).decode()
    assert "callout_synthetic_failing 0.0" in figures
    assert "callout_synthetic_last_success_timestamp_seconds 1" in figures


def test_one_that_does_not_arrive_pages_the_duty_manager_once_and_is_over_when_one_arrives(
    runtime: Runtime, phones: Lost
) -> None:
    engine = Engine(runtime)
    phones.loses = True
    engine.advance(timedelta(minutes=5))
    [alarm] = tasks(runtime, Purpose.WATCH)
    assert alarm.pathway == PAGES_DO_NOT_ARRIVE
    with runtime.reading() as work:
        rows = work.session.exec(select(OutboxMessage).where(OutboxMessage.task_id == alarm.id)).all()
        by = {row.channel for row in rows if row.worker == "dana"}
        texted = [claims.tries_of(row)[:1] for row in rows if row.channel == Channel.SMS]
    assert by == {"sms", "voice", "email"}
    assert [handover.in_order(("sandbox", "another"), tries)[0] for tries in texted] == ["another"]
    since = stands(runtime).failing_since
    engine.advance(timedelta(hours=1))
    assert len(tasks(runtime, Purpose.WATCH)) == 1
    assert stands(runtime).failing_since == since
    assert len(texts(runtime)) >= 4
    phones.loses = False
    engine.advance(timedelta(minutes=30))
    assert [task.state for task in tasks(runtime, Purpose.WATCH)] == [TaskState.CANCELLED]
    assert stands(runtime).failing_since is None
    assert stands(runtime).worked_at is not None


def test_without_the_setting_there_is_none(sandbox_file: Path, tmp_path: Path) -> None:
    shutil.copy(sandbox_file, tmp_path / "callout.db")
    url, key = f"sqlite:///{tmp_path}/callout.db", "for-tests-only-" + "x1y2z3" * 5
    built = build_runtime(Settings(database_url=url, secret_key=key))  # type: ignore[arg-type]
    Engine(built).advance(timedelta(days=1))
    assert texts(built) == []
    built.close()
