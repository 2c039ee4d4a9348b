"""A knife is found on the Friday before half-term at 15:45: nobody may find out on Monday week."""

import pytest

from tests.story import Story, code_in

pytestmark = pytest.mark.begins("2027-10-21T09:00:00Z")

FRIDAY = "2027-10-22T14:45:00Z"  # 15:45 in the partnership's zone; schools come back on Monday 1 November


def test_the_24_hours_run_through_the_weekend_and_contact_waits_for_school(story: Story) -> None:
    story.at(FRIDAY)
    incident = story.report("weapon_in_school", setting="school", place={"urn": "100000"})
    assert incident["locality"] == "south"
    page = story.on_call("education-inclusion-south").gets("by 16:15 Fri 22 Oct")
    code = code_in(page)
    due = {m["milestone"]: m["due_at"][:16] for m in incident["tasks"][0]["sla"]}
    assert due["complete"] == "2027-10-23T14:45"
    assert due["contact"] == "2027-11-01T10:00"

    story.on_call("education-inclusion-south").texts(f"TAKE {code}")
    story.on_call("education-inclusion-south").gets("is yours", "10:00 Mon 1 Nov")
    story.nothing_else()


def test_a_friday_task_that_nobody_takes_is_still_being_paged_on_saturday_night(story: Story) -> None:
    story.at(FRIDAY)
    story.report("weapon_in_school", locality="south")
    story.advance("PT30H")
    story.forget_messages()
    story.advance("PT31M")
    story.phone("dana").gets("PASS")
