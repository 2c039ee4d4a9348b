"""What happens at the worst moment: a hand-over, a crash, a worker who goes, while a page is on its way."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from service.models.tasks import Task, TaskState
from service.runtime import Runtime
from tests.model.city import City


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


def test_a_phone_that_answers_by_itself_starts_no_conversation(city: City) -> None:
    report(city)
    city.advance(timedelta(0))
    (number,) = phones(city)
    for _ in range(5):
        city.text(number, "Automatic reply: I am driving")
    city.advance(timedelta(minutes=1))
    assert phones(city) == [number]
    assert city.tasks()[-1].state == TaskState.OPEN
