"""What happens at the worst moment: a hand-over, a crash, a worker who goes, while a page is on its way."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from service.models.tasks import Task, TaskState
from service.runtime import Runtime
from tests.fakes.carrier import Fate
from tests.model.city import City
from tests.model.machine import without


@pytest.fixture
def city(runtime: Runtime) -> Iterator[City]:
    """A city in one process, with a carrier whose luck the test decides."""
    built = City(runtime.database.url)
    yield built
    built.close()


def report(city: City, kind: str = "weapon_in_school") -> Task:
    city.report(kind, locality="south", place=1, drill=False, number=1)
    return city.tasks()[-1]


def phones(city: City) -> list[str]:
    return [each.message.to for _, each in city.handed()]


def worker_at(city: City, number: str) -> str:
    return next(each for each in ("amina", "ben") if city.number_of(each) == number)


@pytest.mark.parametrize("fate", [Fate.DIED_AFTER, Fate.DIED_BEFORE])
def test_killed_between_sending_and_writing_it_down_it_asks_and_the_phone_gets_one_text(city: City, fate: Fate) -> None:
    report(city)
    city.carrier.fates.append(fate)
    assert city.advance(timedelta(0)) is False
    assert city.restarts == 1
    city.advance(timedelta(minutes=3))
    ((by, page),) = city.handed()
    assert (by.name, page.arrivals) == ("carrier", 1)


def test_an_answer_that_was_lost_is_asked_about_and_neither_provider_sends_again(city: City) -> None:
    report(city)
    city.carrier.fates.append(Fate.ANSWER_LOST)
    city.advance(timedelta(minutes=1))
    ((by, page),) = city.handed()
    assert (by.name, page.arrivals) == ("carrier", 1)


def test_whoever_was_paged_before_the_hand_over_can_take_it_after_and_the_next_page_goes_to_the_new_one(
    city: City,
) -> None:
    # The outreach teams hand over at four o'clock; this is two minutes before.
    city.clock.advance_to(city.clock.now() + timedelta(minutes=43))
    task = report(city, "late_night_hotspot")
    city.advance(timedelta(0))
    (before,) = phones(city)
    city.advance(timedelta(minutes=3))
    city.text(before, f"take {task.code}")
    assert city.tasks()[-1].state == TaskState.ACKNOWLEDGED
    city.text(before, f"pass {task.code}")
    known = len(phones(city))
    city.advance(timedelta(seconds=5))
    assert [number for number in phones(city)[known:] if number != before]


def test_when_the_one_who_is_paged_leaves_the_partnership_the_next_step_is_paged_at_once(city: City) -> None:
    task = report(city)
    city.advance(timedelta(0))
    (gone,) = phones(city)
    city.apply(lambda file: without(file, worker_at(city, gone)))
    city.advance(timedelta(seconds=5))
    assert phones(city)[1:], "somebody else is paged"
    assert gone not in phones(city)[1:]
    city.text(gone, f"take {task.code}")
    assert city.tasks()[-1].state == TaskState.OPEN


def test_when_the_one_who_is_paged_opts_out_the_next_step_is_paged_at_once(city: City) -> None:
    report(city)
    city.advance(timedelta(0))
    (gone,) = phones(city)
    city.text(gone, "STOP", opted_out=True)
    city.advance(timedelta(seconds=5))
    assert set(phones(city)[1:]) - {gone}


def test_a_phone_that_answers_by_itself_starts_no_conversation(city: City) -> None:
    report(city)
    city.advance(timedelta(0))
    (number,) = phones(city)
    for _ in range(5):
        city.text(number, "Automatic reply: I am driving")
    city.advance(timedelta(minutes=1))
    assert phones(city) == [number]
    assert city.tasks()[-1].state == TaskState.OPEN
