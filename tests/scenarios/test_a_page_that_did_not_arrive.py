"""A page that was sent is not a page that arrived: without a receipt the next channel is tried, and no clock is waited for."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import PHONES, City, live_city

PATIENCE = threading.Event()


@pytest.fixture
def city(tmp_path: Path, database_url: str) -> Iterator[City]:
    """A city whose receipts are waited for a second, so that the story is short."""
    with live_city(tmp_path, database_url, CALLOUT_RECEIPT_SECONDS="1") as started:
        yield started


def events(city: City, task: str, kind: str) -> list[dict[str, str]]:
    return [entry for entry in city.task(task)["timeline"] if entry["event"] == kind]


def test_receipts_that_never_come_ring_the_phone_and_then_write_an_email(city: City) -> None:
    city.twilio.delivers = False
    on_call = city.on_call()
    task = city.report()["tasks"][0]
    text = city.twilio.wait_for_text(on_call, task["code"])
    call = city.twilio.wait_for_call(on_call)
    worker = next(slug for slug, phone in PHONES.items() if phone == on_call)
    city.mail.wait_for_mail(f"{worker}@example.org")
    assert len(city.twilio.texts_to(on_call)) == 1
    assert [entry["channel"] for entry in events(city, task["id"], "no receipt")] == ["sms", "voice"]
    # The first step is still the one that is paged: nobody else's phone was disturbed.
    assert city.task(task["id"])["escalation"]["step"] == 1
    assert {each.to for each in city.twilio.texts} == {on_call}
    # A receipt that comes late moves the message on, and nothing more happens.
    city.twilio.report(text, "delivered")
    city.twilio.end_call(call, "completed")
    assert len(events(city, task["id"], "delivered")) == 2


def test_a_receipt_in_time_is_proof_and_nothing_else_goes_out(city: City) -> None:
    on_call = city.on_call()
    task = city.report()["tasks"][0]
    city.twilio.wait_for_text(on_call, task["code"])
    PATIENCE.wait(2.5)
    assert events(city, task["id"], "no receipt") == []
    assert (city.twilio.calls, city.mail.mails) == ([], [])


def test_a_task_that_was_taken_by_a_text_without_receipt_is_left_alone(city: City) -> None:
    city.twilio.delivers = False
    on_call = city.on_call()
    task = city.report()["tasks"][0]
    city.twilio.wait_for_text(on_call, task["code"])
    city.twilio.text_in(on_call, "take")
    city.twilio.wait_for_text(on_call, "is yours")
    PATIENCE.wait(2.5)
    assert (city.twilio.calls, city.mail.mails) == ([], [])
