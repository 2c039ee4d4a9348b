"""What falls due: steps, warnings, breaches, and that an overdue task is never forgotten."""

import threading
from datetime import timedelta
from functools import partial

import pytest
from sqlmodel import col, select, update

from notifiers.base import InboundText
from rules.incident import IncidentReport
from service.engine import Engine
from service.flows import deadlines, intake, replies
from service.models.ids import new_id
from service.models.outbox import OutboxMessage
from service.models.tasks import Task, TaskState
from service.models.timers import Timer, TimerKind
from service.records import people
from service.records.judging import Submission, Taken
from service.runtime import Runtime
from tests.running import counted, open_sandbox

# A look at what is due, what all of them need, and one write for each table; a second look finds nothing left.
FOR_A_GROUP = {"sqlite": 24, "postgresql": 25}


@pytest.fixture
def engine(runtime: Runtime) -> Engine:
    """An engine that moves only when the test says so."""
    return Engine(runtime)


def open_task(runtime: Runtime, kind: str = "weapon_in_school", locality: str | None = "south") -> Task:
    report = IncidentReport(type=kind, occurred_at=runtime.clock.now(), locality=locality)
    taken = intake.accept(runtime, [Submission(report=report, key_id="key_x", partner="partner")])[0]
    assert isinstance(taken, Taken)
    with runtime.reading() as work:
        return work.session.exec(select(Task)).one()


def text(runtime: Runtime, worker: str, words: str) -> None:
    with runtime.reading() as work:
        phone = work.partnership.worker_by_slug[worker].phone
    now = runtime.clock.now()
    replies.receive(runtime, InboundText(provider="sandbox", provider_id=new_id("sbx", now), sender=phone, body=words))


def task_now(runtime: Runtime) -> Task:
    with runtime.reading() as work:
        return work.session.exec(select(Task)).one()


def texts_to(runtime: Runtime, worker: str) -> list[str]:
    with runtime.reading() as work:
        query = select(OutboxMessage).where(OutboxMessage.worker == worker).order_by(col(OutboxMessage.id))
        return [message.text for message in work.session.exec(query)]


def on_call(runtime: Runtime) -> str:
    with runtime.reading() as work:
        return people.on_call(work, "education-inclusion-south")[0]


def test_the_holder_is_reminded_and_the_lead_warned_at_warn_at(runtime: Runtime, engine: Engine) -> None:
    task = open_task(runtime)
    worker = on_call(runtime)
    text(runtime, worker, "take")
    engine.advance(timedelta(hours=18, minutes=1))
    assert any(f"{task.code}: complete is due" in words for words in texts_to(runtime, worker))
    assert any("complete due" in words and "not done" in words for words in texts_to(runtime, "grace"))


def test_an_overdue_task_goes_back_up_and_the_duty_manager_can_take_it_over(runtime: Runtime, engine: Engine) -> None:
    task = open_task(runtime)
    worker = on_call(runtime)
    text(runtime, worker, "take")
    engine.advance(timedelta(hours=30))
    assert task_now(runtime).overdue_since is not None
    assert any("OVERDUE" in words for words in texts_to(runtime, "dana"))
    text(runtime, "dana", f"take {task.code}")
    now = task_now(runtime)
    assert (now.assignee, now.overdue_since, now.state) == ("dana", None, TaskState.ACKNOWLEDGED)
    assert any("is taken by Dana" in words for words in texts_to(runtime, worker))


def test_an_overdue_task_that_its_holder_takes_again_is_asked_about_again(runtime: Runtime, engine: Engine) -> None:
    task = open_task(runtime)
    worker = on_call(runtime)
    text(runtime, worker, "take")
    engine.advance(timedelta(days=5))
    text(runtime, worker, f"take {task.code}")
    with runtime.reading() as work:
        assert [timer.kind for timer in work.session.exec(select(Timer))] == [TimerKind.CHECK]
    before = len(texts_to(runtime, "dana"))
    engine.advance(timedelta(hours=3))
    assert len(texts_to(runtime, "dana")) > before


