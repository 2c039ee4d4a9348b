"""Workers who are out alone: check-ins, alarms, and SOS."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from rules.incident import IncidentReport
from rules.own_pathways import MISSED_CHECK_IN, SOS
from rules.sla import MilestoneName
from service.engine import Engine
from service.errors import Conflict, Invalid
from service.flows import actions, intake
from service.models.incidents import Purpose
from service.models.outbox import OutboxMessage
from service.models.tasks import Task, TaskState
from service.records import check_ins, people, reports, tasks, views
from service.records.judging import Submission
from service.runtime import Runtime
from tests.service.test_deadlines import open_task, text, texts_to

MINUTE = timedelta(minutes=1)
SCOPE = actions.Scope(actor="supervisor")


@pytest.fixture
def engine(runtime: Runtime) -> Engine:
    return Engine(runtime)


@pytest.fixture
def out(runtime: Runtime) -> str:
    """An outreach worker who has gone out."""
    open_task(runtime, "late_night_hotspot")
    with runtime.reading() as work:
        worker = people.on_call(work, "outreach-south")[0]
    text(runtime, worker, "take")
    return worker


def alarm(runtime: Runtime, pathway: str) -> Task | None:
    with runtime.reading() as work:
        return work.session.exec(select(Task).where(Task.pathway == pathway)).one_or_none()


def last_text(runtime: Runtime, worker: str) -> str:
    return texts_to(runtime, worker)[-1]


def lead_of(runtime: Runtime, team: str = "outreach-south") -> str:
    with runtime.reading() as work:
        return people.lead_of(work, team) or ""


def channels_to(runtime: Runtime, worker: str, task: Task) -> list[str]:
    with runtime.reading() as work:
        query = select(OutboxMessage).where(OutboxMessage.worker == worker, OutboxMessage.task_id == task.id)
        return sorted({row.channel for row in work.session.exec(query).all()})


def test_an_outreach_worker_is_told_when_to_check_in_and_safe_answers_with_the_next_time(
    runtime: Runtime, engine: Engine, out: str
) -> None:
    assert any(
        "please text SAFE by 15:4" in words or "please text SAFE by" in words for words in texts_to(runtime, out)
    )
    engine.advance(40 * MINUTE)
    text(runtime, out, "Safe, all fine")
    with runtime.reading() as work:
        held = check_ins.of(work, out)
        assert held is not None
        assert held.due_at == work.now + 45 * MINUTE or held.due_at > work.now + 44 * MINUTE
    assert "text SAFE again by" in last_text(runtime, out)
    engine.advance(30 * MINUTE)
    assert alarm(runtime, MISSED_CHECK_IN) is None
    text(runtime, out, "safe 20")
    engine.advance(21 * MINUTE)
    assert "Are you safe?" in last_text(runtime, out)


def test_a_missed_check_in_asks_the_worker_then_the_lead_then_the_duty_manager_until_somebody_takes_it(
    runtime: Runtime, engine: Engine, out: str
) -> None:
    lead = lead_of(runtime)
    engine.advance(46 * MINUTE)
    assert "Are you safe? Reply SAFE or SOS" in last_text(runtime, out)
    assert alarm(runtime, MISSED_CHECK_IN) is None
    engine.advance(5 * MINUTE)
    raised = alarm(runtime, MISSED_CHECK_IN)
    assert raised is not None
    assert (raised.priority, raised.about, raised.purpose, raised.locality) == ("critical", out, Purpose.WATCH, "south")
    assert any(f"{raised.code} MISSED CHECK-IN" in words for words in texts_to(runtime, lead))
    assert not any(f"{raised.code} MISSED CHECK-IN" in words for words in texts_to(runtime, "dana"))
    engine.advance(5 * MINUTE)
    assert channels_to(runtime, "dana", raised) == ["email", "sms", "voice"]
    before = len(texts_to(runtime, "dana"))
    engine.advance(25 * MINUTE)
    assert len(texts_to(runtime, "dana")) > before, "it never falls silent"
    text(runtime, "dana", f"take {raised.code}")
    assert "Dana Example has your alarm" in last_text(runtime, out) or "has your alarm" in last_text(runtime, out)
    with runtime.reading() as work:
        assert work.session.get_one(Task, raised.id).state == TaskState.ACKNOWLEDGED


@pytest.mark.parametrize("words", ["safe", "I'm safe", "yes", "ok"])
def test_the_answer_within_the_grace_raises_no_alarm(runtime: Runtime, engine: Engine, out: str, words: str) -> None:
    engine.advance(46 * MINUTE)
    text(runtime, out, words)
    assert "text SAFE again by" in last_text(runtime, out)
    engine.advance(30 * MINUTE)
    assert alarm(runtime, MISSED_CHECK_IN) is None


def test_safe_after_the_alarm_ends_it_and_says_so_to_whoever_was_called(
    runtime: Runtime, engine: Engine, out: str
) -> None:
    engine.advance(51 * MINUTE)
    text(runtime, out, "safe sorry no signal")
    raised = alarm(runtime, MISSED_CHECK_IN)
    assert raised is not None
    assert raised.state == TaskState.CANCELLED
    assert "has now texted SAFE. The alarm is over" in last_text(runtime, lead_of(runtime))
    assert "text SAFE again by" in last_text(runtime, out), "they are still out"


def test_done_and_pass_end_the_check_ins_but_a_supervisor_who_cancels_does_not(
    runtime: Runtime, engine: Engine, out: str
) -> None:
    with runtime.reading() as work:
        task = tasks.held_by(work, out)[0]
    actions.cancel(runtime, SCOPE, task.id, "not wanted any more")
    engine.advance(46 * MINUTE)
    assert "Are you safe?" in last_text(runtime, out), "nobody knows whether they came home"
    text(runtime, out, "safe")
    assert "no further check-in" in last_text(runtime, out)
    text(runtime, out, "safe 30")
    text(runtime, out, "safe home")
    with runtime.reading() as work:
        assert check_ins.of(work, out) is None


@pytest.mark.parametrize("words", ["done deployed", "pass"])
def test_whoever_ends_the_work_by_text_is_not_asked_again(
    runtime: Runtime, engine: Engine, out: str, words: str
) -> None:
    text(runtime, out, words)
    with runtime.reading() as work:
        assert check_ins.of(work, out) is None
    engine.advance(timedelta(hours=1))
    assert alarm(runtime, MISSED_CHECK_IN) is None


@pytest.mark.parametrize("words", ["SOS", "sos!!", "SOS help", "im not safe"])
def test_sos_calls_lead_and_duty_manager_at_once_by_every_channel(runtime: Runtime, out: str, words: str) -> None:
    text(runtime, out, words)
    raised = alarm(runtime, SOS)
    assert raised is not None
    for called in (lead_of(runtime), "dana"):
        assert channels_to(runtime, called, raised) == ["email", "sms", "voice"]
        page = next(message for message in texts_to(runtime, called) if "SOS:" in message)
        assert f"TAKE {raised.code}" in page
        assert "South" not in page
    assert "call 999" in last_text(runtime, out)
    with runtime.reading() as work:
        # A code is two digits, which the time of a check-in may hold as well; no page is without its TAKE.
        assert not any(f"TAKE {raised.code}" in words for words in texts_to(runtime, out))
        assert not tasks.may_answer(work, raised, out)


def test_an_alarm_waits_for_no_bundle(runtime: Runtime, engine: Engine) -> None:
    for number in range(4):
        report = IncidentReport(type="never_heard_of", occurred_at=runtime.clock.now(), setting=f"kind-{number}")
        intake.accept(runtime, [Submission(report=report, key_id="key_x", partner="partner")])
        engine.advance(timedelta(seconds=1))
    text(runtime, "amina", "sos")
    raised = alarm(runtime, SOS)
    assert raised is not None
    engine.advance(timedelta(seconds=1))
    with runtime.reading() as work:
        query = select(OutboxMessage).where(OutboxMessage.worker == "dana", OutboxMessage.task_id == raised.id)
        rows = {row.channel: row for row in work.session.exec(query).all()}
    assert {channel for channel, row in rows.items() if row.sent_at} == {"email", "sms", "voice"}
    assert rows["voice"].text.startswith("SOS. Amina Example. Ring them now.")


def test_sos_works_without_a_task_and_safe_does_not_end_it(runtime: Runtime, engine: Engine) -> None:
    text(runtime, "amina", "sos")
    raised = alarm(runtime, SOS)
    assert raised is not None
    assert (raised.team, raised.about) == ("education-inclusion-south", "amina")
    engine.advance(timedelta(seconds=5))
    text(runtime, "amina", "sos sos")
    assert any("texted SOS again" in words for words in texts_to(runtime, "dana"))
    text(runtime, "dana", f"take {raised.code}")
    text(runtime, "amina", "safe")
    assert "stands until somebody has spoken to you" in last_text(runtime, "amina")
    assert "now texts SAFE" in last_text(runtime, "dana")
    text(runtime, "dana", f"done {raised.code} false alarm, the sos was a mistake")
    closed = alarm(runtime, SOS)
    assert closed is not None
    assert (closed.state, closed.outcome) == (TaskState.COMPLETED, "false_alarm")


@pytest.mark.parametrize("worker", ["grace", "dana"])
def test_whoever_calls_for_help_is_not_paged_for_it_themselves(runtime: Runtime, engine: Engine, worker: str) -> None:
    text(runtime, worker, "sos")
    engine.advance(20 * MINUTE)
    raised = alarm(runtime, SOS)
    assert raised is not None
    with runtime.reading() as work:
        query = select(OutboxMessage.worker).where(OutboxMessage.task_id == raised.id, OutboxMessage.purpose == "page")
        paged = set(work.session.exec(query.order_by(col(OutboxMessage.id))).all())
    assert paged
    assert worker not in paged


def test_an_alarm_is_on_the_board_and_in_no_figure(runtime: Runtime) -> None:
    text(runtime, "amina", "sos")
    with runtime.reading_at_one_moment() as work:
        assert [task.pathway for task in views.live_tasks(work, ())] == [SOS]
        assert not any(reports.standing(work, ())["milestones"].values())
        kept = reports.kept(work, start=work.now - MINUTE, end=work.now + MINUTE, by="week", localities=())
        assert kept["total"]["opened"] == 0


def test_a_supervisor_asks_for_a_check_in_of_whoever_has_the_task(runtime: Runtime, engine: Engine) -> None:
    task = open_task(runtime)
    with pytest.raises(Conflict):
        actions.check_in(runtime, SCOPE, task.id, after=30 * MINUTE)
    actions.acknowledge(runtime, SCOPE, task.id, "amina")
    with pytest.raises(Invalid):
        actions.check_in(runtime, SCOPE, task.id, at=runtime.clock.now() - MINUTE)
    actions.check_in(runtime, SCOPE, task.id, after=30 * MINUTE)
    with runtime.reading() as work:
        shown = views.task_view(work, work.session.get_one(Task, task.id))["check_in"]
    assert (shown["worker"], shown["asked"]) == ("amina", False)
    engine.advance(31 * MINUTE)
    assert "Are you safe?" in last_text(runtime, "amina")
    actions.milestone(runtime, SCOPE, task.id, MilestoneName.CONTACT)
    engine.advance(6 * MINUTE)
    assert alarm(runtime, MISSED_CHECK_IN) is not None, "a supervisor's click is no sign of life"
