"""GOV.UK Notify goes away in the middle of an escalation: Twilio has the next text within seconds, and nobody gets one twice."""

import time
from collections import Counter
from pathlib import Path

from tests.fakes.notify import FakeNotify, running_notify
from tests.fakes.twilio import FakeTwilio, running_twilio
from tests.live import PHONES
from tests.running import running_service
from tests.story import Story, code_in


def copies(notify: FakeNotify, twilio: FakeTwilio) -> Counter[str]:
    """How often each of our messages reached a phone, by whichever of the two."""
    by_twilio = [(text.status_callback or "").rpartition("reference=")[2] for text in twilio.texts]
    return Counter([*(each.reference or "" for each in notify.notifications), *by_twilio])


def test_the_other_takes_over_within_seconds_and_nobody_gets_it_twice(tmp_path: Path) -> None:
    with running_notify(delivers=False) as notify, running_twilio(delivers=False) as twilio:
        settings = notify.environment() | {
            "CALLOUT_SANDBOX_CLOCK": "2026-11-20T15:00:00Z",
            "CALLOUT_TWILIO_ACCOUNT_SID": twilio.account_sid,
            "CALLOUT_TWILIO_AUTH_TOKEN": twilio.auth_token,
            "CALLOUT_TWILIO_FROM": twilio.number,
            "CALLOUT_TWILIO_API_BASE": twilio.url,
            "CALLOUT_RECEIPT_SECONDS": "3600",
        }
        with running_service(tmp_path, **settings) as service:
            story = Story(service)
            on_call = PHONES[story.on_call("education-inclusion-south").worker]
            task = story.report("weapon_in_school", locality="south")["tasks"][0]
            code = code_in(notify.wait_for(on_call, "TAKE").body)

            notify.down = True
            began = time.monotonic()
            second = story.report("weapon_in_school", locality="south", place={"name": "Another Academy"})["tasks"][0]
            twilio.wait_for_text(on_call, second["code"])
            assert time.monotonic() - began < 10
            story.advance("PT10M")
            assert {text.to for text in twilio.texts if code in text.body} - {on_call}, (
                "the escalation went on meanwhile"
            )
            story.advance("PT30M")
            lines = [(line["event"], line["actor"]) for line in story.task(task["id"])["timeline"]]
            assert ("sent", "notify") in lines
            assert ("not taken", "notify") in lines
            assert ("sent", "twilio") in lines
            down = [each for each in story.supervisor.get("/v1/providers").json()["items"] if each["state"] == "down"]
            assert ("sms", "notify") in {(each["channel"], each["provider"]) for each in down}
            assert "take texts since" in story.supervisor.get("/board", follow_redirects=True).text

            assert set(copies(notify, twilio).values()) == {1}, "nobody got a message twice"
            story.close()
        assert twilio.faults == []
