"""The text goes unread, so the phone rings: a key answers as a text does, and a voicemail box answers nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import City, live_city


@pytest.fixture
def city(tmp_path: Path, database_url: str) -> Iterator[City]:
    with live_city(tmp_path, database_url) as started:
        yield started


TEAM = "hospital-navigators-riverside"


def on_the_ward(city: City) -> tuple[str, str, str]:
    """A page that goes out by text and by voice at once: its task, its code, and the number that rings."""
    task = city.report("hospital_stabbing", setting="hospital", place={"ods": "ZZ901"})["tasks"][0]
    return task["id"], task["code"], number_of(city, rota(city)["on_call"][0])


def rota(city: City) -> dict[str, list[str]]:
    with city.client("supervisor") as supervisor:
        found: dict[str, list[str]] = supervisor.get(f"/v1/teams/{TEAM}/on-call").json()
    return found


def number_of(city: City, worker: str) -> str:
    with city.client("admin") as admin:
        people = admin.get("/v1/partnership").json()["workers"]
    number: str = next(each["phone"] for each in people if each["slug"] == worker)
    return number


def test_one_takes_and_star_repeats(city: City) -> None:
    task, code, number = on_the_ward(city)
    call = city.twilio.wait_for_call(number)
    for word in ("Hospital response", code):
        assert word in call.words
    for word in ("stab", "ZZ901", "Riverside"):
        assert word.lower() not in call.words.lower()
    assert "Hospital response" in city.twilio.press(call, "*")
    assert city.task(task)["state"] == "open"
    assert f"{code} is yours" in city.twilio.press(call, "1")
    assert "already" in city.twilio.press(call, "1")
    taken = city.task(task)
    assert (taken["state"], number_of(city, taken["assignee"])) == ("acknowledged", number)
    city.twilio.wait_for_text(number, f"{code} is yours")
    assert [entry["channel"] for entry in taken["timeline"] if entry["event"] == "taken"] == ["voice"]


def test_two_passes_once_and_the_backups_phone_rings(city: City) -> None:
    task, code, number = on_the_ward(city)
    call = city.twilio.wait_for_call(number)
    assert f"{code} is passed on" in city.twilio.press(call, "2")
    assert "already" in city.twilio.press(call, "2")
    backup = number_of(city, rota(city)["backups"][0])
    assert city.twilio.wait_for_call(backup).words.startswith("CRITICAL priority")
    events = [entry["event"] for entry in city.task(task)["timeline"]]
    assert events.count("passed") == 1


def test_a_machine_that_answers_is_no_answer(city: City) -> None:
    task, code, number = on_the_ward(city)
    call = city.twilio.wait_for_call(number)
    answered = city.twilio.end_call(call, "in-progress", AnsweredBy="machine_start")
    assert answered.status_code == 200
    city.twilio.end_call(call, "completed")
    found = city.task(task)
    assert found["state"] == "open"
    failed = [entry for entry in found["timeline"] if entry["event"] == "failed" and entry["channel"] == "voice"]
    assert len(failed) == 1
    assert "machine" in failed[0]["detail"]
    assert (
        city.twilio.call("/v1/callbacks/twilio/voice?reference=x", {"CallSid": "CA1"}, signature="no").status_code
        == 403
    )
    assert "not known" in city.twilio.press_at("/v1/callbacks/twilio/voice?reference=msg_none", "1")
    assert code in city.twilio.wait_for_text(number, code).body
