"""One answer for several tasks: TAKE ALL, PASS ALL, several codes, and what somebody else took a moment before."""

import threading

import pytest
from sqlmodel import col, select

from notifiers import gsm7
from notifiers.base import InboundText
from rules.incident import IncidentReport, Place
from service.flows import intake, replies
from service.models.ids import new_id
from service.models.outbox import OutboxMessage, ReceivedText
from service.models.tasks import Task, TaskState, TimelineEntry
from service.records import outbox, paging, people, tasks
from service.records.judging import Submission
from service.runtime import Runtime

TEAM = "education-inclusion-south"


def open_tasks(runtime: Runtime, number: int, *, drill: bool = False) -> list[str]:
    """So many victims of one event, reported one after the other; the codes of their tasks."""
    now = runtime.clock.now()
    reports = [
        IncidentReport(
            type="weapon_in_school",
            occurred_at=now,
            locality="south",
            place=Place(name=f"Invented Academy {each}"),
            source_ref=new_id("ref", now),
            drill=drill,
        )
        for each in range(number)
    ]
    intake.accept(runtime, [Submission(report=report, key_id="key_x", partner="partner") for report in reports])
    return [task.code for task in tasks_of(runtime)][-number:]


def tasks_of(runtime: Runtime) -> list[Task]:
    with runtime.reading() as work:
        return list(work.session.exec(select(Task).order_by(col(Task.id))))


def holders(runtime: Runtime) -> dict[str, str | None]:
    return {task.code: task.assignee for task in tasks_of(runtime)}


def text(runtime: Runtime, worker: str, words: str) -> None:
    with runtime.reading() as work:
        phone = work.partnership.worker_by_slug[worker].phone
    now = runtime.clock.now()
    replies.receive(runtime, InboundText(provider="sandbox", provider_id=new_id("sbx", now), sender=phone, body=words))


def answers_to(runtime: Runtime, worker: str) -> list[str]:
    with runtime.reading() as work:
        query = select(OutboxMessage).where(OutboxMessage.worker == worker, OutboxMessage.purpose == outbox.ANSWER)
        return [message.text for message in work.session.exec(query.order_by(col(OutboxMessage.id)))]


@pytest.fixture
def pair(runtime: Runtime) -> tuple[str, str]:
    """Who is on call in the south, and the other one of the team."""
    with runtime.reading() as work:
        first, second = people.page_order(work, TEAM)
    return first, second


def test_take_all_takes_all_that_they_are_sought_for_and_answers_once(runtime: Runtime, pair: tuple[str, str]) -> None:
    codes = open_tasks(runtime, 4)
    text(runtime, pair[0], "TAKE ALL on my way")
    assert holders(runtime) == dict.fromkeys(codes, pair[0])
    (answer,) = answers_to(runtime, pair[0])
    assert answer.startswith(f"{', '.join(codes)} are yours. Due ")
    with runtime.reading() as work:
        notes = work.session.exec(select(TimelineEntry).where(TimelineEntry.event == "note")).all()
        (kept,) = work.session.exec(select(ReceivedText)).all()
    assert [note.detail for note in notes] == ["on my way"] * 4
    assert kept.meaning == "take"


def test_take_all_of_one_is_answered_as_its_code_would_be(runtime: Runtime, pair: tuple[str, str]) -> None:
    (code,) = open_tasks(runtime, 1)
    text(runtime, pair[0], "take all")
    (answer,) = answers_to(runtime, pair[0])
    assert answer.startswith(f"{code} is yours.")
    assert "/t/" in answer


def test_take_all_of_nothing_says_so(runtime: Runtime, pair: tuple[str, str]) -> None:
    text(runtime, pair[0], "take all")
    assert answers_to(runtime, pair[0])[0].startswith("Nothing is open for you")


def test_what_somebody_else_took_meanwhile_is_listed_and_stays_theirs(runtime: Runtime, pair: tuple[str, str]) -> None:
    first, second = pair
    codes = open_tasks(runtime, 3)
    text(runtime, second, f"take {codes[1]}")
    text(runtime, first, "take all")
    assert holders(runtime) == {codes[0]: first, codes[1]: second, codes[2]: first}
    (answer,) = answers_to(runtime, first)
    assert f"{codes[0]}, {codes[2]} are yours." in answer
    assert f"{codes[1]}: with {'Ben Specimen' if second == 'ben' else 'Amina Example'} already." in answer


