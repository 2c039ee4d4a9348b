"""One rotation: hand-overs at the hour on the wall through both clock changes, hours of service, and people who come and go."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rules import rotation
from rules.rotation import RotaSpec

LONDON = ZoneInfo("Europe/London")
PEOPLE = ["amina", "ben", "chidi"]


def rota(**fields: Any) -> RotaSpec:
    return RotaSpec.model_validate({"starts": date(2026, 1, 5), "workers": PEOPLE} | fields)


def at(text: str) -> datetime:
    """An instant, from the time on the clocks in London unless it says otherwise."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=LONDON)


def spans(spec: RotaSpec, start: str, end: str) -> list[tuple[str | None, str, str, float]]:
    """Whole shifts as the clocks show them, with their real length in hours."""
    return [
        (
            shift.worker,
            f"{shift.starts_at.astimezone(LONDON):%a %d %H:%M}",
            f"{shift.ends_at.astimezone(LONDON):%a %d %H:%M}",
            (shift.ends_at - shift.starts_at) / timedelta(hours=1),
        )
        for shift in rotation.shifts(spec, start=at(start), end=at(end), zone=LONDON)
    ]


FORWARD = ("2026-03-28T12:00", "2026-03-29T22:00")
BACK = ("2026-10-24T12:00", "2026-10-25T22:00")


@pytest.mark.parametrize(
    ("fields", "period", "expected"),
    [
        (
            {"shift": "12h", "handover": "08:00", "workers": ["day", "night"]},
            FORWARD,
            [
                ("day", "Sat 28 08:00", "Sat 28 20:00", 12),
                ("night", "Sat 28 20:00", "Sun 29 08:00", 11),
                ("day", "Sun 29 08:00", "Sun 29 20:00", 12),
                ("night", "Sun 29 20:00", "Mon 30 08:00", 12),
            ],
        ),
        (
            {"shift": "12h", "handover": "08:00", "workers": ["day", "night"]},
            BACK,
            [
                ("day", "Sat 24 08:00", "Sat 24 20:00", 12),
                ("night", "Sat 24 20:00", "Sun 25 08:00", 13),
                ("day", "Sun 25 08:00", "Sun 25 20:00", 12),
                ("night", "Sun 25 20:00", "Mon 26 08:00", 12),
            ],
        ),
        (
            # Eight hours, and a hand-over in the hour that is skipped: it comes after the change, once.
            {"shift": "8h", "handover": "01:30"},
            ("2026-03-28T18:00", "2026-03-29T10:00"),
            [
                ("chidi", "Sat 28 17:30", "Sun 29 02:30", 8),
                ("amina", "Sun 29 02:30", "Sun 29 09:30", 7),
                ("ben", "Sun 29 09:30", "Sun 29 17:30", 8),
            ],
        ),
        (
            # The same in the hour that comes twice: at its first coming, and not again at its second.
            {"shift": "8h", "handover": "01:30"},
            ("2026-10-24T18:00", "2026-10-25T10:00"),
            [
                ("chidi", "Sat 24 17:30", "Sun 25 01:30", 8),
                ("amina", "Sun 25 01:30", "Sun 25 09:30", 9),
                ("ben", "Sun 25 09:30", "Sun 25 17:30", 8),
            ],
        ),
        (
            {"shift": "2h", "handover": "00:00"},
            ("2026-03-28T23:00", "2026-03-29T03:30"),
            [
                ("chidi", "Sat 28 22:00", "Sun 29 00:00", 2),
                ("amina", "Sun 29 00:00", "Sun 29 02:00", 1),
                ("ben", "Sun 29 02:00", "Sun 29 04:00", 2),
            ],
        ),
        (
            {"shift": "3d", "handover": "09:00"},
            ("2026-03-28T12:00", "2026-04-02T08:00"),
            [
                ("amina", "Fri 27 09:00", "Mon 30 09:00", 71),
                ("ben", "Mon 30 09:00", "Thu 02 09:00", 72),
            ],
        ),
        (
            {"shift": "14d", "handover": "Mon 09:00"},
            ("2026-10-24T12:00", "2026-10-26T12:00"),
            [
                ("chidi", "Mon 12 09:00", "Mon 26 09:00", 337),
                ("amina", "Mon 26 09:00", "Mon 09 09:00", 336),
            ],
        ),
        (
            # Friday and Saturday nights alone, in the night that loses an hour and in the one that gains one.
            {"rotation": "weekly", "handover": "Mon 09:00", "only": {"weekdays": "fri,sat", "hours": "20:00-04:00"}},
            ("2026-03-27T00:00", "2026-04-04T00:00"),
            [
                ("chidi", "Fri 27 20:00", "Sat 28 04:00", 8),
                ("chidi", "Sat 28 20:00", "Sun 29 04:00", 7),
                ("amina", "Fri 03 20:00", "Sat 04 04:00", 8),
            ],
        ),
        (
            {"rotation": "weekly", "handover": "Mon 09:00", "only": {"weekdays": "fri,sat", "hours": "20:00-04:00"}},
            ("2026-10-23T00:00", "2026-10-26T00:00"),
            [
                ("chidi", "Fri 23 20:00", "Sat 24 04:00", 8),
                ("chidi", "Sat 24 20:00", "Sun 25 04:00", 9),
            ],
        ),
        (
            # Office hours with Easter: Good Friday and Easter Monday are left out, the change between them is not met.
            {
                "rotation": "daily",
                "handover": "00:00",
                "only": {"weekdays": "mon-fri", "hours": "09:00-17:00"},
                "never": {"holidays": "GB-ENG"},
                "workers": ["amina"],
            },
            ("2026-04-02T00:00", "2026-04-08T00:00"),
            [
                ("amina", "Thu 02 09:00", "Thu 02 17:00", 8),
                ("amina", "Tue 07 09:00", "Tue 07 17:00", 8),
            ],
        ),
        (
            # A night belongs to the day on which it begins: that of Maundy Thursday runs into Good Friday's morning.
            {
                "rotation": "daily",
                "handover": "12:00",
                "only": {"hours": "17:00-09:00"},
                "never": {"holidays": "GB-ENG"},
                "workers": ["amina"],
            },
            ("2026-04-02T12:00", "2026-04-05T12:00"),
            [
                ("amina", "Thu 02 17:00", "Fri 03 09:00", 16),
                ("amina", "Sat 04 17:00", "Sun 05 09:00", 16),
            ],
        ),
        (
            {
                "rotation": "daily",
                "handover": "00:00",
                "only": {"dates": ["2026-12-24 to 2026-12-25", "2027-01-01"]},
                "never": {"hours": "12:00-13:00"},
                "workers": ["amina"],
            },
            ("2026-12-23T00:00", "2027-01-03T00:00"),
            [
                ("amina", "Thu 24 00:00", "Thu 24 12:00", 12),
                ("amina", "Thu 24 13:00", "Fri 25 00:00", 11),
                ("amina", "Fri 25 00:00", "Fri 25 12:00", 12),
                ("amina", "Fri 25 13:00", "Sat 26 00:00", 11),
                ("amina", "Fri 01 00:00", "Fri 01 12:00", 12),
                ("amina", "Fri 01 13:00", "Sat 02 00:00", 11),
            ],
        ),
    ],
)
def test_shifts_as_the_clocks_on_the_wall_show_them(
    fields: dict[str, Any], period: tuple[str, str], expected: list[tuple[str, str, str, float]]
) -> None:
    assert spans(rota(**fields), *period) == expected


