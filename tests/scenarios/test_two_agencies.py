"""School and police report the same thing: one task, one page, and a retraction that reaches whoever was going."""

import httpx

from tests.story import Story, code_in


def other_partner(story: Story, name: str = "Police control room") -> httpx.Client:
    key = story.admin.post("/v1/keys", json={"role": "partner", "name": name}).json()["key"]
    return httpx.Client(base_url=story.service.url, headers={"Authorization": f"Bearer {key}"}, timeout=30)


def test_the_second_report_joins_the_open_task(story: Story) -> None:
    first = story.report("weapon_in_school", place={"urn": "100000"}, source_ref="A-1")
    phone = story.on_call("education-inclusion-south")
    phone.gets("TAKE")
    with other_partner(story) as police:
        report = {"type": "weapon_in_school", "occurred_at": first["occurred_at"], "place": {"urn": "100000"}}
        answer = police.post("/v1/incidents", json=report | {"source_ref": "B-7"})
        assert answer.status_code == 201
        second = answer.json()
        assert second["decisions"][0]["result"] == "joined"
        assert second["decisions"][0]["reason"].startswith("joined")
        assert [t["id"] for t in second["tasks"]] == [t["id"] for t in first["tasks"]]
        phone.gets("another agency has reported the same")
        story.nothing_else()
        assert story.task(first["tasks"][0]["id"])["incidents"] == [first["id"], second["id"]]

        # One of the two was wrong: the other still stands. When both were, nobody attends.
        assert police.post(f"/v1/incidents/{second['id']}/retract", json={"reason": "mistake"}).status_code == 200
        assert story.task(first["tasks"][0]["id"])["state"] == "open"
    story.partner.post(f"/v1/incidents/{first['id']}/retract", json={"reason": "mistake"})
    phone.gets("called off")
    assert story.task(first["tasks"][0]["id"])["state"] == "cancelled"
    story.nothing_else()


def test_another_place_or_another_kind_is_another_task(story: Story) -> None:
    first = story.report("weapon_in_school", place={"urn": "100000"})
    with other_partner(story) as police:
        moment = first["occurred_at"]
        for report in (
            {"type": "weapon_in_school", "occurred_at": moment, "place": {"urn": "100001"}},
            {"type": "drugs_in_school", "occurred_at": moment, "setting": "school", "place": {"urn": "100000"}},
        ):
            answer = police.post("/v1/incidents", json=report).json()
            assert answer["decisions"][0]["result"] == "opened"


def test_a_revision_opens_only_what_is_new_and_tells_the_holder(story: Story) -> None:
    report = {
        "type": "drugs_in_school",
        "occurred_at": "2026-11-20T15:41:00Z",
        "source_ref": "C-1",
        "locality": "south",
    }
    first = story.partner.post("/v1/incidents", json=report).json()
    assert first["decisions"][0]["pathway"] == "triage"
    code_in(story.phone("dana").gets("Triage"))
    story.phone("dana").gets("Triage", channel="email")
    answer = story.partner.post("/v1/incidents", json=report | {"setting": "school"})
    assert answer.status_code == 200
    assert answer.json()["revised"] is True
    assert {task["pathway"] for task in answer.json()["tasks"]} == {"triage", "education-inclusion"}
    story.phone("dana").gets("new information")
    story.on_call("education-inclusion-south").gets("Education response")
    again = story.partner.post("/v1/incidents", json=report | {"setting": "school"})
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    story.nothing_else()
