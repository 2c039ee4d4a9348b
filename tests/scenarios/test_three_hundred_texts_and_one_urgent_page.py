"""Three hundred texts wait at a slow provider when a young person is admitted: the navigator's page goes before all of them."""

from pathlib import Path

from tests.live import live_city

QUEUED = 300
SENDERS = 8


def test_the_urgent_page_waits_for_no_more_than_is_in_hand(tmp_path: Path) -> None:
    settings = {"CALLOUT_GATHER_SECONDS": "0", "CALLOUT_SEND_THREADS": str(SENDERS)}
    with live_city(tmp_path, f"sqlite:///{tmp_path}/callout.db", **settings) as city:
        twilio, navigator = city.twilio, city.on_call("hospital-navigators-riverside")
        twilio.delivers = False
        twilio.takes_seconds = 1
        concerns = [
            {
                "type": "community_concern",
                "occurred_at": "2026-11-20T15:41:00Z",
                "place": {"name": f"A corner {number}"},
            }
            for number in range(QUEUED)
        ]
        with city.client("partner") as partner:
            answer = partner.post("/v1/incidents/batch", json={"incidents": concerns})
        assert answer.is_success, answer.text
        before = len(twilio.texts)
        code = city.report("hospital_stabbing", place={"hospital": "riverside"})["tasks"][0]["code"]
        twilio.wait_for_text(navigator, code)
        with twilio.changed:
            place = next(place for place, text in enumerate(twilio.texts) if code in text.body)
        assert place - before <= 2 * SENDERS, "what was in the senders' hands, and what they took up meanwhile"
        assert place < QUEUED / 3, "most of them still wait"
        twilio.takes_seconds = 0
