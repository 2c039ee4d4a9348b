"""A task that a supervisor has paused disturbs nobody, whatever was on its way when they did."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from notifiers.base import Channel, ReceiptState
from service.flows import actions
from service.models.tasks import Task
from service.runtime import Runtime
from tests.model.city import SUPERVISOR, City


@pytest.fixture
def city(runtime: Runtime) -> Iterator[City]:
    """A city in one process, with a carrier whose luck the test decides."""
    built = City(runtime.database.url)
    yield built
    built.close()


def report(city: City, kind: str = "weapon_in_school") -> Task:
    city.report(kind, locality="south", place=1, drill=False, number=1)
    (task,) = city.tasks()
    return task


def pause(city: City, task: Task) -> None:
    actions.pause(city.runtime, SUPERVISOR, task.id, "the family asked", None)


def paged_by(city: City) -> list[Channel]:
    return [each.message.channel for _, each in city.handed()]


def test_a_page_that_waited_for_its_provider_does_not_leave_in_the_pause(city: City) -> None:
    for provider in city.providers:
        provider.away = True
    task = report(city)
    city.advance(timedelta(seconds=20))
    pause(city, task)
    for provider in city.providers:
        provider.away = False
    city.advance(timedelta(minutes=20))
    assert paged_by(city) == []
    actions.resume(city.runtime, SUPERVISOR, task.id)
    city.advance(timedelta(seconds=5))
    assert paged_by(city) == [Channel.SMS]


@pytest.mark.parametrize("fails", [False, True], ids=["no receipt comes", "it is reported as failed"])
def test_a_page_that_does_not_arrive_is_not_tried_by_another_channel_in_the_pause(city: City, fails: bool) -> None:
    task = report(city)
    city.carrier.meanwhile = lambda _message: pause(city, task)
    city.advance(timedelta(0))
    assert paged_by(city) == [Channel.SMS], "it had left when the pause came"
    if fails:
        city.receipt(*city.handed()[0], ReceiptState.FAILED)
    city.advance(timedelta(minutes=20))
    assert paged_by(city) == [Channel.SMS]


def test_somebody_to_whom_a_paused_task_is_given_is_paged_for_it(city: City) -> None:
    task = report(city)
    city.advance(timedelta(0))
    pause(city, task)
    actions.assign(city.runtime, SUPERVISOR, task.id, "rosa")
    city.advance(timedelta(seconds=5))
    assert [each.message.to for _, each in city.handed()][-1] == city.number_of("rosa")


def test_an_overdue_task_that_is_taken_in_its_pause_is_asked_about_only_after_it(city: City) -> None:
    task = report(city, "never_heard_of")
    city.clock.advance_to(city.clock.now() + timedelta(hours=25))
    city.advance(timedelta(0))
    pause(city, task)
    city.text(city.number_of("dana") or "", f"take {task.code}")
    before = len(city.handed())
    city.advance(timedelta(hours=4))
    assert [each.message.text for _, each in city.handed()[before:] if "is yours" not in each.message.text] == []
    actions.resume(city.runtime, SUPERVISOR, task.id)
    city.advance(timedelta(hours=2, minutes=1))
    assert any("OVERDUE" in each.message.text or "TAKE" in each.message.text for _, each in city.handed()[before:])
