"""A worker takes their number to another network: texts get lost on the day, and the phone rings instead.

Their lead hears once what to do, and whoever looks at the cover sees it, until a text arrives again.
"""

from pathlib import Path

from tests.live import PHONES, City, live_city

NEVER_ARRIVED = "30005"  # "unknown destination handset": the old network's word for a number that has left it


def at_risk(city: City, worker: str) -> list[str]:
    with city.client("supervisor") as supervisor:
        duties = supervisor.get("/v1/coverage").json()["at_risk"]
    return sorted({duty["reason"] for duty in duties if duty["worker"] == worker})


def test_the_phone_rings_until_texts_arrive_again(tmp_path: Path) -> None:
    # Each page for itself: a second call within a minute would wait until the minute is over.
    alone = {"CALLOUT_GATHER_SECONDS": "0"}
    with live_city(tmp_path, f"sqlite:///{tmp_path}/callout.db", **alone) as city:
        twilio, on_call = city.twilio, city.on_call()
        worker = next(slug for slug, phone in PHONES.items() if phone == on_call)
        twilio.delivers = False
        first = city.report()["tasks"][0]
        page = twilio.wait_for_text(on_call, first["code"])
        assert twilio.report(page, "undelivered", ErrorCode=NEVER_ARRIVED).status_code == 200
        call = twilio.wait_for_call(on_call)
        twilio.wait_for_text(PHONES["grace"], "fail for good", "partnership file")
        assert at_risk(city, worker) == ["the number does not work (30005 unknown number)"]
        # The call finds its way before the texts do.
        twilio.press(call, "1")
        twilio.end_call(call, "completed")
        assert city.task(first["id"])["assignee"] == worker

        second = city.report(place={"name": "Another Academy"})["tasks"][0]
        page = twilio.wait_for_text(on_call, "TAKE", second["code"])
        twilio.report(page, "undelivered", ErrorCode=NEVER_ARRIVED)
        twilio.press(twilio.wait_for_call(on_call, after=1), "1")

        third = city.report(place={"name": "A third academy"})["tasks"][0]
        page = twilio.wait_for_text(on_call, "TAKE", third["code"])
        twilio.report(page, "delivered")
        assert at_risk(city, worker) == []
        assert len(twilio.calls) == 2
        assert len(twilio.texts_to(PHONES["grace"])) == 1, "the lead hears once"
