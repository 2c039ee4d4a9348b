"""Calendars of other systems read as shifts: what real e-rosters, Outlook and Google write, and whom an event names."""

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rules.rosters import Known, NoCalendarError, Roster, read_roster

LONDON = ZoneInfo("Europe/London")
PEOPLE = [
    Known(slug="amina", name="Amina Example", email="amina@example.org"),
    Known(slug="ben", name="Ben Specimen", email="Ben@example.org"),
    Known(slug="sian", name="Siân Fiction"),
    Known(slug="sam-ali", name="Sam Ali"),
    Known(slug="sam-ali-khan", name="Sam Ali Khan"),
]


def calendar(*events: str, head: str = "") -> str:
    body = "".join(
        f"BEGIN:VEVENT\nUID:{number}\nDTSTAMP:20260101T000000Z\n{event.strip()}\nEND:VEVENT\n"
        for number, event in enumerate(events)
    )
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Example//E-roster//EN\n{head}{body}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")


def read(text: str, **options: Any) -> Roster:
    defaults: dict[str, Any] = {
        "match": ["email", "name", "slug"],
        "begins": time(0),
        "start": datetime(2026, 10, 1, tzinfo=UTC),
        "end": datetime(2026, 12, 1, tzinfo=UTC),
        "zone": LONDON,
    }
    return read_roster(text, PEOPLE, **(defaults | options))


def spans(roster: Roster) -> list[tuple[str, str, float]]:
    """When shifts begin and end by the clocks in London, and how long they last."""
    return [
        (
            f"{shift.starts_at.astimezone(LONDON):%d %b %H:%M}",
            f"{shift.ends_at.astimezone(LONDON):%d %b %H:%M}",
            (shift.ends_at - shift.starts_at).total_seconds() / 3600,
        )
        for shift in roster.shifts
    ]


