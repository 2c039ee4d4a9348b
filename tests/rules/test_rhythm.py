"""When a feed is due: elapsed, or in the weekdays, hours and open days that it keeps."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from rules.calendar import CalendarSpec, Closure, NeverOpenError
from rules.rhythm import Rhythm

LONDON = ZoneInfo("Europe/London")
HOLIDAY = Closure.model_validate({"from": date(2026, 11, 23), "to": date(2026, 11, 23)})
SCHOOL = CalendarSpec.model_validate({"weekdays": "mon-fri", "hours": "08:00-16:30", "closed": [HOLIDAY]})
CALENDARS = {"school-day": SCHOOL}
OFFICE = {"weekdays": "mon-fri", "hours": "08:00-18:00"}


def london(day: int, clock: str, month: int = 11) -> datetime:
    return datetime.fromisoformat(f"2026-{month:02}-{day:02}T{clock}").replace(tzinfo=LONDON)


@pytest.mark.parametrize(
    ("given", "heard", "due"),
    [
        ({"every": "24h"}, london(20, "16:00"), london(21, "16:00")),
        ({"every": "24h"} | OFFICE, london(20, "16:00"), london(23, "16:00")),
        ({"every": "24h"} | OFFICE, london(21, "12:00"), london(23, "18:00")),
        ({"every": "48h"} | OFFICE, london(20, "16:00"), london(24, "16:00")),
        ({"every": "2h"} | OFFICE, london(20, "17:00"), london(23, "09:00")),
        ({"every": "12h"} | OFFICE, london(18, "09:00"), london(19, "09:00")),
        ({"every": "24h", "weekdays": "mon-fri"}, london(20, "15:00"), london(23, "15:00")),
        ({"every": "24h", "during": "school-day"}, london(20, "15:00"), london(24, "15:00")),
        ({"every": "2h", "during": "school-day", "hours": "10:00-18:00"}, london(20, "16:00"), london(24, "11:30")),
    ],
)
def test_a_feed_is_due_within_its_own_hours(given: dict[str, Any], heard: datetime, due: datetime) -> None:
    assert Rhythm.model_validate(given).due_at(heard, CALENDARS, LONDON) == due


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"every": "1m"}, "at least 15 minutes"),
        ({"every": "100d"}, "at least 15 minutes"),
        ({"every": "daily"}, "is not a duration"),
        ({"every": "24h", "hours": "18:00-08:00"}, "must begin before it ends"),
        ({"every": "24h", "weekdays": "fri-mon"}, "is not weekdays"),
    ],
)
def test_a_rhythm_that_makes_no_sense_says_why(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Rhythm.model_validate(given)


def test_days_and_hours_that_have_nothing_in_common_never_fall_due() -> None:
    for given in ({"weekdays": "sat,sun"}, {"hours": "17:00-19:00"}):
        rhythm = Rhythm.model_validate({"every": "24h", "during": "school-day"} | given)
        assert rhythm.due_at(london(20, "15:00"), CALENDARS, LONDON) is None


def test_a_calendar_that_has_run_out_is_an_error() -> None:
    closed = [Closure.model_validate({"from": "2026-01-01", "to": "2029-01-01"})]
    gone = {"school-day": SCHOOL.model_copy(update={"closed": closed})}
    with pytest.raises(NeverOpenError):
        Rhythm(every=timedelta(hours=1), during="school-day").due_at(london(20, "15:00"), gone, LONDON)


def test_a_rhythm_reads_back_as_it_was_written() -> None:
    rhythm = Rhythm.model_validate({"every": "PT24H", "weekdays": "mon-fri", "hours": "08:00-18:00"})
    written = rhythm.model_dump(mode="json")
    assert written == {"every": "PT86400S", "weekdays": "mon-fri", "hours": "08:00-18:00", "during": None}
    assert Rhythm.model_validate(written) == rhythm
    assert Rhythm.model_validate({"every": "1d", "weekdays": "mon,wed"}).model_dump()["weekdays"] == "mon,wed"
