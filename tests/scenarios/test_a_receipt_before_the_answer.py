"""Twilio tells how far a text got before it has answered that it took it: what it told stands, and nothing is repeated."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import City, live_city

SCHOOLS_ELSEWHERE = "education-inclusion-north"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    """A city in which a page without a receipt is waited for a second."""
    with live_city(tmp_path, f"sqlite:///{tmp_path}/callout.db", CALLOUT_RECEIPT_SECONDS="1") as started:
        yield started


def test_what_overtakes_the_answer_stands(city: City) -> None:
    twilio = city.twilio
    twilio.delivers = False
    on_call, elsewhere = city.on_call(), city.on_call(SCHOOLS_ELSEWHERE)
    answered: list[int] = []

    twilio.before_answering = lambda text: answered.extend(
        twilio.report(text, status).status_code for status in ("delivered", "sent")
    )
    arrived = city.report()["tasks"][0]["id"]
    city.wait_for_event(arrived, "sent")
    assert answered == [200, 200]
    (delivered,) = city.events(arrived, "delivered")
    assert delivered["actor"] == "twilio", "though it had not answered yet"

    # It came to nothing before the answer said that it was taken: the phone rings all the same.
    twilio.before_answering = lambda text: twilio.report(text, "undelivered", ErrorCode="30003")
    lost = city.report(locality="north")["tasks"][0]
    twilio.wait_for_call(elsewhere)
    city.wait_for_event(lost["id"], "failed", "30003")

    threading.Event().wait(1.5)
    assert city.events(arrived, "no receipt") == [], "there was one, before it could be waited for"
    assert [call.to for call in twilio.calls] == [elsewhere]
    assert [text.to for text in twilio.texts] == [on_call, elsewhere], "neither is sent again"
