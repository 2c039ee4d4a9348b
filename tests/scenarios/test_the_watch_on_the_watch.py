"""Twilio takes texts and loses them: a test page shows it, the duty manager hears of it by every other way, and of its end."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.notify import FakeNotify, running_notify
from tests.fakes.smtp import FakeMail, running_mail
from tests.fakes.twilio import FakeTwilio, running_twilio
from tests.live import PHONES
from tests.running import running_service
from tests.story import Story, code_in

NUMBER = "+447700900990"
DANA = PHONES["dana"]


@contextmanager
def self_testing(folder: Path, twilio: FakeTwilio, notify: FakeNotify, mail: FakeMail) -> Iterator[Story]:
    """A service that texts by Twilio, and by GOV.UK Notify where Twilio fails, and tests itself every six hours."""
    settings = notify.environment() | {
        "CALLOUT_TWILIO_ACCOUNT_SID": twilio.account_sid,
        "CALLOUT_TWILIO_AUTH_TOKEN": twilio.auth_token,
        "CALLOUT_TWILIO_FROM": twilio.number,
        "CALLOUT_TWILIO_API_BASE": twilio.url,
        "CALLOUT_SMTP_URL": mail.url,
        "CALLOUT_SMTP_FROM": "callout@callout.example.org",
        "CALLOUT_SMS_PROVIDERS": "twilio,notify",
        "CALLOUT_EMAIL_PROVIDERS": "smtp",
        "CALLOUT_SYNTHETIC_HOURS": "6",
        "CALLOUT_SYNTHETIC_NUMBER": NUMBER,
    }
    with running_service(folder, **settings) as service:
        twilio.public_url = twilio.webhook_base = notify.webhook_base = service.url
        story = Story(service)
        yield story
        story.close()
        twilio.finish()


def watched(story: Story, state: str) -> dict[str, Any]:
    """What supervisors are shown once it is said that all is well, or not."""
    until, pause = time.monotonic() + 20, threading.Event()
    while True:
        stands: dict[str, Any] = story.supervisor.get("/v1/watch").json()["test_page"]
        if stands["state"] == state:
            return stands
        assert time.monotonic() < until, stands
        pause.wait(0.05)


def test_a_provider_that_loses_texts_is_found_out_and_so_is_its_recovery(tmp_path: Path) -> None:
    with running_twilio() as twilio, running_notify(delivers=False) as notify, running_mail() as mail:
        with self_testing(tmp_path, twilio, notify, mail) as story:
            story.advance("PT1S")
            twilio.wait_for_text(NUMBER, "TEST")
            stands = watched(story, "working")
            assert 0 < stands["seconds"] < 30
            assert all(stands["steps"].values())

            twilio.delivers = False
            story.advance("PT6H")
            lost = twilio.wait_for_text(NUMBER, "TEST", after=1)
            twilio.report(lost, "undelivered", ErrorCode="30005")
            code = code_in(notify.wait_for(DANA, "Texts may not arrive").body)
            twilio.wait_for_call(DANA)
            mail.wait_for_mail("dana@example.org")
            assert [text for text in twilio.texts_to(DANA) if code in text.body] == [], "that is who loses texts"
            stands = watched(story, "failing")
            assert (stands["outage"], stands["steps"]["receipt"]) == ("pages_do_not_arrive", None)
            assert "30005" in stands["why"]
            alarm = stands["task"]
            notify.text_in(DANA, f"TAKE {code}")
            twilio.wait_for_text(DANA, f"{code} is yours")

            twilio.delivers = True
            story.advance("PT15M")
            watched(story, "working")
            twilio.wait_for_text(DANA, f"{code}: there is new information")
            over = [line["detail"] for line in story.task(alarm)["timeline"] if line["event"] == "over"]
            assert over == ["a test page arrived: reports are taken, and texts get through"]
        assert twilio.faults == []
