"""Two transactions at the same moment on PostgreSQL, the second of which begins before the first has committed. Whichever
comes second has to see what the first did. (On SQLite there is one writer at a time.)"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import pytest
import yaml
from sqlmodel import col, select

from rules.incident import IncidentReport, Place
from rules.own_pathways import SOS as SOS_ALARM
from rules.safety import Sos
from service.clock import SandboxClock
from service.flows import errands, intake, setup
from service.models.incidents import Incident
from service.models.outbox import MessageState, OutboxMessage
from service.models.people import WorkerState
from service.models.tasks import Page, Task, TaskState, TimelineEntry
from service.partnership import DUTY_TEAM
from service.records import failures, going_off, judging, lone_workers, people, rulebooks, tasks, transitions
from service.records.judging import Submission, Taken
from service.runtime import Runtime
from service.settings import SHIPPED_PARTNERSHIP, SHIPPED_RULEBOOK
from service.work import Work
from tests.service.test_deadlines import text, texts_to

pytestmark = pytest.mark.parametrize("runtime", ["postgresql"], indirect=True)

Came = TypeVar("Came")
BLOCKED, PATIENCE = 0.5, 30  # seconds


def beside(runtime: Runtime, first: Callable[[Work], object], second: Callable[[], Came]) -> Came:
    """What came of `second`, which runs while what `first` wrote is not committed, and until after it is."""
    with ThreadPoolExecutor(1) as pool:
        with runtime.transaction() as work:
            first(work)
            work.session.flush()
            running = pool.submit(second)
            wait([running], BLOCKED)
        return running.result(PATIENCE)


def submission(runtime: Runtime, kind: str = "weapon_in_school", *, ref: str = "A-1") -> Submission:
    place = Place(hospital="riverside") if kind == "hospital_stabbing" else Place(urn="100000")
    report = IncidentReport(
        type=kind, occurred_at=runtime.clock.now(), locality="south", place=place, source_ref=ref, setting="school"
    )
    return Submission(report=report, key_id=f"key_{ref}", partner=f"partner {ref}")


def accept(runtime: Runtime, *, ref: str = "A-1", kind: str = "weapon_in_school") -> str:
    """The id of a new incident."""
    (taken,) = intake.accept(runtime, [submission(runtime, kind, ref=ref)])
    assert isinstance(taken, Taken)
    return taken.incident_id


def tasks_of(runtime: Runtime) -> list[Task]:
    with runtime.reading() as work:
        return list(work.session.exec(select(Task).order_by(col(Task.opened_at))))


def messages(runtime: Runtime, **wanted: str) -> list[OutboxMessage]:
    with runtime.reading() as work:
        return list(work.session.exec(select(OutboxMessage).filter_by(**wanted).order_by(col(OutboxMessage.id))))


def fail(work: Work, message: OutboxMessage) -> None:
    row = work.session.get_one(OutboxMessage, message.id, with_for_update=True)
    row.state = MessageState.FAILED.value
    work.session.add(row)
    failures.failed_for_good(work, row, opted_out=False)


def fail_alone(runtime: Runtime, message: OutboxMessage) -> None:
    with runtime.transaction() as work:
        fail(work, message)


@pytest.mark.parametrize("have_email", [True, False], ids=["email is left", "nothing is left"])
def test_two_messages_of_a_page_fail_and_what_follows_is_done_once(runtime: Runtime, have_email: bool) -> None:
    document = yaml.safe_load(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8"))
    for spec in document["workers"]:
        spec["email"] = spec["email"] if have_email else None
    setup.apply_partnership(runtime, yaml.safe_dump(document), actor="tests")
    accept(runtime, kind="hospital_stabbing")
    (task,) = tasks_of(runtime)
    sms, voice = messages(runtime, task_id=task.id, purpose="page")
    beside(runtime, lambda work: fail(work, sms), lambda: fail_alone(runtime, voice))
    emails = messages(runtime, page_id=sms.page_id or "", channel="email")
    assert len(emails) == have_email
    for email in emails:
        fail_alone(runtime, email)
    with runtime.reading() as work:
        pages = work.session.exec(select(Page).where(Page.task_id == task.id).order_by(col(Page.at))).all()
    assert [each.outcome for each in pages] == ["failed", None]
    assert pages[1].worker != sms.worker


def test_a_page_that_fails_while_its_task_is_taken_pages_nobody_else(runtime: Runtime) -> None:
    accept(runtime)
    (task,) = tasks_of(runtime)
    with runtime.reading() as work:
        first, second = people.page_order(work, task.team)[:2]

    def take(work: Work) -> None:
        transitions.take(work, tasks.lock(work, task.id), second, actor=second, channel="sms")

    def fail_all() -> None:
        for message in messages(runtime, worker=first, purpose="page"):
            fail_alone(runtime, message)

    beside(runtime, take, fail_all)
    fail_all()
    (taken,) = tasks_of(runtime)
    assert (taken.state, taken.assignee, taken.next_page_at) == (TaskState.ACKNOWLEDGED, second, None)


def test_a_text_that_another_transaction_was_in_the_way_of_is_acted_on(runtime: Runtime) -> None:
    accept(runtime)
    (task,) = tasks_of(runtime)
    with runtime.reading() as work:
        (worker,) = people.on_call(work, task.team)
    beside(runtime, lambda work: work.session.add(WorkerState(worker=worker)), lambda: text(runtime, worker, "off"))
    with runtime.reading() as work:
        assert worker in people.away(work)
    assert texts_to(runtime, worker)[-1].startswith("You are off")


def let_the_moment_pass(runtime: Runtime) -> None:
    """Until it is looked again for pages that were written while somebody went off."""
    assert isinstance(runtime.clock, SandboxClock)
    runtime.clock.advance_to(runtime.clock.now() + going_off.MEANWHILE)
    errands.run_due(runtime)


@pytest.mark.parametrize("word", ["OFF", "STOP"])
def test_who_is_paged_in_the_moment_in_which_they_go_off_is_not_waited_for(runtime: Runtime, word: str) -> None:
    with runtime.reading() as work:
        first, second = people.page_order(work, "education-inclusion-south")[:2]
    beside(runtime, lambda work: judging.accept(work, [submission(runtime)]), lambda: text(runtime, first, word))
    with runtime.reading() as work:
        pages = list(work.session.exec(select(Page)))
    assert [(page.worker, page.outcome) for page in pages] == [(first, None)], "it did not know yet"
    let_the_moment_pass(runtime)
    with runtime.reading() as work:
        pages = list(work.session.exec(select(Page).order_by(col(Page.at))))
    assert [(page.worker, page.outcome) for page in pages] == [(first, "failed"), (second, None)]


def test_who_is_paged_although_they_are_off_because_nobody_else_is_left_stays_so(runtime: Runtime) -> None:
    with runtime.reading() as work:
        duty = people.page_order(work, DUTY_TEAM)
    for worker in duty:
        text(runtime, worker, "OFF")
    accept(runtime, kind="never_heard_of")
    let_the_moment_pass(runtime)
    with runtime.reading() as work:
        pages = list(work.session.exec(select(Page)))
    assert {page.worker for page in pages} == set(duty)
    assert {page.outcome for page in pages} == {None}


def test_what_was_handed_on_at_once_is_told_of_once(runtime: Runtime) -> None:
    accept(runtime)
    (task,) = tasks_of(runtime)
    with runtime.reading() as work:
        first = people.page_order(work, task.team)[0]
    text(runtime, first, "OFF")
    let_the_moment_pass(runtime)
    with runtime.reading() as work:
        entries = work.session.exec(select(TimelineEntry).where(TimelineEntry.task_id == task.id)).all()
    assert [entry.event for entry in entries].count("page failed") == 1


def test_who_is_back_meanwhile_keeps_what_they_were_asked_for(runtime: Runtime) -> None:
    with runtime.reading() as work:
        first = people.page_order(work, "education-inclusion-south")[0]
    text(runtime, first, "OFF")
    text(runtime, first, "ON")
    accept(runtime)
    let_the_moment_pass(runtime)
    with runtime.reading() as work:
        pages = list(work.session.exec(select(Page)))
    assert [(page.worker, page.outcome) for page in pages] == [(first, None)]


def test_a_number_that_is_found_bad_twice_is_told_once(runtime: Runtime) -> None:
    told = []

    def find(work: Work) -> None:
        told.append(people.set_number_failed(work, "amina", "not a mobile number"))

    def find_alone() -> None:
        with runtime.transaction() as work:
            find(work)

    with runtime.transaction() as before:
        before.session.add(WorkerState(worker="amina"))
    beside(runtime, find, find_alone)
    assert told == [True, False]


def test_a_report_is_not_joined_to_a_task_that_is_being_cancelled(runtime: Runtime) -> None:
    incident = accept(runtime)
    (old,) = tasks_of(runtime)

    def retract(work: Work) -> None:
        row = work.session.get_one(Incident, incident, with_for_update=True)
        judging.retract(work, row, "wrong school", actor="partner A-1")

    beside(runtime, retract, lambda: accept(runtime, ref="B-1"))
    assert [(each.id == old.id, each.state) for each in tasks_of(runtime)] == [
        (True, TaskState.CANCELLED),
        (False, TaskState.OPEN),
    ]


def test_a_task_that_another_report_is_joining_is_not_cancelled(runtime: Runtime) -> None:
    incident = accept(runtime)
    beside(
        runtime,
        lambda work: judging.accept(work, [submission(runtime, ref="B-1")]),
        lambda: intake.retract(runtime, incident, "wrong school", actor="partner A-1"),
    )
    assert [each.state for each in tasks_of(runtime)] == [TaskState.OPEN]


def test_a_start_does_not_undo_what_is_being_put_in_force(runtime: Runtime) -> None:
    setup.load_rulebook(runtime)
    source = SHIPPED_RULEBOOK.read_text(encoding="utf-8") + "\n# of today\n"
    with ThreadPoolExecutor(1) as pool:
        with runtime.setting_up() as work:
            version, _ = rulebooks.keep(
                work.session,
                source,
                files={path.name: path.read_text(encoding="utf-8") for path in SHIPPED_RULEBOOK.parent.glob("*.*")},
                name="bristol",
                why=None,
                actor="head of service",
                actor_key=None,
                now=work.now,
            )
            rulebooks.activate(work.session, version, actor="head of service", now=work.now)
            starting = pool.submit(setup.load_rulebook, runtime)
            wait([starting], BLOCKED)
        assert starting.result(PATIENCE) == []
    with runtime.reading() as now:
        in_force = rulebooks.in_force(now.session)
    assert in_force is not None
    assert in_force.activated_by == "head of service"


def test_two_calls_for_help_are_one_alarm(runtime: Runtime) -> None:
    with runtime.reading() as work:
        worker = work.partnership.workers[0]
    beside(runtime, lambda work: lone_workers.heard(work, worker, Sos()), lambda: text(runtime, worker.slug, "SOS"))
    assert [task.pathway for task in tasks_of(runtime)] == [SOS_ALARM]


def test_what_a_leaver_finished_a_moment_before_is_not_opened_again(runtime: Runtime) -> None:
    accept(runtime)
    (task,) = tasks_of(runtime)
    with runtime.reading() as work:
        (worker,) = people.on_call(work, task.team)
    text(runtime, worker, f"take {task.code}")
    document = yaml.safe_load(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8"))
    without = yaml.safe_dump(_without(document, worker))

    def complete(work: Work) -> None:
        transitions.complete(work, tasks.lock(work, task.id), "contact_made", actor="supervisor")

    beside(runtime, complete, lambda: setup.apply_partnership(runtime, without, actor="admin"))
    (ended,) = tasks_of(runtime)
    assert (ended.state, ended.assignee) == (TaskState.COMPLETED, worker)


def _without(part: object, worker: str) -> object:
    """A partnership file in which nobody of that name is left."""
    if isinstance(part, dict):
        return {name: _without(value, worker) for name, value in part.items()}
    if isinstance(part, list):
        rest = [each for each in part if each != worker and not (isinstance(each, dict) and each.get("slug") == worker)]
        return [_without(each, worker) for each in rest]
    return part