def test_several_codes_are_each_taken_and_a_wrong_one_is_named(runtime: Runtime, pair: tuple[str, str]) -> None:
    codes = open_tasks(runtime, 3)
    text(runtime, pair[0], f"take {codes[0]}, {codes[2]} and a9")
    assert holders(runtime) == {codes[0]: pair[0], codes[1]: None, codes[2]: pair[0]}
    (answer,) = answers_to(runtime, pair[0])
    assert f"{codes[0]}, {codes[2]} are yours. A9: unknown." in answer


def test_pass_all_asks_the_next_person_for_each_and_leaves_what_is_theirs(
    runtime: Runtime, pair: tuple[str, str]
) -> None:
    first, second = pair
    codes = open_tasks(runtime, 3)
    text(runtime, first, f"take {codes[0]}")
    text(runtime, first, "pass all, at court")
    assert holders(runtime) == {codes[0]: first, codes[1]: None, codes[2]: None}
    with runtime.reading() as work:
        query = select(OutboxMessage).where(OutboxMessage.worker == second, OutboxMessage.channel == "sms")
        paged = {message.task_id for message in work.session.exec(query)}
        passed = work.session.exec(select(TimelineEntry).where(TimelineEntry.event == "passed")).all()
    assert paged == {task.id for task in tasks_of(runtime) if task.code in codes[1:]}
    assert all("at court" in entry.detail for entry in passed)
    assert answers_to(runtime, first)[-1].startswith(f"{codes[1]}, {codes[2]} passed.")


@pytest.mark.parametrize("runtime", ["postgresql"], indirect=True)
def test_who_waited_for_a_task_sees_whom_it_was_passed_on_to_meanwhile(runtime: Runtime, pair: tuple[str, str]) -> None:
    first, second = pair
    open_tasks(runtime, 1)
    with runtime.transaction() as work:
        (task,) = tasks.sought(work, first)
        assert paging.paged_workers(work, task) == [first]
        text(runtime, first, "pass")
        assert paging.paged_workers(work, tasks.lock(work, task.id)) == [second]


def test_an_ended_task_among_several_is_said_to_be_over(runtime: Runtime, pair: tuple[str, str]) -> None:
    codes = open_tasks(runtime, 2)
    text(runtime, pair[0], f"done {codes[0]} contact_made")
    text(runtime, pair[0], f"take {codes[0]} {codes[1]}")
    assert f"{codes[1]} is yours. {codes[0]}: over." in answers_to(runtime, pair[0])[-1]


def test_ok_all_good_takes_nothing_where_several_are_open(runtime: Runtime, pair: tuple[str, str]) -> None:
    codes = open_tasks(runtime, 2)
    text(runtime, pair[0], "OK all good")
    assert holders(runtime) == dict.fromkeys(codes)
    (answer,) = answers_to(runtime, pair[0])
    assert "or TAKE ALL" in answer
    assert all(code in answer for code in codes)


def test_a_drill_is_answered_as_a_drill(runtime: Runtime, pair: tuple[str, str]) -> None:
    open_tasks(runtime, 2, drill=True)
    text(runtime, pair[0], "take all")
    assert answers_to(runtime, pair[0])[0].startswith("DRILL ")


def test_two_who_take_all_in_the_same_moment_share_every_task_between_them(
    runtime: Runtime, pair: tuple[str, str]
) -> None:
    codes = open_tasks(runtime, 12)
    text(runtime, pair[1], f"more {codes[0]}")
    threads = [
        threading.Thread(target=text, args=(runtime, worker, f"take {' '.join(order)}"))
        for worker, order in zip(pair, (codes, codes[::-1]), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(task.state == TaskState.ACKNOWLEDGED for task in tasks_of(runtime))
    assert set(holders(runtime).values()) <= set(pair)
    said = [answers_to(runtime, worker)[-1] for worker in pair]
    assert all(gsm7.segments(answer) == 1 for answer in said)
    assert any("already." in answer for answer in said)
