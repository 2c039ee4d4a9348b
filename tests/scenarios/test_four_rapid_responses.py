"""Hospital, hotspot, peer conflict and whatever nobody knows: each reaches its own people."""

from tests.story import Story, code_in


def test_a_stabbing_on_a_ward_rings_the_navigator_of_that_hospital(story: Story) -> None:
    incident = story.report("stabbing", setting="hospital", place={"ods": "ZZ902"})
    assert incident["locality"] == "north"
    assert incident["tasks"][0]["team"] == "hospital-navigators-northgate"
    phone = story.on_call("hospital-navigators-northgate")
    phone.gets("CRITICAL", "Hospital response")
    phone.gets("CRITICAL", channel="voice")
    story.nothing_else()


def test_a_street_corner_gets_the_outreach_workers_of_its_postcode(story: Story) -> None:
    incident = story.report("late_night_hotspot", setting="street", place={"postcode": "bs14 9zz"})
    assert incident["locality"] == "south"
    story.on_call("outreach-south").gets("Outreach response", "South")
    story.nothing_else()


def test_two_groups_get_the_whole_mediation_team_and_the_first_to_take_it_has_it(story: Story) -> None:
    story.report("peer_conflict", locality="south", groups=["g-19", "g-20"])
    codes = {code_in(story.phone(worker).gets("Mediation response")) for worker in ("rosa", "leroy", "ben", "tomasz")}
    assert len(codes) == 1
    story.phone("leroy").texts("y")
    story.phone("leroy").gets("is yours")
    for worker in ("rosa", "ben", "tomasz"):
        story.phone(worker).gets("is taken by Leroy Figment")
    story.phone("rosa").texts(f"take {codes.pop()}")
    story.phone("rosa").gets("is with Leroy Figment already")
    story.nothing_else()


def test_a_type_that_no_rule_knows_goes_to_the_duty_manager(story: Story) -> None:
    incident = story.report("something_new", locality="south")
    assert incident["decisions"][0]["pathway"] == "triage"
    story.phone("dana").gets("Triage")
    story.phone("dana").gets("Triage", channel="email")
    story.nothing_else()


def test_a_place_that_nobody_knows_goes_to_the_duty_manager_with_the_reason(story: Story) -> None:
    incident = story.report("weapon_in_school", place={"name": "A school from elsewhere"})
    assert "not one that the rulebook lists" in incident["decisions"][0]["reason"]
    assert incident["tasks"][0]["team"] == "duty"
    story.phone("dana").gets("Education response", "TAKE")
    timeline = story.task(incident["tasks"][0]["id"])["timeline"]
    assert any("could not be found" in entry["detail"] for entry in timeline)
    story.nothing_else()


def test_a_drill_says_so_and_stays_out_of_the_figures(story: Story) -> None:
    story.report("weapon_in_school", locality="south", drill=True)
    phone = story.on_call("education-inclusion-south")
    assert phone.gets("TAKE").startswith("DRILL ")
    phone.texts("take")
    assert phone.gets("is yours").startswith("DRILL ")
    standing = story.supervisor.get("/v1/sla").json()
    assert not any(standing["milestones"].values())
    story.advance("PT1H")
    assert story.supervisor.get("/v1/sla/report").json()["total"]["opened"] == 0
