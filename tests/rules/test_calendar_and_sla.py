"""When a milestone is due, by elapsed time or by a calendar, and how it stands at every edge."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from rules import sla
from rules.calendar import Calendar, CalendarSpec, NeverOpenError, holidays_of, wall_clock
from rules.durations import parse_duration, write_duration
from rules.sla import Deadline, MilestoneState, SlaSpec

LONDON = ZoneInfo("Europe/London")
TERMS = [{"from": "2026-10-26", "to": "2026-10-30", "name": "half-term"}, {"from": "2026-12-21", "to": "2027-01-01"}]
SCHOOL = Calendar(
    CalendarSpec.model_validate(
        {"weekdays": "mon-fri", "hours": "08:00-16:30", "holidays": "GB-ENG", "closed": TERMS},
    ),
    LONDON,
)
EVERY_DAY = Calendar(CalendarSpec.model_validate({"weekdays": "mon-sun"}), LONDON)
CALENDARS = {"school-day": SCHOOL, "every-day": EVERY_DAY}
NEXT_AT_TEN = {"by": "10:00", "on": "next school-day"}
SAME_OR_NEXT = {"by": "10:00", "on": "school-day"}


def at(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=LONDON)


def due(spec: Any, opened: str) -> datetime:
    deadline = TypeAdapter(Deadline).validate_python(spec)
    return sla.due_at(deadline, opened_at=at(opened).astimezone(UTC), calendars=CALENDARS, zone=LONDON)


@pytest.mark.parametrize(
    ("spec", "opened", "expected"),
    [
        ("30m", "2026-11-20T15:41", "2026-11-20T16:11"),
        ("24h", "2026-11-20T15:41", "2026-11-21T15:41"),
        # Elapsed time through a clock change: 24 hours are 24 hours.
        ("24h", "2026-03-28T12:00", "2026-03-29T13:00"),
        ("24h", "2026-10-24T12:00", "2026-10-25T11:00"),
        (NEXT_AT_TEN, "2026-11-19T09:00", "2026-11-20T10:00"),
        (NEXT_AT_TEN, "2026-11-20T15:41", "2026-11-23T10:00"),
        (NEXT_AT_TEN, "2026-11-21T15:41", "2026-11-23T10:00"),
        (NEXT_AT_TEN, "2026-11-22T23:59", "2026-11-23T10:00"),
        # Easter: Good Friday and Easter Monday are bank holidays in England.
        (NEXT_AT_TEN, "2026-04-02T11:00", "2026-04-07T10:00"),
        # Friday before half-term; and the last day before Christmas, with New Year's Day in between.
        (NEXT_AT_TEN, "2026-10-23T15:00", "2026-11-02T10:00"),
        (NEXT_AT_TEN, "2026-12-18T15:00", "2027-01-04T10:00"),
        # Ten o'clock on the wall on both sides of the change.
        (NEXT_AT_TEN, "2026-03-27T15:00", "2026-03-30T09:00:00+00:00"),
        (SAME_OR_NEXT, "2026-11-20T09:59", "2026-11-20T10:00"),
        (SAME_OR_NEXT, "2026-11-20T10:00", "2026-11-23T10:00"),
        # Open hours alone count where a calendar is named with a duration.
        ({"within": "2h", "calendar": "school-day"}, "2026-11-20T15:30", "2026-11-23T09:00"),
        ({"within": "1h", "calendar": "school-day"}, "2026-11-20T15:30", "2026-11-20T16:30"),
        ({"within": "1h", "calendar": "school-day"}, "2026-11-21T12:00", "2026-11-23T09:00"),
        ({"within": "17h", "calendar": "school-day"}, "2026-11-19T08:00", "2026-11-20T16:30"),
        ({"within": "24h", "calendar": "every-day"}, "2026-03-28T12:00", "2026-03-29T13:00"),
    ],
)
def test_a_deadline_falls_due(spec: Any, opened: str, expected: str) -> None:
    assert due(spec, opened) == at(expected)


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)).map(lambda naive: naive.replace(tzinfo=UTC))
AMOUNTS = st.timedeltas(timedelta(minutes=1), timedelta(hours=60))


@given(MOMENTS, AMOUNTS)
def test_open_time_never_ends_before_as_much_time_has_passed(start: datetime, amount: timedelta) -> None:
    end = SCHOOL.add_open_time(start, amount)
    assert end >= start + amount
    local = end.astimezone(LONDON)
    assert SCHOOL.is_open_day(local.date())
    assert time(8) < local.time() <= time(16, 30)


@given(MOMENTS, AMOUNTS, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_what_is_opened_later_is_not_due_sooner(start: datetime, amount: timedelta, later: timedelta) -> None:
    assert SCHOOL.add_open_time(start + later, amount) >= SCHOOL.add_open_time(start, amount)


@given(MOMENTS, AMOUNTS, AMOUNTS)
def test_two_spans_of_open_time_are_as_long_as_both_together(start: datetime, one: timedelta, other: timedelta) -> None:
    assert SCHOOL.add_open_time(SCHOOL.add_open_time(start, one), other) == SCHOOL.add_open_time(start, one + other)


@given(MOMENTS)
def test_the_next_school_day_lies_ahead_and_is_one(opened: datetime) -> None:
    deadline = TypeAdapter(Deadline).validate_python(NEXT_AT_TEN)
    found = sla.due_at(deadline, opened_at=opened, calendars=CALENDARS, zone=LONDON).astimezone(LONDON)
    assert found > opened
    assert found.time() == time(10)
    assert SCHOOL.is_open_day(found.date())
    between = (opened.astimezone(LONDON).date() + timedelta(days=n) for n in range(1, 40))
    assert next(day for day in between if SCHOOL.is_open_day(day)) == found.date()


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-11-20", None),
        ("2026-11-21", "not one of its weekdays"),
        ("2026-10-28", "half-term"),
        ("2026-12-25", "Christmas"),
        ("2026-05-25", "Bank Holiday"),
    ],
)
def test_a_closed_day_says_why(day: str, why: str | None) -> None:
    found = SCHOOL.why_closed(date.fromisoformat(day))
    assert (found is None) if why is None else (why in str(found))


def test_a_calendar_that_never_opens_says_so_and_does_not_search_for_ever() -> None:
    shut = Calendar(
        CalendarSpec.model_validate({"weekdays": "mon-fri", "closed": [{"from": "2026-01-01", "to": "2030-01-01"}]}),
        LONDON,
    )
    with pytest.raises(NeverOpenError, match="no open day"):
        shut.next_open_day(date(2026, 6, 1))
    with pytest.raises(NeverOpenError):
        shut.add_open_time(at("2026-06-01T12:00"), timedelta(hours=1))


@pytest.mark.parametrize(
    "spec",
    [
        {"weekdays": "mon-fry"},
        {"weekdays": "fri-mon"},
        {"weekdays": []},
        {"weekdays": "mon-fri", "hours": "17:00-08:00"},
        {"weekdays": "mon-fri", "hours": "all day"},
        {"weekdays": "mon-fri", "holidays": "GB-XYZ"},
        {"weekdays": "mon-fri", "holidays": "Narnia"},
        {"weekdays": "mon-fri", "closed": [{"from": "2026-02-01", "to": "2026-01-01"}]},
        {"weekdays": "mon-fri", "colour": "red"},
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CalendarSpec.model_validate(spec)


def test_the_hour_that_comes_twice_and_the_one_that_does_not_come() -> None:
    assert wall_clock(date(2026, 10, 25), time(1, 30), LONDON) == at("2026-10-25T00:30:00+00:00")
    assert wall_clock(date(2026, 3, 29), time(1, 30), LONDON) == at("2026-03-29T01:30:00+00:00")


OPENED, WARN, DUE = at("2026-11-20T15:00"), at("2026-11-20T15:22:30"), at("2026-11-20T15:30")
MICRO = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "changes", "state"),
    [
        (OPENED, {}, "on_track"),
        (WARN - MICRO, {}, "on_track"),
        (WARN, {}, "at_risk"),
        (DUE - MICRO, {}, "at_risk"),
        (DUE, {}, "breached"),
        (DUE + timedelta(days=9), {}, "breached"),
        (DUE + timedelta(days=9), {"met_at": DUE}, "met"),
        (DUE + timedelta(days=9), {"met_at": DUE + MICRO}, "met_late"),
        (DUE + timedelta(days=9), {"paused_at": WARN}, "paused"),
        (DUE + timedelta(days=9), {"paused_at": DUE}, "breached"),
        (WARN, {"cancelled": True}, "cancelled"),
        (DUE + MICRO, {"cancelled": True, "met_at": WARN}, "met"),
        # Closed before it was due: not wanted any more. Closed after: it had been missed.
        (DUE + timedelta(days=9), {"closed_at": WARN}, "cancelled"),
        (DUE + timedelta(days=9), {"closed_at": DUE + MICRO}, "breached"),
    ],
)
def test_a_milestone_stands(now: datetime, changes: dict[str, Any], state: str) -> None:
    values: dict[str, Any] = {"met_at": None, "paused_at": None, "closed_at": None, "cancelled": False} | changes
    assert sla.state(warn_at=WARN, due_at=DUE, now=now, **values) == MilestoneState(state)


def test_the_warning_comes_after_that_part_of_the_time() -> None:
    assert sla.warn_at(opened_at=OPENED, due_at=DUE, percent=75) == WARN


@pytest.mark.parametrize(
    "spec",
    [
        {"contact": "4h"},
        {"acknowledge": "0m"},
        {"acknowledge": {"by": "10:00"}},
        {"acknowledge": {"by": "ten", "on": "next school-day"}},
        {"acknowledge": {"by": 1000, "on": "next school-day"}},
        {"acknowledge": {"within": "4h", "by": "10:00", "on": "school-day"}},
        {"acknowledge": {"calendar": "school-day", "by": "10:00", "on": "school-day"}},
        {"acknowledge": "30m", "lunch": "1h"},
    ],
)
def test_deadlines_that_make_no_sense_are_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SlaSpec.model_validate(spec)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30m", 1800),
        ("24h", 86_400),
        ("1h30m", 5400),
        ("14d", 1_209_600),
        ("2w", 1_209_600),
        ("90s", 90),
        ("PT30M", 1800),
        ("P1DT2H", 93_600),
        ("PT0.5S", 0.5),
        ("pt30m", 1800),
    ],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "text", ["", "30", 30, "m", "-5m", "0m", "PT", "P", "30m h", "5 minuets", "11y", "99999999d", None, True]
)
def test_what_is_no_duration_says_what_one_looks_like(text: Any) -> None:
    with pytest.raises(ValueError, match=r"30m|longer than nothing|10 years"):
        parse_duration(text)


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=3660)))
def test_a_written_duration_reads_back(span: timedelta) -> None:
    assert abs(parse_duration(write_duration(span)) - span) <= timedelta(microseconds=1)


@pytest.mark.parametrize("region", ["GB-ENG", "GB-WLS", "GB-SCT", "GB-NIR", "IE", "UK", "US-CA", "DE-BY"])
def test_the_holidays_of_a_region_are_those_of_the_package(region: str) -> None:
    country, _, subdivision = region.partition("-")
    theirs = holidays.country_holidays(country, subdiv=subdivision or None, years=2027)
    assert holidays_of(region, 2027) == dict(theirs)