OUTLOOK_ZONE = """BEGIN:VTIMEZONE
TZID:Our Office
BEGIN:STANDARD
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0000
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T010000
TZOFFSETFROM:+0000
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Nights through the change of the clocks: the first is 13 hours long, and 20:00 stays 20:00.
        (
            calendar(
                "DTSTART;TZID=Europe/London:20261024T200000\nDTEND;TZID=Europe/London:20261025T080000\n"
                "RRULE:FREQ=DAILY;COUNT=2\nSUMMARY:Amina Example"
            ),
            [("24 Oct 20:00", "25 Oct 08:00", 13), ("25 Oct 20:00", "26 Oct 08:00", 12)],
        ),
        # Outlook's own name for the zone, without a definition.
        (
            calendar(
                "DTSTART;TZID=GMT Standard Time:20261024T200000\nDTEND;TZID=GMT Standard Time:20261025T080000\nSUMMARY:x"
            ),
            [("24 Oct 20:00", "25 Oct 08:00", 13)],
        ),
        # A name that nobody knows, with its definition beside it.
        (
            calendar(
                "DTSTART;TZID=Our Office:20261024T200000\nDTEND;TZID=Our Office:20261025T080000\nSUMMARY:x",
                head=OUTLOOK_ZONE,
            ),
            [("24 Oct 20:00", "25 Oct 08:00", 13)],
        ),
        # Weekly by weekday, in UTC: an hour earlier on the wall once the clocks have gone back.
        (
            calendar(
                "DTSTART:20261023T190000Z\nDTEND:20261024T030000Z\nRRULE:FREQ=WEEKLY;BYDAY=FR;UNTIL=20261031T000000Z\nSUMMARY:x"
            ),
            [("23 Oct 20:00", "24 Oct 04:00", 8), ("30 Oct 19:00", "31 Oct 03:00", 8)],
        ),
        # Google says the zone of the whole calendar: the same rule stays at the same hour on the wall.
        (
            calendar(
                "DTSTART:20261023T190000Z\nDTEND:20261024T030000Z\nRRULE:FREQ=WEEKLY;BYDAY=FR;UNTIL=20261031T000000Z\nSUMMARY:x",
                head="X-WR-TIMEZONE:Europe/London\n",
            ),
            [("23 Oct 20:00", "24 Oct 04:00", 8), ("30 Oct 20:00", "31 Oct 04:00", 8)],
        ),
        # Times of no zone are ours; a DURATION instead of an end.
        (
            calendar("DTSTART:20261124T200000\nDURATION:PT12H\nSUMMARY:x"),
            [("24 Nov 20:00", "25 Nov 08:00", 12)],
        ),
        (
            calendar("DTSTART:20261124T200000\nDURATION:PT12H\nSUMMARY:x", head="X-WR-TIMEZONE:Europe/Paris\n"),
            [("24 Nov 19:00", "25 Nov 07:00", 12)],
        ),
        # All-day events, one of them the Sunday of 25 hours; the end is not a day of the event.
        (
            calendar("DTSTART;VALUE=DATE:20261024\nDTEND;VALUE=DATE:20261026\nSUMMARY:x"),
            [("24 Oct 00:00", "26 Oct 00:00", 49)],
        ),
        (calendar("DTSTART;VALUE=DATE:20261125\nSUMMARY:x"), [("25 Nov 00:00", "26 Nov 00:00", 24)]),
        # A date that is left out, one that is put in, and one that was moved.
        (
            calendar(
                "DTSTART;TZID=Europe/London:20261102T090000\nDTEND;TZID=Europe/London:20261102T170000\n"
                "RRULE:FREQ=DAILY;COUNT=4\nEXDATE;TZID=Europe/London:20261103T090000\n"
                "RDATE;TZID=Europe/London:20261110T090000\nSUMMARY:x",
                "UID:0\nRECURRENCE-ID;TZID=Europe/London:20261104T090000\nSUMMARY:x\n"
                "DTSTART;TZID=Europe/London:20261104T120000\nDTEND;TZID=Europe/London:20261104T130000",
            ).replace("UID:1\r\nDTSTAMP:20260101T000000Z\r\nUID:0", "UID:0\r\nDTSTAMP:20260101T000000Z"),
            [
                ("02 Nov 09:00", "02 Nov 17:00", 8),
                ("04 Nov 12:00", "04 Nov 13:00", 1),
                ("05 Nov 09:00", "05 Nov 17:00", 8),
                ("10 Nov 09:00", "10 Nov 17:00", 8),
            ],
        ),
        # Cancelled; before the period; over its edge.
        (calendar("DTSTART:20261124T200000Z\nDURATION:PT12H\nSTATUS:CANCELLED\nSUMMARY:x"), []),
        (calendar("DTSTART:20260924T200000Z\nDURATION:PT12H\nSUMMARY:x"), []),
        (calendar("DTSTART:20260930T200000Z\nDURATION:PT12H\nSUMMARY:x"), [("30 Sep 21:00", "01 Oct 09:00", 12)]),
        (calendar(), []),
    ],
)
def test_events_become_shifts(text: str, expected: list[tuple[str, str, float]]) -> None:
    roster = read(text)
    assert spans(roster) == expected
    assert roster.skipped == 0


def test_an_all_day_event_may_hand_over_in_the_morning() -> None:
    text = calendar("DTSTART;VALUE=DATE:20261024\nDTEND;VALUE=DATE:20261025\nRRULE:FREQ=DAILY;COUNT=2\nSUMMARY:x")
    assert spans(read(text, begins=time(9))) == [
        ("24 Oct 09:00", "25 Oct 09:00", 25),
        ("25 Oct 09:00", "26 Oct 09:00", 24),
    ]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("SUMMARY:Amina Example", ["amina"]),
        ("SUMMARY:On call - AMINA  EXAMPLE (late)", ["amina"]),
        ("SUMMARY:Example\\, Amina", ["amina"]),
        ("SUMMARY:Sian Fiction", ["sian"]),
        ("SUMMARY:FICTION\\, Siân", ["sian"]),
        ("SUMMARY:Ben Specimen / Amina Example", ["ben", "amina"]),
        ("SUMMARY:Sam Ali Khan", ["sam-ali-khan"]),
        ("SUMMARY:Sam Ali", ["sam-ali"]),
        ("SUMMARY:Sam Ali and Sam Ali Khan", ["sam-ali", "sam-ali-khan"]),
        ("SUMMARY:Amina Examples", []),
        ("SUMMARY:amina", ["amina"]),
        ("SUMMARY:Outreach - ben", ["ben"]),
        ("SUMMARY:sam-ali / ben", ["sam-ali", "ben"]),
        # A slug inside somebody else's name names nobody.
        ("SUMMARY:Ben Other", []),
        ("SUMMARY:Team meeting", []),
        ("DESCRIPTION:Amina Example", []),
        ("SUMMARY:amina@example.org", ["amina"]),
        ("SUMMARY:Late shift\nATTENDEE;CN=Somebody:mailto:BEN@example.org", ["ben"]),
        ("SUMMARY:Late shift\nATTENDEE:MAILTO:amina@example.org\nATTENDEE:mailto:ben@example.org", ["amina", "ben"]),
        ("SUMMARY:Late shift\nATTENDEE;CN=Amina Example:mailto:a.example@nhs.example.org", ["amina"]),
        ("SUMMARY:Amina Example\nATTENDEE:mailto:ben@example.org", ["ben"]),
        ("SUMMARY:Amina Example\nATTENDEE;PARTSTAT=DECLINED:mailto:amina@example.org", []),
        (
            "SUMMARY:Late\nATTENDEE;PARTSTAT=DECLINED:mailto:amina@example.org\nATTENDEE:mailto:ben@example.org",
            ["ben"],
        ),
    ],
)
def test_an_event_names_workers(event: str, expected: list[str]) -> None:
    roster = read(calendar(f"DTSTART:20261124T200000Z\nDURATION:PT12H\n{event}"))
    assert [list(shift.workers) for shift in roster.shifts] == [expected]


def test_only_the_ways_that_the_rota_names_are_tried() -> None:
    text = calendar("DTSTART:20261124T200000Z\nDURATION:PT12H\nSUMMARY:Amina Example\nATTENDEE:mailto:ben@example.org")
    assert [read(text, match=way).shifts[0].workers for way in (["name"], ["slug"], ["slug", "email"])] == [
        ("amina",),
        (),
        ("ben",),
    ]


def test_a_name_that_two_share_names_neither() -> None:
    twins = [Known(slug="one", name="Jo Bloggs"), Known(slug="two", name="Jo Bloggs")]
    text = calendar("DTSTART:20261124T200000Z\nDURATION:PT12H\nSUMMARY:Jo Bloggs")
    roster = read_roster(
        text,
        twins,
        match=["name"],
        begins=time(0),
        start=datetime(2026, 11, 1, tzinfo=UTC),
        end=datetime(2026, 12, 1, tzinfo=UTC),
        zone=LONDON,
    )
    assert [shift.workers for shift in roster.shifts] == [()]


GOOD = "DTSTART:20261124T200000Z\nDURATION:PT12H\nSUMMARY:ben"


@pytest.mark.parametrize(
    "bad",
    [
        "SUMMARY:no beginning",
        "DTSTART:tomorrow\nSUMMARY:x",
        "DTSTART:20261124T200000Z\nSUMMARY:no end",
        "DTSTART:20261124T200000Z\nDTEND:20261124T190000Z\nSUMMARY:backwards",
        "DTSTART:20261124T200000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=XX\nSUMMARY:x",
        "DTSTART:20261124T200000Z\nDURATION:PT1H\nRRULE:FREQ=SECONDLY\nSUMMARY:x",
        "DTSTART:20261124T200000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5,6\nSUMMARY:x",
        "DTSTART:20261124T200000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYMINUTE=1,2\nSUMMARY:x",
    ],
)
def test_an_event_that_can_not_be_read_harms_no_other_and_is_counted(bad: str) -> None:
    roster = read(calendar(GOOD, bad))
    assert [shift.workers for shift in roster.shifts] == [("ben",)]
    assert roster.skipped == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html><body>Please sign in</body></html>",
        "BEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\n",
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
        calendar(*([GOOD] * 5001)),
    ],
    ids=["nothing", "a page", "an event alone", "cut off", "too many events"],
)
def test_what_is_no_calendar_is_refused(text: str) -> None:
    with pytest.raises(NoCalendarError):
        read(text)
