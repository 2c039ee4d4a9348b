"""Coverage as a whole: gaps, people who would not answer, two duties at once, too little rest, and what callers may see."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from sqlmodel import delete

from rules.rotation import Override, OverrideKind
from service.errors import Invalid
from service.flows import coverage as flow
from service.flows import rostering, setup
from service.flows.actions import Scope
from service.models.rotas import Leave
from service.records import coverage, people
from service.runtime import Runtime
from service.settings import SHIPPED_PARTNERSHIP

SCOPE = Scope(actor="tests")
MONDAY = datetime.fromisoformat("2027-01-04T09:00:00+00:00")
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
TEAM = "education-inclusion-south"

# Office hours, and nights over them, for a team of two; a third has but one worker.
DOCUMENT: dict[str, Any] = yaml.safe_load(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8")) | {
    "teams": [
        {
            "slug": TEAM,
            "name": "Education inclusion, South",
            "locality": "south",
            "lead": "grace",
            "rota": {
                "rotation": "weekly",
                "handover": "Mon 09:00",
                "starts": "2027-01-04",
                "workers": ["amina", "ben"],
            },
        },
        {
            "slug": "outreach-north",
            "name": "Outreach, North",
            "locality": "north",
            "rota": {
                "rest": "11h",
                "covers": {"hours": "08:00-20:00"},
                "layers": [
                    {
                        "name": "Days",
                        "shift": "12h",
                        "handover": "08:00",
                        "starts": "2027-01-04",
                        "workers": ["leroy", "sian", "wanjiru"],
                        "only": {"weekdays": "mon-sat"},
                    }
                ],
            },
        },
        {
            "slug": "conflict-resolution",
            "name": "Conflict resolution",
            "rota": {"rotation": "weekly", "handover": "Mon 09:00", "starts": "2027-01-04", "workers": ["leroy"]},
        },
    ],
    "duty": {"workers": ["dana", "priya"]},
}


@pytest.fixture
def monday(runtime: Runtime) -> Runtime:
    """The partnership above, early on the Monday on which its rotas begin."""
    runtime.clock.set_to(MONDAY)  # type: ignore[attr-defined]
    setup.apply_partnership(runtime, yaml.safe_dump(DOCUMENT), actor="tests")
    return runtime


def risks(runtime: Runtime, team: str, start: datetime = MONDAY, end: datetime = MONDAY + WEEK) -> list[Any]:
    with runtime.reading() as work:
        found = coverage.at_risk(work, start, end, [team])
    return [(risk.worker, risk.reason, risk.next, risk.starts_at, risk.ends_at) for risk in found]


def test_a_gap_is_told_with_its_hours_and_only_where_cover_is_promised(monday: Runtime) -> None:
    with monday.reading() as work:
        found = coverage.gaps(work, MONDAY, MONDAY + WEEK)
    sunday = MONDAY.replace(day=10, hour=8)
    assert [(gap.team, gap.starts_at, gap.ends_at, gap.reason) for gap in found] == [
        ("outreach-north", sunday, sunday + 12 * HOUR, "nobody is on call")
    ]


def test_somebody_who_left_the_partnership_is_nobody(monday: Runtime) -> None:
    document = yaml.safe_load(yaml.safe_dump(DOCUMENT))
    document["teams"][0]["rota"] |= {"workers": ["amina"], "leaves": {"amina": "2027-01-06"}}
    document["workers"] = [worker for worker in document["workers"] if worker["slug"] != "amina"]
    setup.apply_partnership(monday, yaml.safe_dump(document), actor="tests")
    with monday.reading() as work:
        found = coverage.gaps(work, MONDAY, MONDAY + WEEK, [TEAM])
    midnight = MONDAY.replace(day=7, hour=0)
    assert [(gap.starts_at, gap.ends_at, gap.reason) for gap in found] == [
        (MONDAY, midnight, "amina is not in the partnership any more"),
        (midnight, MONDAY + WEEK, "nobody is on call"),
    ]


def test_somebody_who_would_not_answer_is_told_with_whoever_is_next(monday: Runtime) -> None:
    assert risks(monday, TEAM) == []
    with monday.transaction() as work:
        people.set_off(work, "amina")
    assert risks(monday, TEAM) == [("amina", "is off", "ben", MONDAY, MONDAY + WEEK)]
    with monday.transaction() as work:
        people.set_on(work, "amina")
        people.set_unreachable(work, "amina", "opted out")
    assert risks(monday, TEAM) == [("amina", "can't be reached (opted out)", "ben", MONDAY, MONDAY + WEEK)]
    assert risks(monday, TEAM, MONDAY - WEEK, MONDAY - HOUR) == [], "that was before"
    with monday.transaction() as work:
        people.set_reachable(work, "amina")
    away = (MONDAY + 24 * HOUR, MONDAY + 48 * HOUR)
    rostering.add_leave(monday, SCOPE, "amina", *away)
    assert risks(monday, TEAM) == [("amina", "is on leave", "ben", *away)]
    rostering.add_leave(monday, SCOPE, "ben", *away)
    assert risks(monday, TEAM) == [("amina", "is on leave", "grace", *away)]
    rostering.add_leave(monday, SCOPE, "grace", *away)
    assert risks(monday, TEAM) == [("amina", "is on leave", None, *away)]


def test_an_unverified_number_and_nobody_behind_are_told(monday: Runtime) -> None:
    assert risks(monday, "conflict-resolution") == [("leroy", "nobody stands behind them", None, MONDAY, MONDAY + WEEK)]
    document = yaml.safe_load(yaml.safe_dump(DOCUMENT))
    next(worker for worker in document["workers"] if worker["slug"] == "ben")["verified"] = False
    setup.apply_partnership(monday, yaml.safe_dump(document), actor="tests")
    following = (MONDAY + WEEK, MONDAY + 2 * WEEK)
    assert risks(monday, TEAM, MONDAY, MONDAY + 2 * WEEK) == [
        ("ben", "the number is not verified", "amina", *following)
    ]


def test_the_duty_managers_list_is_watched_too(monday: Runtime) -> None:
    assert risks(monday, "duty") == []
    rostering.add_leave(monday, SCOPE, "dana", MONDAY, MONDAY + 2 * HOUR)
    assert risks(monday, "duty") == [("dana", "is on leave", "priya", MONDAY, MONDAY + 2 * HOUR)]
    with monday.transaction() as work:
        people.set_off(work, "priya")
        work.session.exec(delete(Leave))
    assert risks(monday, "duty") == [("dana", "nobody stands behind them", None, MONDAY, MONDAY + WEEK)]


def test_two_duties_at_once_and_too_little_rest_are_told(monday: Runtime) -> None:
    with monday.reading() as work:
        double = coverage.doubled(work, MONDAY, MONDAY + 48 * HOUR)
        tired = coverage.tired(work, MONDAY, MONDAY + WEEK)
    days = ("conflict-resolution", "outreach-north")
    assert [(one.worker, one.teams, one.starts_at, one.ends_at) for one in double] == [
        ("leroy", days, MONDAY, MONDAY + 11 * HOUR),
        ("leroy", days, MONDAY + 35 * HOUR, MONDAY + 47 * HOUR),
    ]
    assert tired == []


def test_a_supervisor_sees_their_teams_and_that_there_is_more_elsewhere(monday: Runtime) -> None:
    with monday.reading() as work:
        everything = flow.of_period(work, SCOPE, MONDAY, MONDAY + WEEK)
        north = flow.of_period(work, Scope(actor="tests", localities=("north",)), MONDAY, MONDAY + WEEK)
        south = flow.of_period(work, Scope(actor="tests", localities=("south",)), MONDAY, MONDAY + WEEK)
    assert {gap["team"] for gap in everything["gaps"]} == {"outreach-north"}
    assert north["double"] == everything["double"]
    assert south["gaps"] == []
    assert {team for one in south["double"] for team in one["teams"]} == {"conflict-resolution", "elsewhere"}


def test_what_should_be_known_of_a_change_is_said_when_it_is_made(monday: Runtime) -> None:
    def change(kind: OverrideKind, worker: str, instead_of: str | None, first: int, last: int) -> list[str]:
        made = Override(
            kind=kind,
            worker=worker,
            instead_of=instead_of,
            starts_at=MONDAY + first * HOUR,
            ends_at=MONDAY + last * HOUR,
        )
        return rostering.override(monday, SCOPE, "outreach-north", made).warnings

    # The days are leroy's from 08:00 to 20:00, then sian's until 08:00, then wanjiru's.
    assert change(OverrideKind.REMOVE, "leroy", None, 1, 2) == [
        "nobody is on call from 10:00 Mon 4 Jan to 11:00 Mon 4 Jan"
    ]
    assert change(OverrideKind.REPLACE, "wanjiru", "sian", 12, 15) == [
        "wanjiru has 8h off from 00:00 Tue 5 Jan to 08:00 Tue 5 Jan; 11h are asked for"
    ]
    assert change(OverrideKind.ADD, "leroy", None, 30, 31) == [
        "leroy is on call for another team too from 15:00 Tue 5 Jan to 16:00 Tue 5 Jan"
    ]
    with pytest.raises(Invalid, match="has passed"):
        change(OverrideKind.REMOVE, "leroy", None, -5, -4)


def test_the_shifts_that_begin_between_two_moments(monday: Runtime) -> None:
    with monday.reading() as work:
        eight = MONDAY + 23 * HOUR
        found = coverage.shifts_starting(work, eight - HOUR, eight)
        assert [(shift.team, shift.worker, shift.layer) for shift in found] == [("outreach-north", "wanjiru", "Days")]
        assert coverage.shifts_starting(work, eight, eight + HOUR) == []
        assert coverage.shifts_starting(work, eight, eight) == []
        week = coverage.shifts_starting(work, MONDAY, MONDAY + WEEK, [TEAM])
        assert [(shift.worker, shift.starts_at) for shift in week] == [("ben", MONDAY + WEEK)]