def test_a_row_that_cannot_be_worked_does_not_stop_the_others(runtime: Runtime, engine: Engine) -> None:
    open_task(runtime, locality="south")
    with runtime.transaction() as work:
        poisoned = work.session.exec(select(Task)).one()
        policy = dict(poisoned.pathway_policy)
        poisoned.pathway_policy = {"broken": True}
        work.session.add(poisoned)
    report = IncidentReport(type="weapon_in_school", occurred_at=runtime.clock.now(), locality="north")
    intake.accept(runtime, [Submission(report=report, key_id="key_x", partner="partner")])
    engine.advance(timedelta(minutes=10))
    with runtime.reading() as work:
        tasks = {task.id: task.level for task in work.session.exec(select(Task))}
        timer = work.session.get(Timer, (poisoned.id, TimerKind.STEP.value, ""))
    assert timer is not None
    assert timer.attempts > 0
    assert max(level for task_id, level in tasks.items() if task_id != poisoned.id) >= 1
    with runtime.transaction() as work:
        row = work.session.get_one(Task, poisoned.id)
        row.pathway_policy = policy
        work.session.add(row)
    engine.advance(timedelta(minutes=31))
    with runtime.reading() as work:
        assert work.session.get_one(Task, poisoned.id).level >= 1


def test_replicas_share_what_is_due_and_act_on_each_once(runtime: Runtime) -> None:
    reports = [
        Submission(
            report=IncidentReport(type="weapon_in_school", occurred_at=runtime.clock.now(), locality=locality),
            key_id="key_x",
            partner="partner",
        )
        for locality in ("north", "south", "east-central") * 9
    ]
    intake.accept(runtime, reports)
    with runtime.transaction() as work:
        for timer in work.session.exec(select(Timer).where(Timer.kind == TimerKind.STEP)):
            timer.due_at = work.now
    # A replica of the next release set it.
    with runtime.transaction() as work:
        task = work.session.exec(select(Task)).first()
        assert task is not None
        work.session.add(Timer(task_id=task.id, kind="of the next release", due_at=work.now))
    other = open_sandbox(runtime.database.url)
    done: list[int] = []
    replicas = [
        threading.Thread(target=lambda each=each: done.append(sum(iter(partial(deadlines.run_due, each), 0))))
        for each in (runtime, other)
    ]
    for thread in replicas:
        thread.start()
    for thread in replicas:
        thread.join(60)
    deadlines.run_due(runtime)
    other.close()
    assert len(done) == 2
    with runtime.reading() as work:
        assert {task.level for task in work.session.exec(select(Task))} == {1}, "each went up one step and no more"
        left = work.session.exec(select(Timer).where(Timer.due_at <= work.now)).all()
        assert [timer.kind for timer in left] == ["of the next release"]
        assert left[0].attempts == 0


@pytest.mark.parametrize("together", [1, 20])
def test_steps_that_are_due_together_cost_the_same_few_statements(runtime: Runtime, together: int) -> None:
    now = runtime.clock.now()
    reports = [
        IncidentReport(type="weapon_in_school", occurred_at=now, locality="south", source_ref=f"r-{number}")
        for number in range(together)
    ]
    intake.accept(runtime, [Submission(report=report, key_id="key_x", partner="partner") for report in reports])
    with runtime.transaction() as work:
        work.session.exec(update(Timer).where(col(Timer.kind) == TimerKind.STEP).values(due_at=now))
    with counted(runtime) as statements:
        assert deadlines.run_due(runtime) == together
    assert len(statements) <= FOR_A_GROUP["sqlite" if runtime.database.is_sqlite else "postgresql"], statements
    with runtime.reading() as work:
        assert {task.level for task in work.session.exec(select(Task))} == {1}
