"""Two workers take one task in the same second, each by another replica: one has it, and the other hears who."""

import threading
from pathlib import Path

import pytest

from tests.conftest import empty_database
from tests.live import PHONES, City, live_city
from tests.running import start

MEDIATORS = ("leroy", "rosa")
TASKS = 4


def test_one_has_it_and_the_other_hears_who(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    each_alone = {"CALLOUT_GATHER_SECONDS": "0"}
    with empty_database(request, "postgresql", tmp_path) as url, live_city(tmp_path, url, **each_alone) as city:
        second = start(tmp_path, **city.service.environment)
        try:
            for number in range(TASKS):
                both_take(city, (city.service.url, second.url), number)
        finally:
            second.stop()


def both_take(city: City, replicas: tuple[str, str], number: int) -> None:
    task = city.report("peer_conflict", place={"name": f"Example Academy {number}"})["tasks"][0]
    for worker in MEDIATORS:
        city.twilio.wait_for_text(PHONES[worker], "TAKE", task["code"])
    together = threading.Barrier(len(MEDIATORS))

    def take(worker: str, replica: str) -> None:
        together.wait(10)
        assert city.twilio.text_in(PHONES[worker], f"take {task['code']}", via=replica).status_code == 200

    threads = [threading.Thread(target=take, args=pair) for pair in zip(MEDIATORS, replicas, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (taken,) = city.events(task["id"], "taken")
    assignee = city.task(task["id"])["assignee"]
    assert assignee == taken["actor"]
    (other,) = set(MEDIATORS) - {assignee}
    city.twilio.wait_for_text(PHONES[assignee], f"{task['code']} is yours")
    city.twilio.wait_for_text(PHONES[other], task["code"], "taken by")
    assert not [text for text in city.twilio.texts_to(PHONES[other]) if f"{task['code']} is yours" in text.body]
