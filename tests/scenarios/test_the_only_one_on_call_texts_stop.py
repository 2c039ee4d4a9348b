"""A team has one person, who is paged and texts STOP: their lead is paged at once, and hears why."""

from pathlib import Path
from typing import Any

from tests.live import PHONES, live_city, partnership_with

AMINA, GRACE = PHONES["amina"], PHONES["grace"]


def alone_in_the_south(file: dict[str, Any]) -> None:
    """Amina has the southern team for herself."""
    team = next(each for each in file["teams"] if each["slug"] == "education-inclusion-south")
    team["rota"]["workers"] = ["amina"]


def test_the_lead_is_paged_at_once_until_they_text_start(tmp_path: Path) -> None:
    alone = partnership_with(alone_in_the_south)
    with live_city(tmp_path, f"sqlite:///{tmp_path}/callout.db", partnership=alone) as city:
        twilio = city.twilio
        task = city.report()["tasks"][0]
        twilio.wait_for_text(AMINA, task["code"])
        twilio.text_in(AMINA, "STOP", OptOutType="STOP")
        twilio.wait_for_text(GRACE, "TAKE", task["code"])
        twilio.wait_for_text(GRACE, "Amina", "no longer gets texts")
        with city.client("supervisor") as supervisor:
            at_risk = supervisor.get("/v1/coverage").json()["at_risk"]
        assert {(each["worker"], each["team"]) for each in at_risk} >= {("amina", "education-inclusion-south")}

        # Whatever comes next goes to the lead as well, and nothing to the phone that said STOP.
        second = city.report(place={"name": "Another Academy"})["tasks"][0]
        twilio.wait_for_text(GRACE, second["code"])
        twilio.text_in(GRACE, f"take {task['code']} {second['code']}")
        twilio.wait_for_text(GRACE, "yours", after=3)
        assert len(twilio.texts_to(AMINA)) == 1
        assert twilio.calls == []

        twilio.text_in(AMINA, "START", OptOutType="START")
        twilio.wait_for_text(AMINA, "back on call")
        third = city.report(place={"name": "A third academy"})["tasks"][0]
        twilio.wait_for_text(AMINA, "TAKE", third["code"])
