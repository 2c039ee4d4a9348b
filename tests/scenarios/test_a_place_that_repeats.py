"""A corner keeps appearing. A supervisor decides to look at it; nobody is hurried, and what is not done falls away."""

from playwright.sync_api import Browser

from tests.browsing import DESK, fits_the_screen, no_barriers, picture, visitor
from tests.running import Service
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


def test_a_supervisor_plans_work_from_the_map(service: Service, chromium: Browser) -> None:
    story = Story(service)
    for number in range(14):
        body = {"locality": "south", "place": {"lat": 51.41 + number % 2 / 200, "lon": -2.6}, "drill": False}
        story.report("fight", occurred_at=f"2026-0{1 + number % 6}-1{number % 9}T20:30:00Z", **body)
    with visitor(chromium, DESK) as person:
        page = person.open(f"{service.url}/board")
        page.get_by_role("link", name="Map").click()
        assert "A policy, not evidence" in page.get_by_role("main").inner_text()
        assert page.get_by_role("heading", name="2 flagged").is_visible()
        page.get_by_role("link", name="Evening").click()
        first = page.get_by_role("article").first
        assert "incidents in 365 days" in first.inner_text()
        no_barriers(page)
        picture(page, "map")
        first.get_by_label("A word for whoever goes").fill("in pairs")
        first.get_by_role("button", name="Plan outreach here").click()
        assert "Planned:" in page.get_by_role("article").first.inner_text()
        page.set_viewport_size({"width": 320, "height": 700})
        fits_the_screen(page)
    assert story.supervisor.get("/v1/tasks").json()["items"][0]["certainty"] == "possible"
    story.close()
