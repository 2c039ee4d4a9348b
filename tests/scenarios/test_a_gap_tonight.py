"""Nobody would answer tonight: the lead hears of it in time, and closes the gap with one word."""

from typing import Any

from tests.story import Story

TEAM = "outreach-south"
TONIGHT, MORNING = "2026-11-20T20:00:00Z", "2026-11-21T06:00:00Z"


def gaps(story: Story) -> list[dict[str, Any]]:
    answer = story.supervisor.get("/v1/coverage").json()
    return [gap for gap in answer["gaps"] if gap["team"] == TEAM]


def on_call(story: Story, at: str) -> list[str]:
    found: list[str] = story.supervisor.get(f"/v1/teams/{TEAM}/on-call", params={"at": at}).json()["on_call"]
    return found


def test_a_gap_tonight_is_closed_by_its_leads_text(story: Story) -> None:
    ill = on_call(story, TONIGHT)[0]
    change = {"kind": "remove", "worker": ill, "starts_at": TONIGHT, "ends_at": MORNING}
    answer = story.supervisor.post(f"/v1/teams/{TEAM}/overrides", json=change)
    assert answer.status_code == 201, answer.text
    lead = story.phone("tomasz")
    lead.gets("Nobody on call for Outreach, South 20:00 Fri 20 Nov to 06:00 Sat 21 Nov", "COVER 1")
    assert [(gap["starts_at"], gap["ends_at"]) for gap in gaps(story)] == [(TONIGHT, MORNING)]

    story.phone(ill).texts("COVER")
    story.phone(ill).gets("Only a team's lead or the duty manager can")
    assert gaps(story), "only who may close a gap closes it"

    lead.texts("COVER")
    lead.gets("You are on call for Outreach, South 20:00 Fri 20 Nov to 06:00 Sat 21 Nov")
    assert gaps(story) == []
    assert on_call(story, TONIGHT) == ["tomasz"]
    assert on_call(story, MORNING) == [ill]
    story.at(TONIGHT)
    story.nothing_else()
    actions = [entry["action"] for entry in story.supervisor.get("/v1/audit").json()["items"]]
    assert {"coverage.gap_found", "coverage.gap_told", "coverage.gap_covered", "coverage.gap_closed"} <= set(actions)
