"""A text that reached us hours late counts from when it was sent, and what follows from it begins now."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from service.flows import replies
from service.models.tasks import Task, TaskState
from service.records import milestones
from service.runtime import Runtime
from tests.model.city import City

LATE = timedelta(hours=3)


@pytest.fixture
def city(runtime: Runtime) -> Iterator[City]:
    """A city in one process, with a carrier whose luck the test decides."""
    built = City(runtime.database.url)
    yield built
    built.close()


def answer_lost(city: City, words: str) -> Task:
    """Whoever is on call is paged and answers, and we hear of it hours later."""
    city.report("weapon_in_school", locality="south", place=1, drill=False, number=1)
    city.advance(timedelta(0))
    (page,) = city.handed()
    (task,) = city.tasks()
    city.text_lost(page[1].message.to, f"{words} {task.code}")
    city.clock.advance_to(city.clock.now() + LATE)
    return task


def test_a_take_found_late_met_its_deadline_and_the_task_is_watched_from_now_on(city: City) -> None:
    task = answer_lost(city, "take")
    replies.ask_for_texts(city.runtime)
    (taken,) = city.tasks()
    assert taken.state == TaskState.ACKNOWLEDGED
    assert taken.acknowledged_at is not None
    assert taken.acknowledged_at < task.opened_at + timedelta(seconds=5)
    with city.runtime.reading() as work:
        assert milestones.of_task(work, task.id)[0].met_at == taken.acknowledged_at


def test_a_pass_found_late_gives_the_next_person_their_full_time_and_their_page_every_try(city: City) -> None:
    task = answer_lost(city, "pass")
    replies.ask_for_texts(city.runtime)
    for provider in city.providers:
        provider.away = True
    (passed,) = city.tasks()
    assert passed.next_page_at is not None
    assert passed.next_page_at > city.clock.now() + timedelta(minutes=5)
    city.advance(timedelta(minutes=2))
    for provider in city.providers:
        provider.away = False
    before = len(city.handed())
    city.advance(timedelta(minutes=1))
    arrived = [each.message for _, each in city.handed()[before:]]
    assert any(task.code in message.text and "PASS" in message.text for message in arrived)
    assert all(message.expires_at and message.expires_at > city.clock.now() for message in arrived)
