"""A corner keeps appearing. A supervisor decides to look at it; nobody is hurried, and what is not done falls away."""

from tests.story import Story, code_in


def test_planned_work_pages_the_lead_and_falls_away_after_a_fortnight(story: Story) -> None:
    corner = {"lat": 51.4123, "lon": -2.6012}
    for day in (1, 3, 5, 7, 9, 18):
        at = f"2026-11-{day:02d}T20:30:00Z"
        (opened,) = story.report("threats", occurred_at=at, locality="south", place=corner)["tasks"]
        story.supervisor.post(f"/v1/tasks/{opened['id']}/cancel", json={"reason": "seen at the time"})
    story.advance("PT1M")
    story.forget_messages()
    feature = story.supervisor.get("/v1/hotspots", params={"flagged": True}).json()["features"][0]["properties"]
    assert [flag["kind"] for flag in feature["flags"]] == ["repeat"]
    story.nothing_else()

    answer = story.supervisor.post(f"/v1/hotspots/{feature['hexagon']}/approve", json={"band": feature["band"]})
    task = answer.json()
    lead = story.supervisor.get("/v1/teams/outreach-south/on-call").json()["lead"]
    text = story.phone(lead).gets(task["code"], "Planned outreach", "South")
    story.phone(lead).gets(task["code"], channel="email")
    assert code_in(text) == task["code"]
    for word in ("threat", "51.4", "hexagon"):
        assert word not in text.lower()
    story.phone(lead).texts(f"TAKE {task['code']}")
    story.phone(lead).gets("yours")
    board = story.supervisor.get("/board").text
    assert "Planned, possible" in board
    story.nothing_else()

    assert story.task(task["id"])["escalation"]["next_at"] is None
    story.at("2026-12-04T15:30:00Z")
    ended = story.task(task["id"])
    assert ended["state"] == "cancelled"
    assert "expired" in [entry["event"] for entry in ended["timeline"]]
    story.phone(lead).gets(task["code"], "called off")
    story.nothing_else()
    place = story.supervisor.get("/v1/hotspots").json()["features"][0]["properties"]
    assert place["task"] is None
