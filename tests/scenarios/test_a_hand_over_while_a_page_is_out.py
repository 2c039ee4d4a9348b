"""The outreach teams hand over while a page is out: whoever got it may answer, and the next page goes to who is on call now."""

from pathlib import Path

from tests.live import city_at
from tests.story import Story

TEAM = "outreach-south"


def test_who_was_paged_before_it_can_take_it_after_it(tmp_path: Path) -> None:
    with city_at("2026-11-20T15:58:00Z", tmp_path) as city:
        twilio, before = city.twilio, city.on_call(TEAM)
        task = city.report("late_night_hotspot")["tasks"][0]
        twilio.wait_for_text(before, "TAKE", task["code"])
        city.wait_for_event(task["id"], "delivered")
        story = Story(city.service)
        story.advance("PT3M")
        story.close()
        after = city.on_call(TEAM)
        assert after != before
        assert twilio.texts_to(after) == [], "the page that is out is still waited for"

        twilio.text_in(before, "take")
        twilio.wait_for_text(before, f"{task['code']} is yours")
        twilio.text_in(before, f"pass {task['code']}")
        twilio.wait_for_text(after, "TAKE", task["code"])
        twilio.text_in(after, "take")
        twilio.wait_for_text(after, f"{task['code']} is yours")
        pages = [text.to for text in twilio.texts if "PASS" in text.body and task["code"] in text.body]
        assert pages == [before, after]
