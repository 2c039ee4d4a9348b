"""The process is killed after Twilio took a page and before that was written down: Twilio is asked, and nothing is repeated."""

import threading
from pathlib import Path

import pytest

from tests.conftest import empty_database
from tests.live import live_city


def test_what_was_in_hand_is_asked_about_and_each_phone_gets_one_text(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with empty_database(request, "postgresql", tmp_path) as url, live_city(tmp_path, url) as city:
        twilio = city.twilio
        twilio.delivers = False
        on_call, elsewhere = city.on_call(), city.on_call("education-inclusion-north")
        # One page is on its way and has not arrived, the other one has and its answer has not left.
        twilio.never_arrives = {elsewhere}
        # A page may be with Twilio before its report is answered.
        answered = threading.Event()
        twilio.before_answering = lambda _text: answered.wait(10) and city.service.kill()
        on_its_way = city.report(locality="north")["tasks"][0]
        with twilio.changed:
            assert twilio.changed.wait_for(lambda: elsewhere in twilio.on_their_way, timeout=10)
        arrived = city.report()["tasks"][0]
        answered.set()
        twilio.wait_for_text(on_call, arrived["code"])
        city.service.process.wait(10)
        twilio.never_arrives = set()

        assert twilio.asked_about == []
        city.start_again()
        twilio.wait_for_text(elsewhere, on_its_way["code"])
        for task, phone in ((arrived, on_call), (on_its_way, elsewhere)):
            assert city.wait_for_event(task["id"], "sent")["actor"] == "twilio"
            assert phone in twilio.asked_about, "asked before anything is sent again"
            (text,) = twilio.texts_to(phone)
            assert twilio.report(text, "delivered").status_code == 200
            assert len(city.events(task["id"], "delivered")) == 1
        twilio.text_in(on_call, "take")
        twilio.wait_for_text(on_call, f"{arrived['code']} is yours")
