"""Twilio takes a page and answers 500, or not at all: it is asked, and neither it nor GOV.UK Notify sends it again."""

from pathlib import Path

from tests.fakes.notify import running_notify
from tests.live import live_city


def test_what_was_taken_without_saying_so_is_asked_about_and_not_repeated(tmp_path: Path) -> None:
    with running_notify(delivers=False) as notify:
        both = notify.environment() | {"CALLOUT_SMS_PROVIDERS": "twilio,notify", "CALLOUT_EMAIL_PROVIDERS": "smtp"}
        with live_city(tmp_path, f"sqlite:///{tmp_path}/callout.db", **both) as city:
            on_call, elsewhere = city.on_call(), city.on_call("education-inclusion-north")
            city.twilio.fail_after_taking = 1
            failed = city.report()["tasks"][0]
            city.wait_for_event(failed["id"], "delivered")

            city.twilio.lose_next_answer = 1
            unheard = city.report(locality="north")["tasks"][0]
            city.wait_for_event(unheard["id"], "sent")

            for task, phone in ((failed, on_call), (unheard, elsewhere)):
                assert [task["code"] in text.body for text in city.twilio.texts_to(phone)] == [True], "one text"
                assert phone in city.twilio.asked_about
                (doubt,) = city.events(task["id"], "not taken")
                assert "may or may not have it" in doubt["detail"]
                # Its receipt may come before the answer to our question, and says "sent" too.
                assert city.events(task["id"], "sent")[-1]["actor"] == "twilio"
            assert notify.notifications == []
            assert city.twilio.calls == []
