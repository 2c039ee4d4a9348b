"""A partner's feed that is expected to speak: its silence is told once, and is over when it speaks again."""

from datetime import datetime, timedelta

import pytest
from fastapi.responses import JSONResponse
from sqlmodel import col, select

from api import posted
from api.access import Caller
from api.feeds import codelists
from api.imports import Kind
from api.reports import Sent
from rules.incident import IncidentReport
from rules.rhythm import Rhythm
from service.clock import SandboxClock
from service.engine import Engine
from service.errors import Invalid, NotFound
from service.flows import feeds, intake, setup
from service.models.access import AccessKey, Role
from service.models.incidents import Purpose
from service.models.outbox import OutboxMessage
from service.models.tasks import Task, TaskState
from service.records import feeds as rows
from service.records import incidents, transitions
from service.records.judging import Submission
from service.runtime import Runtime

DAY = timedelta(days=1)


@pytest.fixture
def engine(runtime: Runtime) -> Engine:
    """An engine that moves only when the test says so."""
    return Engine(runtime)


@pytest.fixture
def feed(runtime: Runtime) -> AccessKey:
    """A partner's key from which something is expected every day."""
    key, _ = setup.make_key(runtime, role=Role.PARTNER, name="Quarry Hill School", localities=[], actor="admin")
    feeds.expect(runtime, key.id, Rhythm(every=DAY), actor="admin")
    return key


def report(runtime: Runtime, key: AccessKey, ref: str) -> str:
    body = IncidentReport(
        type="weapon_in_school",
        occurred_at=datetime.fromisoformat("2026-11-20T15:00:00Z"),
        source_ref=ref,
        locality="south",
    )
    return intake.accept(runtime, [Submission(report=body, key_id=key.id, partner=key.name)])[0].result  # type: ignore[union-attr]


def refuse(runtime: Runtime, key: AccessKey, times: int) -> None:
    with runtime.transaction() as work:
        for _ in range(times):
            incidents.keep_refused(work, key_id=key.id, partner=key.name, status=422, problem={}, body="{}")


def told_of(runtime: Runtime) -> list[Task]:
    with runtime.reading() as work:
        query = select(Task).where(Task.purpose == Purpose.WATCH.value, col(Task.pathway) == "triage")
        return list(work.session.exec(query.order_by(col(Task.id))).all())


def state(runtime: Runtime, key: AccessKey) -> str:
    with runtime.database.reading() as session:
        return str(rows.views(session)[key.id]["state"])


def test_silence_opens_one_triage_task_and_speaking_ends_it(runtime: Runtime, engine: Engine, feed: AccessKey) -> None:
    engine.advance(DAY - timedelta(minutes=1))
    assert told_of(runtime) == []
    engine.advance(timedelta(hours=5))
    [task] = told_of(runtime)
    assert (task.team, task.state) == ("duty", TaskState.OPEN)
    assert state(runtime, feed) == "silent"
    with runtime.reading() as work:
        texts = [m.text for m in work.session.exec(select(OutboxMessage).where(OutboxMessage.task_id == task.id)).all()]
    assert any("Feed silent" in text for text in texts)
    assert not any("Quarry" in text for text in texts)
    assert report(runtime, feed, "A-1") == "new"
    engine.advance(timedelta(hours=1))
    assert [each.state for each in told_of(runtime)] == [TaskState.CANCELLED]
    assert state(runtime, feed) == "speaking"


def test_a_report_that_is_held_already_counts_as_life(runtime: Runtime, engine: Engine, feed: AccessKey) -> None:
    report(runtime, feed, "A-1")
    for _ in range(3):
        engine.advance(timedelta(hours=20))
        assert report(runtime, feed, "A-1") == "replayed"
    assert told_of(runtime) == []


def test_whoever_has_the_silence_in_hand_keeps_it_and_hears_that_the_feed_speaks(
    runtime: Runtime, engine: Engine, feed: AccessKey
) -> None:
    engine.advance(DAY + timedelta(minutes=1))
    [task] = told_of(runtime)
    with runtime.transaction() as work:
        transitions.take(work, work.session.get_one(Task, task.id), "dana", actor="dana")
    report(runtime, feed, "A-1")
    engine.advance(timedelta(hours=1))
    [task] = told_of(runtime)
    assert task.state == TaskState.ACKNOWLEDGED
    with runtime.reading() as work:
        query = select(OutboxMessage).where(OutboxMessage.task_id == task.id, OutboxMessage.worker == "dana")
        assert any("new information" in message.text for message in work.session.exec(query).all())


def test_a_feed_of_which_all_is_refused_is_told_as_broken(runtime: Runtime, engine: Engine, feed: AccessKey) -> None:
    refuse(runtime, feed, 4)
    engine.advance(timedelta(hours=2))
    assert told_of(runtime) == []
    refuse(runtime, feed, 1)
    engine.advance(timedelta(hours=2))
    assert len(told_of(runtime)) == 1
    assert state(runtime, feed) == "refused"
    report(runtime, feed, "A-1")
    engine.advance(timedelta(hours=2))
    assert [each.state for each in told_of(runtime)] == [TaskState.CANCELLED]


