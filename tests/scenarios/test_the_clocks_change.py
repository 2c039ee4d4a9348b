"""Nights on which an hour comes twice or not at all: durations are elapsed time, hand-overs are by the clock on the wall."""

import pytest

from tests.story import Story


@pytest.mark.parametrize(
    ("reported", "due", "told"),
    [
        pytest.param(
            "2027-10-30T21:30:00Z",
            "2027-10-31T21:30",
            "21:30 Sun 31 Oct",
            id="back: 25 hours on the wall",
            marks=pytest.mark.begins("2027-10-30T09:00:00Z"),
        ),
        pytest.param(
            "2027-03-27T22:15:00Z",
            "2027-03-28T22:15",
            "23:15 Sun 28 Mar",
            id="forward: 23 hours on the wall",
            marks=pytest.mark.begins("2027-03-27T09:00:00Z"),
        ),
    ],
)
def test_24_hours_are_24_hours(story: Story, reported: str, due: str, told: str) -> None:
    story.at(reported)
    incident = story.report("hospital_stabbing", place={"hospital": "riverside"})
    complete = next(m for m in incident["tasks"][0]["sla"] if m["milestone"] == "complete")
    assert complete["due_at"].startswith(due)
    phone = story.on_call("hospital-navigators-riverside")
    phone.texts("take")
    phone.texts("contact")
    phone.gets("contact noted", told)


@pytest.mark.parametrize("night", ["2027-03-28", "2027-10-31"])
def test_the_navigators_hand_over_at_eight_on_the_wall(story: Story, night: str) -> None:
    utc_hour = {"2027-03-28": 7, "2027-10-31": 8}[night]
    before, after = f"{night}T{utc_hour - 1:02}:59:59Z", f"{night}T{utc_hour:02}:00:00Z"
    asked = [
        story.supervisor.get("/v1/teams/hospital-navigators-riverside/on-call", params={"at": moment}).json()["on_call"]
        for moment in (before, after)
    ]
    assert asked[0] != asked[1]
    gaps = story.supervisor.get(
        "/v1/coverage", params={"from": f"{night}T00:00:00Z", "to": f"{night}T23:00:00Z"}
    ).json()["gaps"]
    assert gaps == []


@pytest.mark.begins("2027-10-30T09:00:00Z")
def test_an_escalation_across_the_doubled_hour_keeps_its_order(story: Story) -> None:
    story.at("2027-10-31T00:55:00Z")
    incident = story.report("late_night_hotspot", locality="north", setting="street")
    story.advance("PT25M")
    timeline = story.task(incident["tasks"][0]["id"])["timeline"]
    steps = [entry["detail"].rsplit(" ", 1)[-1] for entry in timeline if entry["event"] == "paged"]
    assert steps == sorted(steps)
    assert {"1", "2", "3", "4"} <= set(steps)
