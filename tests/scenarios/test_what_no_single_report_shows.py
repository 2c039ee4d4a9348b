"""Three reports on one corner, the same peer group in two schools: the pattern raises an incident of its own, once."""

import re
import threading
from typing import Any

import httpx

from tests.story import Story

CORNER = {"lat": 51.4230, "lon": -2.5900}
NEARBY = {"lat": 51.4250, "lon": -2.5905}
FAR = {"lat": 51.4400, "lon": -2.5900}


def street(story: Story, where: dict[str, float], at: str, **fields: Any) -> dict[str, Any]:
    body = {"locality": "south", "setting": "street", "place": where, "occurred_at": at} | fields
    return story.report("fight", **body)


def derived(story: Story, kind: str) -> list[dict[str, Any]]:
    items = story.supervisor.get("/v1/incidents", params={"limit": 200}).json()["items"]
    return [item for item in items if item["derived"] and item["type"] == kind]


def test_three_nights_on_one_corner_send_outreach_tonight(story: Story) -> None:
    first = street(story, CORNER, "2026-11-10T21:00:00Z")
    street(story, FAR, "2026-11-11T21:00:00Z")
    street(story, CORNER, "2026-11-12T15:00:00Z")  # by daylight: the pattern asks for the hours after eight
    second = street(story, NEARBY, "2026-11-14T22:30:00Z")
    assert derived(story, "late_night_hotspot") == []
    story.forget_messages()
    # The third report comes late: it happened between the two others.
    third = street(story, CORNER, "2026-11-12T23:10:00Z")
    (raised,) = derived(story, "late_night_hotspot")
    assert raised["parents"] == [first["id"], third["id"], second["id"]]
    assert raised["pattern"] == "street-hotspot"
    assert raised["locality"] == "south"
    task = story.task(raised["tasks"][0]["id"])
    assert (task["pathway"], task["team"], task["derived"]) == ("late-night-outreach", "outreach-south", True)
    said = next(entry for entry in task["timeline"] if entry["event"] == "pattern, not a report")
    assert "3 incidents within 400 m within 14 days" in said["detail"]
    assert first["id"] in said["detail"]
    story.on_call("outreach-south").gets("Outreach response")

    # A fourth within the quiet week says nothing new; nor does a replay, a revision or a drill.
    street(story, CORNER, "2026-11-15T21:00:00Z")
    street(story, CORNER, "2026-11-15T22:00:00Z", drill=True)
    assert len(derived(story, "late_night_hotspot")) == 1


def test_the_same_group_in_two_schools_brings_mediators_once(story: Story) -> None:
    story.report(
        "weapon_in_school",
        locality="north",
        groups=["g-19", "g-4"],
        occurred_at="2026-11-02T10:00:00Z",
        source_ref="N-1",
    )
    again = {"type": "weapon_in_school", "locality": "north", "groups": ["g-19", "g-4"], "source_ref": "N-1"}
    for summary in (None, "more is known"):
        body = again | {"occurred_at": "2026-11-02T10:00:00Z"} | ({"summary": summary} if summary else {})
        assert story.partner.post("/v1/incidents", json=body).status_code == 200
    assert derived(story, "peer_conflict") == []
    other = story.report("weapon_in_school", locality="south", groups=["g-19"])
    (raised,) = derived(story, "peer_conflict")
    assert raised["groups"] == ["g-19"]
    assert raised["parents"][1] == other["id"]
    assert raised["tasks"][0]["pathway"] == "conflict-resolution"
    assert story.partner.get(f"/v1/incidents/{raised['id']}").status_code == 404, "no partner reported it"