def test_only_the_open_time_of_a_calendar_counts(runtime: Runtime, engine: Engine) -> None:
    friday = datetime.fromisoformat("2026-11-27T16:00:00+00:00")
    assert isinstance(runtime.clock, SandboxClock)
    runtime.clock.set_to(friday)
    key, _ = setup.make_key(runtime, role=Role.PARTNER, name="A school", localities=[], actor="admin")
    feeds.expect(runtime, key.id, Rhythm(every=timedelta(hours=4), during="school-day"), actor="admin")
    engine.advance(timedelta(days=2))
    assert told_of(runtime) == []
    engine.advance(datetime.fromisoformat("2026-11-30T11:31:00+00:00") - runtime.clock.now())
    assert len(told_of(runtime)) == 1


def test_what_is_not_expected_any_more_is_called_off(runtime: Runtime, engine: Engine, feed: AccessKey) -> None:
    engine.advance(DAY + timedelta(minutes=1))
    feeds.expect_nothing(runtime, feed.id, actor="admin")
    assert [each.state for each in told_of(runtime)] == [TaskState.CANCELLED]
    with pytest.raises(NotFound):
        feeds.expect_nothing(runtime, feed.id, actor="admin")


def test_a_revoked_key_is_expected_to_be_silent(runtime: Runtime, engine: Engine, feed: AccessKey) -> None:
    setup.revoke_key(runtime, feed.id, actor="admin")
    engine.advance(2 * DAY)
    assert told_of(runtime) == []


def test_what_can_not_be_expected_is_refused_with_what_would_be_right(runtime: Runtime, feed: AccessKey) -> None:
    with pytest.raises(Invalid) as refused:
        feeds.expect(runtime, feed.id, Rhythm(every=DAY, during="school-dya"), actor="admin")
    assert [fault.pointer for fault in refused.value.faults] == ["/during"]
    assert "school-day" in refused.value.faults[0].detail


def test_the_label_is_its_own_even_after_another_triage(runtime: Runtime, engine: Engine, feed: AccessKey) -> None:
    with runtime.reading() as work:
        assert work.policy.book.rulebook.pathway("triage").snapshot["sms_label"] != "Feed silent"
    engine.advance(DAY + timedelta(minutes=1))
    [task] = told_of(runtime)
    assert task.pathway_policy["sms_label"] == "Feed silent"
    with runtime.database.reading() as session:
        assert rows.views(session)[feed.id]["silent_since"] is not None


def test_a_feed_that_repeats_itself_is_marked_once_a_minute(runtime: Runtime, engine: Engine, feed: AccessKey) -> None:
    report(runtime, feed, "A-1")
    engine.advance(timedelta(minutes=2))
    marks = set()
    for _ in range(3):
        assert report(runtime, feed, "A-1") == "replayed"
        with runtime.database.reading() as session:
            marks.add(rows.views(session)[feed.id]["heard_at"])
    assert len(marks) == 1


def test_weekdays_and_hours_of_its_own_that_share_nothing_with_the_calendar_are_refused(
    runtime: Runtime, feed: AccessKey
) -> None:
    given = {"every": "24h", "during": "school-day", "weekdays": "sat,sun"}
    with pytest.raises(Invalid):
        feeds.expect(runtime, feed.id, Rhythm.model_validate(given), actor="admin")
    office = Rhythm.model_validate({"every": "24h", "weekdays": "mon-fri", "hours": "08:00-18:00"})
    feeds.expect(runtime, feed.id, office, actor="admin")
    with runtime.database.reading() as session:
        found = rows.views(session)[feed.id]
    assert (found["weekdays"], found["hours"]) == ("mon-fri", "08:00-18:00")


@pytest.mark.parametrize("messages", [1, 2])
def test_messages_that_are_not_for_us_are_a_sign_of_life(
    runtime: Runtime, engine: Engine, feed: AccessKey, messages: int
) -> None:
    engine.advance(DAY - timedelta(hours=1))
    discharge = "MSH|^~\\&|EPR|QH|CALLOUT|X|20261120150000||ADT^A03|M1|P|2.4\rPID|||1\r"
    caller = Caller(key_id=feed.id, name=feed.name, role=Role.PARTNER, localities=())
    sent = Sent((discharge * messages).encode(), Kind.HL7)
    answer = posted.opened(sent, caller, runtime, codelists.load(runtime.settings.code_lists))
    assert isinstance(answer, JSONResponse)
    assert b"passed_over" in bytes(answer.body)
    engine.advance(timedelta(hours=3))
    assert told_of(runtime) == []
    engine.advance(DAY)
    assert len(told_of(runtime)) == 1
