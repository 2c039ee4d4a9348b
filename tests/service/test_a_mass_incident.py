"""Twelve victims of one night: the team is paged, no phone buzzes twelve times, and TAKE ALL is enough."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import col, select

from notifiers import gsm7
from notifiers.base import InboundText
from rules.incident import IncidentReport
from service.engine import Engine
from service.flows import intake, replies
from service.models.ids import new_id
from service.models.tasks import Page, Task, TaskState, TimelineEntry
from service.records import people, phones
from service.records.judging import Submission
from service.runtime import Runtime

VICTIMS, ALONE = 12, 4


def report(runtime: Runtime, number: int) -> None:
    now = runtime.clock.now()
    reports = [
        IncidentReport(type="weapon_in_school", occurred_at=now, locality="south", source_ref=new_id("ref", now))
        for _ in range(number)
    ]
    intake.accept(runtime, [Submission(report=each, key_id="key_x", partner="partner") for each in reports])


def as_one_batch(runtime: Runtime) -> None:
    report(runtime, VICTIMS)
    Engine(runtime).advance(timedelta(seconds=20))


def one_by_one(runtime: Runtime) -> None:
    for _ in range(VICTIMS):
        report(runtime, 1)
        Engine(runtime).advance(timedelta(seconds=0.5))
    Engine(runtime).advance(timedelta(seconds=20))


def tasks_of(runtime: Runtime) -> list[Task]:
    with runtime.reading() as work:
        return list(work.session.exec(select(Task).order_by(col(Task.id))))


def texts(runtime: Runtime) -> dict[str, list[str]]:
    """The texts on each phone so far."""
    with runtime.reading() as work:
        sent = phones.messages(work)
    return {
        worker: [each["text"] for each in sent if each["worker"] == worker and each["channel"] == "sms"]
        for worker in {each["worker"] for each in sent}
    }


def text(runtime: Runtime, worker: str, words: str) -> None:
    with runtime.reading() as work:
        phone = work.partnership.worker_by_slug[worker].phone
    now = runtime.clock.now()
    replies.receive(runtime, InboundText(provider="sandbox", provider_id=new_id("sbx", now), sender=phone, body=words))
    Engine(runtime).advance(timedelta(seconds=20))


def asked(runtime: Runtime, task: Task) -> set[str]:
    with runtime.reading() as work:
        return set(work.session.exec(select(Page.worker).where(Page.task_id == task.id)))


@pytest.mark.parametrize(("arrive", "most"), [(as_one_batch, 1), (one_by_one, 4)])
def test_twelve_victims_page_the_team_and_take_all_answers_for_all(
    runtime: Runtime, arrive: Callable[[Runtime], None], most: int
) -> None:
    with runtime.reading() as work:
        first, second = people.page_order(work, "education-inclusion-south")
    arrive(runtime)
    alone = [task for task in tasks_of(runtime) if asked(runtime, task) == {first}]
    shared = [task for task in tasks_of(runtime) if asked(runtime, task) == {first, second, "grace"}]
    assert (len(alone), len(shared)) == (ALONE, VICTIMS - ALONE)
    paged = texts(runtime)
    assert {worker: len(found) <= most for worker, found in paged.items()} == {first: True, second: True, "grace": True}
    assert all(gsm7.segments(each) == 1 for found in paged.values() for each in found)
    with runtime.reading() as work:
        why = work.session.exec(select(TimelineEntry).where(TimelineEntry.event == "whole team paged")).all()
    assert Counter(entry.task_id for entry in why) == {task.id: 1 for task in shared}

    text(runtime, second, "TAKE ALL")
    text(runtime, first, "take all")
    assert {task.id: task.assignee for task in tasks_of(runtime)} == {
        **{task.id: second for task in shared},
        **{task.id: first for task in alone},
    }
    assert {task.state for task in tasks_of(runtime)} == {TaskState.ACKNOWLEDGED}
    said = {worker: found[len(paged[worker]) :] for worker, found in texts(runtime).items()}
    assert [each.count("are taken by") for each in said["grace"]] == [1]
    assert len(said[first]) == 2
    assert len(said[second]) == 1


def test_whoever_answers_in_between_is_asked_again_alone(runtime: Runtime) -> None:
    with runtime.reading() as work:
        first = people.on_call(work, "education-inclusion-south")[0]
    for _ in range(3):
        report(runtime, 3)
        text(runtime, first, "take all")
    assert [asked(runtime, task) for task in tasks_of(runtime)] == [{first}] * 9
