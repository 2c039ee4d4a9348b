"""Phones that answer by themselves: they take nothing, and no two machines go on texting one another."""

import threading
from pathlib import Path

from tests.live import City, live_city

TEAMS = ("south", "north", "east-central")
SETTLED = 1.5  # seconds, in which two machines on one computer would say a great deal
DRIVING = "Automatic reply: I am driving"
POLITE = "Ok, thanks! This is an automatic reply, I am on leave until Monday"
ELSEWHERE = "Contact the office on 07700 900190, nobody reads this phone until Monday"
FEW = 6  # answers, after which we fall silent


def test_they_take_nothing_and_are_soon_left_alone(tmp_path: Path) -> None:
    with live_city(tmp_path, f"sqlite:///{tmp_path}/callout.db") as city:
        phones = {team: city.on_call(f"education-inclusion-{team}") for team in TEAMS}
        answers = dict(zip(phones.values(), (DRIVING, POLITE, ELSEWHERE), strict=True))
        city.twilio.answers_by_itself = answers
        tasks = {team: city.report(locality=team)["tasks"][0] for team in TEAMS}
        for team in TEAMS:
            city.twilio.wait_for_text(phones[team], tasks[team]["code"])
        settle(city)
        assert {city.task(task["id"])["state"] for task in tasks.values()} == {"open"}
        heard = {answers[phone]: len(city.twilio.texts_to(phone)) for phone in phones.values()}
        assert heard[DRIVING] == heard[POLITE] == 1, "the page, and no answer"
        assert heard[ELSEWHERE] <= 1 + FEW

        # Whoever the phone belongs to still can.
        city.twilio.answers_by_itself = {}
        city.twilio.text_in(phones["south"], "take")
        city.twilio.wait_for_text(phones["south"], "is yours")


def test_an_ok_of_somebody_who_is_away_takes_nothing_and_is_asked_about(tmp_path: Path) -> None:
    with live_city(tmp_path, f"sqlite:///{tmp_path}/callout.db") as city:
        phone = city.on_call()
        task = city.report()["tasks"][0]
        city.twilio.wait_for_text(phone, task["code"])
        city.twilio.text_in(phone, "Ok, I'm out of office until Monday")
        city.twilio.wait_for_text(phone, "TAKE", after=1)
        assert city.task(task["id"])["state"] == "open"
        city.twilio.text_in(phone, "OK")
        city.twilio.wait_for_text(phone, f"{task['code']} is yours")


def settle(city: City) -> None:
    """Wait until nobody has said anything for a while."""
    said = -1
    while said != len(city.twilio.received) and said < 100:
        said = len(city.twilio.received)
        threading.Event().wait(SETTLED)
