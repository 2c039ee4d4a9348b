"""Two duties at once, too little rest between two, and spans in which the same people answer."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from rules import cover, rotation
from rules.cover import Held
from rules.rotation import Override, OverrideKind, RotaSpec

LONDON = ZoneInfo("Europe/London")
REST = timedelta(hours=11)


def at(text: str) -> datetime:
    """An instant, from a day of March 2026 and the time on the clocks in London, such as `28 20:00`."""
    return datetime.strptime(f"2026-03-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=LONDON).astimezone(UTC)


def held(team: str, starts: str, ends: str, worker: str = "amina", rest: timedelta | None = None) -> Held:
    return Held(team=team, worker=worker, layer=None, starts_at=at(starts), ends_at=at(ends), rest=rest)


@pytest.mark.parametrize(
    ("duties", "expected"),
    [
        ([held("a", "02 09:00", "02 17:00"), held("b", "02 17:00", "03 09:00")], []),
        ([held("a", "02 09:00", "02 17:00"), held("a", "02 12:00", "02 18:00")], []),
        ([held("a", "02 09:00", "02 17:00"), held("b", "02 09:00", "02 17:00", worker="ben")], []),
        (
            [held("a", "02 09:00", "02 17:00"), held("b", "02 16:00", "03 09:00")],
            [("amina", ("a", "b"), "02 16:00", "02 17:00")],
        ),
        # A hand-over to themselves in the one team does not end the span.
        (
            [held("a", "02 09:00", "04 09:00"), held("b", "02 12:00", "03 12:00"), held("b", "03 12:00", "04 06:00")],
            [("amina", ("a", "b"), "02 12:00", "04 06:00")],
        ),
        (
            [held("a", "02 09:00", "02 17:00"), held("b", "02 10:00", "02 16:00"), held("c", "02 12:00", "02 14:00")],
            [
                ("amina", ("a", "b"), "02 10:00", "02 12:00"),
                ("amina", ("a", "b", "c"), "02 12:00", "02 14:00"),
                ("amina", ("a", "b"), "02 14:00", "02 16:00"),
            ],
        ),
    ],
)
def test_two_duties_at_once_are_found(
    duties: list[Held], expected: list[tuple[str, tuple[str, ...], str, str]]
) -> None:
    found = [(d.worker, d.teams, f"{d.starts_at:%d %H:%M}", f"{d.ends_at:%d %H:%M}") for d in cover.doubled(duties)]
    assert found == expected
    assert cover.doubled(reversed(duties)) == cover.doubled(duties)


@pytest.mark.parametrize(
    ("duties", "hours"),
    [
        ([held("a", "02 08:00", "02 20:00", rest=REST), held("a", "03 08:00", "03 20:00", rest=REST)], []),
        ([held("a", "02 08:00", "02 20:00", rest=REST), held("a", "03 06:00", "03 20:00", rest=REST)], [10]),
        ([held("a", "02 08:00", "02 20:00", rest=REST), held("a", "02 20:00", "03 08:00", rest=REST)], [0]),
        ([held("a", "02 08:00", "02 20:00"), held("a", "02 20:00", "03 08:00")], []),
        # The one team asks for rest and the other does not: it is asked for before and after.
        ([held("a", "02 08:00", "02 20:00"), held("b", "03 06:00", "03 20:00", rest=REST)], [10]),
        ([held("b", "02 08:00", "02 20:00", rest=REST), held("a", "03 06:00", "03 20:00")], [10]),
        ([held("a", "02 08:00", "02 20:00", rest=REST), held("a", "03 06:00", "03 20:00", "ben", REST)], []),
        # Eleven and a half hours by the clocks on the wall, in the night in which they go forward.
        ([held("a", "28 08:00", "28 20:30", rest=REST), held("a", "29 08:00", "29 20:00", rest=REST)], [10.5]),
        # Duties that overlap are one, whichever of them ends last.
        (
            [
                held("a", "02 08:00", "03 08:00", rest=REST),
                held("b", "02 09:00", "02 10:00"),
                held("a", "03 12:00", "03 20:00", rest=REST),
            ],
            [4],
        ),
    ],
)
def test_too_little_rest_between_two_duties_is_found(duties: list[Held], hours: list[float]) -> None:
    assert [(one.ends_at - one.starts_at) / timedelta(hours=1) for one in cover.tired(duties)] == hours


def test_a_period_is_cut_where_somebody_else_answers() -> None:
    rota = RotaSpec(rotation="daily", handover="09:00", starts=date(2026, 1, 5), workers=["amina", "ben"])
    away = Override(kind=OverrideKind.REMOVE, worker="ben", starts_at=at("03 12:00"), ends_at=at("03 18:00"))
    start, end = at("02 12:00"), at("04 12:00")
    found = cover.watches(rota, [away], start=start, end=end, zone=LONDON, cuts=[at("02 15:00"), at("09 09:00")])
    assert [(f"{w.starts_at.astimezone(LONDON):%d %H:%M}", w.on_call, w.order) for w in found] == [
        ("02 12:00", ("amina",), ("amina", "ben")),
        ("02 15:00", ("amina",), ("amina", "ben")),
        ("03 09:00", ("ben",), ("ben", "amina")),
        ("03 12:00", (), ("amina",)),
        ("03 18:00", ("ben",), ("ben", "amina")),
        ("04 09:00", ("amina",), ("amina", "ben")),
    ]
    assert (found[0].starts_at, found[-1].ends_at) == (start, end)
    assert all(one.ends_at == other.starts_at for one, other in pairwise(found))
    spans = rotation.coverage(rota, [away], start=start, end=end, zone=LONDON)
    assert {s.starts_at for s in spans} <= {w.starts_at for w in found}
