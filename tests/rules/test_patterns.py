"""What recurs: windows counted by when things happened, distances along the ground, and cells that miss nothing near."""

from datetime import UTC, datetime, timedelta
from math import cos, radians, sin
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import patterns
from rules.patterns import Seen
from rules.rulebook import Pattern

DAY = timedelta(days=1)
START = datetime(2026, 11, 1, 20, tzinfo=UTC)
CORNER = (51.4500, -2.5900)


def pattern(**changes: Any) -> Pattern:
    fields = {"id": "p", "of": "true", "same": "group", "at_least": 3, "window": "14d", "raise": "hotspot"} | changes
    return Pattern.model_validate({name: value for name, value in fields.items() if value is not None})


def seen(day: float, at: patterns.Point | None = None) -> Seen:
    return Seen(incident=f"i{day:g}", occurred_at=START + day * DAY, at=at)


@pytest.mark.parametrize(
    ("new", "others", "parents"),
    [
        (10, [0, 5], ["i0", "i5", "i10"]),
        (14, [0, 5], ["i0", "i5", "i14"]),
        (14.001, [0, 5], None),
        (10, [5], None),
        # A late report completes a pattern from the middle or from the beginning.
        (5, [0, 10], ["i0", "i5", "i10"]),
        (0, [5, 10], ["i0", "i5", "i10"]),
        # Three in a window, but never together with the new one.
        (40, [0, 5, 10], None),
        # Of two windows that hold it the fuller one decides.
        (20, [2, 9, 21, 22, 23], ["i9", "i20", "i21", "i22", "i23"]),
    ],
)
def test_enough_within_one_window_that_holds_the_new_one(
    new: float, others: list[float], parents: list[str] | None
) -> None:
    found = patterns.recurrence(pattern(), seen(new), [seen(day) for day in others])
    assert (list(found.parents) if found else None) == parents
    if found:
        assert found.reason == f"{len(found.parents)} incidents around one peer group within 14 days"


@given(st.lists(st.floats(0, 60), max_size=12), st.floats(0, 60), st.integers(2, 5))
def test_a_window_is_found_exactly_when_there_is_one(days: list[float], new: float, at_least: int) -> None:
    spec = pattern(at_least=at_least)
    found = patterns.recurrence(spec, seen(new), [seen(day) for day in days])
    moments = sorted([*(START + day * DAY for day in days), START + new * DAY])
    mine = START + new * DAY
    most = max(
        sum(first <= moment <= first + spec.window for moment in moments)
        for first in moments
        if first <= mine <= first + spec.window
    )
    assert (found is not None) == (most >= at_least)
    if found:
        assert len(found.parents) == most
        assert found.last - found.first <= spec.window


def test_only_what_is_near_enough_counts_and_what_has_no_position_does_not() -> None:
    spec = pattern(same=None, near="400m")
    north = (CORNER[0] + 390 / patterns.A_DEGREE, CORNER[1])
    too_far = (CORNER[0] + 410 / patterns.A_DEGREE, CORNER[1])
    new = seen(3, CORNER)
    assert patterns.recurrence(spec, new, [seen(1, north), seen(2, CORNER)])
    assert not patterns.recurrence(spec, new, [seen(1, too_far), seen(2, CORNER)])
    assert not patterns.recurrence(spec, new, [seen(1, None), seen(2, CORNER)])


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        (CORNER, CORNER, 0),
        ((51.0, 0.0), (52.0, 0.0), 111_195),
        # London to Bristol, by the published coordinates of their stations.
        ((51.5154, -0.1755), (51.4491, -2.5813), 166_900),
    ],
)
def test_a_distance_is_along_the_ground(one: patterns.Point, other: patterns.Point, metres: float) -> None:
    assert patterns.distance(one, other) == pytest.approx(metres, rel=0.003, abs=0.5)


BRITAIN = st.tuples(st.floats(49.8, 60.9), st.floats(-8.2, 1.8))
ANYWHERE = st.tuples(st.floats(-85, 85), st.floats(-170, 170))


@given(
    st.one_of(BRITAIN, ANYWHERE),
    st.floats(0, 360),
    st.floats(0, 1),
    st.sampled_from([50, 400, 500, 1500, 4000, 30_000, 50_000]),
)
def test_no_point_that_is_near_lies_outside_the_cells(
    at: patterns.Point, bearing: float, part: float, metres: float
) -> None:
    away = metres * part
    other = (
        at[0] + away * cos(radians(bearing)) / patterns.A_DEGREE,
        at[1] + away * sin(radians(bearing)) / (patterns.A_DEGREE * max(cos(radians(at[0])), 0.01)),
    )
    around = patterns.cells_around(at, metres)
    if patterns.distance(at, other) <= metres:
        assert set(patterns.cells(other)) & set(around)
    assert len(around) <= 24