LEAVER: dict[str, Any] = {"rotation": "weekly", "handover": "Mon 09:00", "leaves": {"ben": "2026-01-14"}}


@pytest.mark.parametrize(
    ("fields", "moment", "order"),
    [
        (LEAVER, "2026-01-13T12:00", ["ben", "chidi", "amina"]),
        (LEAVER, "2026-01-14T23:59", ["ben", "chidi", "amina"]),
        # Gone in the middle of the turn: the next begins early, and nobody's turn after it moves.
        (LEAVER, "2026-01-15T00:00", ["chidi", "amina"]),
        (LEAVER, "2026-01-19T09:00", ["chidi", "amina"]),
        (LEAVER, "2026-01-26T09:00", ["amina", "chidi"]),
        (LEAVER, "2026-02-02T09:00", ["chidi", "amina"]),
        # Gone between turns of others.
        ({**LEAVER, "leaves": {"chidi": "2026-01-14"}}, "2026-01-19T09:00", ["amina", "ben"]),
        ({**LEAVER, "leaves": {"chidi": "2026-01-14"}}, "2026-01-26T09:00", ["ben", "amina"]),
        # Come in the middle of a turn of somebody else's: first at the next hand-over that is theirs.
        ({**LEAVER, "leaves": None, "joins": {"chidi": "2026-01-21"}}, "2026-01-19T09:00", ["amina", "ben"]),
        ({**LEAVER, "leaves": None, "joins": {"chidi": "2026-01-21"}}, "2026-01-22T09:00", ["amina", "ben", "chidi"]),
        ({**LEAVER, "leaves": None, "joins": {"chidi": "2026-01-21"}}, "2026-01-26T09:00", ["ben", "chidi", "amina"]),
        ({**LEAVER, "leaves": None, "joins": {"chidi": "2026-01-21"}}, "2026-02-02T09:00", ["chidi", "amina", "ben"]),
        # All have left.
        ({**LEAVER, "leaves": dict.fromkeys(PEOPLE, "2026-01-14")}, "2026-01-14T12:00", ["ben", "chidi", "amina"]),
        ({**LEAVER, "leaves": dict.fromkeys(PEOPLE, "2026-01-14")}, "2026-01-15T12:00", []),
    ],
)
def test_who_joins_or_leaves_in_the_middle_moves_nobody_elses_turn(
    fields: dict[str, Any], moment: str, order: list[str]
) -> None:
    spec = rota(**fields)
    assert rotation.on_call(spec, [], at=at(moment), zone=LONDON) == order[:1]
    assert rotation.page_order(spec, [], at=at(moment), zone=LONDON) == order


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"handover": "09:00"}, "either rotation"),
        ({"rotation": "daily", "shift": "12h", "handover": "09:00"}, "either rotation"),
        ({"shift": "1h", "handover": "09:00"}, "from 2h to 28d"),
        ({"shift": "29d", "handover": "09:00"}, "from 2h to 28d"),
        ({"shift": "12h", "handover": "Mon 09:00"}, "'09:00'"),
        ({"shift": "12h", "handover": "09:00+01:00"}, "'09:00'"),
        ({"shift": "soon", "handover": "09:00"}, "30m, 24h"),
        ({"rotation": "daily", "handover": "09:00", "leaves": {"dana": "2026-02-01"}}, "dana is not among"),
        (
            {"rotation": "daily", "handover": "09:00", "joins": {"ben": "2026-02-02"}, "leaves": {"ben": "2026-02-01"}},
            "ben leaves before",
        ),
        ({"rotation": "daily", "handover": "09:00", "only": {}}, "must say weekdays"),
        ({"rotation": "daily", "handover": "09:00", "only": {"hours": "nine to five"}}, "09:00-17:00"),
        ({"rotation": "daily", "handover": "09:00", "only": {"weekdays": ["fri", "sta"]}}, "mon-fri"),
        ({"rotation": "daily", "handover": "09:00", "never": {"holidays": "Mars"}}, "GB-ENG"),
        ({"rotation": "daily", "handover": "09:00", "never": {"dates": ["Christmas"]}}, "2026-12-24 to"),
        (
            {"rotation": "daily", "handover": "09:00", "never": {"dates": ["2026-12-24 to 2026-12-20"]}},
            "before it ends",
        ),
    ],
)
def test_a_rotation_that_can_not_be_read_says_what_would_be_right(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        rota(**fields)


def test_what_is_written_back_reads_the_same() -> None:
    spec = rota(
        shift="12h",
        handover="08:00",
        joins={"ben": "2026-02-01"},
        only={"weekdays": "fri,sat", "hours": "20:00-24:00", "holidays": "GB-ENG"},
        never={"dates": ["2026-12-24 to 2027-01-02", date(2026, 5, 4)]},
    )
    assert RotaSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert RotaSpec.model_validate_json(spec.model_dump_json(exclude_none=True)) == spec


MOMENTS = st.datetimes(datetime(2026, 2, 1), datetime(2027, 12, 1)).map(lambda naive: naive.replace(tzinfo=UTC))
DAYS = st.dates(date(2026, 2, 1), date(2027, 12, 1))
LENGTHS = st.sampled_from(["2h", "5h", "8h", "12h", "36h", "2d", "10d"])
CHANGES = st.dictionaries(st.sampled_from(PEOPLE[:2]), DAYS, max_size=2)
CUSTOM = st.builds(
    lambda shift, t, leaves, joins: rota(shift=shift, handover=f"{t:%H:%M}", leaves=leaves, joins=joins),
    LENGTHS,
    st.times(),
    CHANGES,
    st.dictionaries(st.just("chidi"), st.dates(date(2026, 1, 1), date(2026, 2, 1))),
)


@given(CUSTOM, MOMENTS)
def test_while_somebody_stays_somebody_is_on_call(spec: RotaSpec, moment: datetime) -> None:
    on_call = rotation.on_call(spec, [], at=moment, zone=LONDON)
    assert len(on_call) == 1
    assert sorted(rotation.page_order(spec, [], at=moment, zone=LONDON)) == sorted(
        worker
        for worker in PEOPLE
        if not spec.leaves or worker not in spec.leaves or moment.astimezone(LONDON).date() <= spec.leaves[worker]
    )


@given(CUSTOM, MOMENTS, st.timedeltas(timedelta(hours=1), timedelta(days=25)))
def test_shifts_of_any_length_follow_each_other(spec: RotaSpec, start: datetime, length: timedelta) -> None:
    found = rotation.shifts(spec, start=start, end=start + length, zone=LONDON)
    assert found[0].starts_at <= start < found[0].ends_at
    assert found[-1].starts_at < start + length <= found[-1].ends_at
    for one, other in pairwise(found):
        assert one.ends_at == other.starts_at
    for shift in found:
        assert shift.ends_at - shift.starts_at <= spec.length + timedelta(hours=1)
        for moment in (shift.starts_at, shift.ends_at - timedelta(microseconds=1)):
            assert rotation.on_call(spec, [], at=moment, zone=LONDON) == [shift.worker]


@given(CUSTOM, MOMENTS)
def test_nobody_has_two_turns_before_another_who_stays_has_had_one(spec: RotaSpec, start: datetime) -> None:
    number = spec.number(start, LONDON)
    holders = [spec.on(spec.begins(n, LONDON), LONDON)[0] for n in range(number, number + 12)]
    changes = {spec.number(moment, LONDON) for moment in spec._changes(LONDON)}
    for n, (one, other) in enumerate(pairwise(holders), number):
        alone = len(spec.others(spec.begins(n + 1, LONDON), LONDON)) == 1
        assert one != other or alone or changes & {n, n + 1}