def test_a_second_report_of_one_event_does_not_count_twice(story: Story) -> None:
    place = {"urn": "100000"}
    story.report("weapon_in_school", place=place, groups=["g-7"])
    key = story.admin.post("/v1/keys", json={"role": "partner", "name": "police"}).json()["key"]
    now = story.partner.get("/v1/sandbox/clock").json()["now"]
    body = {"type": "weapon_in_school", "occurred_at": now, "place": place, "groups": ["g-7"]}
    with httpx.Client(base_url=story.service.url, headers={"Authorization": f"Bearer {key}"}) as police:
        joined = police.post("/v1/incidents", json=body)
    assert joined.json()["decisions"][0]["result"] == "joined"
    assert derived(story, "peer_conflict") == []


def test_two_that_complete_a_pattern_at_the_same_moment_raise_it_once(story: Story) -> None:
    street(story, CORNER, "2026-11-10T21:00:00Z")
    answers: list[int] = []

    def post(number: int) -> None:
        body = {
            "type": "fight",
            "locality": "south",
            "setting": "street",
            "place": CORNER,
            "occurred_at": f"2026-11-1{number}T21:00:00Z",
        }
        answers.append(story.partner.post("/v1/incidents", json=body).status_code)

    threads = [threading.Thread(target=post, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [201] * 6
    assert len(derived(story, "late_night_hotspot")) == 1


def test_a_pattern_falls_when_a_report_behind_it_was_wrong(story: Story) -> None:
    nights = [street(story, CORNER, f"2026-11-1{night}T21:00:00Z") for night in range(3)]
    (raised,) = derived(story, "late_night_hotspot")
    story.advance("PT1S")
    story.forget_messages()
    task = raised["tasks"][0]["id"]
    lead = story.on_call("outreach-south")
    assert (
        story.partner.post(f"/v1/incidents/{nights[1]['id']}/retract", json={"reason": "a mistake"}).status_code == 200
    )
    ended = story.task(task)
    assert ended["state"] == "cancelled"
    assert "a report behind it was retracted" in str(ended["timeline"])
    assert story.supervisor.get(f"/v1/incidents/{raised['id']}").json()["status"] == "retracted"
    lead.gets(ended["code"], "called off")


def test_a_pattern_stands_while_enough_reports_do(story: Story) -> None:
    nights = [street(story, CORNER, f"2026-11-1{night}T21:00:00Z") for night in range(3)]
    (raised,) = derived(story, "late_night_hotspot")
    assert raised["parents"] == [night["id"] for night in nights]
    body = (
        story.supervisor.get("/v1/rulebook")
        .json()["source"]
        .replace("near: 400m, at_least: 3", "near: 400m, at_least: 2")
    )
    changed = story.admin.put("/v1/rulebook", json={"source": body, "why": "two are enough"})
    assert changed.status_code in (200, 201), changed.text
    story.partner.post(f"/v1/incidents/{nights[0]['id']}/retract", json={"reason": "a mistake"})
    task = story.task(raised["tasks"][0]["id"])
    assert task["state"] == "open"
    assert "2 reports still stand behind this" in str(task["timeline"])


def test_figures_say_how_much_of_them_a_pattern_raised(story: Story) -> None:
    for night in range(3):
        street(story, CORNER, f"2026-11-1{night}T21:00:00Z")
    now = story.supervisor.get("/v1/sla").json()
    assert now["derived"] == 1
    rows = {row["key"]: row for row in story.supervisor.get("/v1/sla/report").json()["rows"]}
    assert (rows["late-night-outreach"]["opened"], rows["late-night-outreach"]["derived"]) == (1, 1)
    assert rows["triage"]["derived"] == 0
    table = story.supervisor.get("/v1/sla/report", headers={"Accept": "text/csv"}).text.splitlines()
    assert table[0].startswith("pathway,opened,derived,completed")
    assert any(line.startswith("late-night-outreach,1,1,") for line in table)
    assert 'callout_live_tasks{origin="pattern",state="open"} 1.0' in story.partner.get("/metrics").text
    page = story.on_call("outreach-south").gets("Outreach response")
    link = re.search(r"http\S+/t/\S+", page)
    assert link
    assert "From a pattern" in httpx.get(link[0]).text
