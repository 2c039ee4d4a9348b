"""Places that repeat: bands of the day, the two flags, and what came after earlier flags."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import h3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rules.hotspots import (
    RESOLUTION,
    Event,
    PlacePolicy,
    base_rates,
    flagged,
    hexagon_of,
    middle,
    outline,
    spots,
)
from rules.incident import IncidentReport

ZONE = ZoneInfo("Europe/London")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HERE = h3.latlng_to_cell(51.4545, -2.5879, RESOLUTION)
BESIDE = next(iter(set(h3.grid_disk(HERE, 1)) - {HERE}))
FAR = h3.latlng_to_cell(51.50, -2.70, RESOLUTION)
OFTEN = {"counter": {"window": "365d", "at_least": 3}}
LATELY = {"near_repeat": {"within": "7d", "rings": 1, "at_least": 2}}


def policy(**fields: Any) -> PlacePolicy:
    return PlacePolicy.model_validate({"types": ["fight", "robbery"], "pathway": "planned"} | fields)


def event(days_ago: float, *, cell: str = HERE, hour: int = 20, kind: str = "fight") -> Event:
    day = (NOW - timedelta(days=days_ago)).date()
    return Event(
        hexagon=cell, at=datetime(day.year, day.month, day.day, hour, tzinfo=ZONE), kind=kind, locality="south"
    )


@pytest.mark.parametrize(
    ("clock", "band"),
    [
        ("14:59", "day"),
        ("15:00", "after_school"),
        ("18:59", "after_school"),
        ("19:00", "evening"),
        ("22:59", "evening"),
        ("23:00", "night"),
        ("00:00", "night"),
        ("05:59", "night"),
        ("06:00", "day"),
    ],
)
def test_bands_are_read_on_the_local_clock_and_go_over_midnight(clock: str, band: str) -> None:
    for date in ("2026-07-10", "2026-11-20"):  # summer time and winter time
        at = datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=ZONE).astimezone(UTC)
        (spot,) = spots(policy(**OFTEN), [Event(hexagon=HERE, at=at, kind="fight")], now=NOW, zone=ZONE)
        assert spot.band == band


def test_a_place_is_counted_by_band_and_flagged_from_the_number_in_the_policy() -> None:
    two = [event(30), event(60)]
    (spot,) = spots(policy(**OFTEN), two, now=NOW, zone=ZONE)
    assert (spot.count, spot.flags) == (2, ())
    three = [*two, event(90, kind="robbery"), event(40, hour=3)]
    first, second = spots(policy(**OFTEN), three, now=NOW, zone=ZONE)
    assert (first.band, first.count, first.kinds, first.locality) == ("evening", 3, {"fight": 2, "robbery": 1}, "south")
    assert [flag.kind for flag in first.flags] == ["repeat"]
    assert first.flags[0].reason == "3 incidents in 365 days; the policy flags 3 or more"
    assert (second.band, second.count, second.flags) == ("night", 1, ())


def test_what_is_too_old_of_another_kind_or_still_to_come_does_not_count() -> None:
    events = [event(30), event(60), event(366), event(10, kind="weapon_in_school"), event(-2)]
    (spot,) = spots(policy(**OFTEN), events, now=NOW, zone=ZONE)
    assert spot.count == 2


def test_a_near_repeat_needs_one_of_its_own_and_another_close_in_place_band_and_time() -> None:
    def where(*events: Event) -> set[tuple[str, str]]:
        return flagged(policy(**LATELY), events, now=NOW, zone=ZONE)

    assert where(event(2), event(5, cell=BESIDE)) == {(HERE, "evening"), (BESIDE, "evening")}
    assert where(event(2), event(5, cell=FAR)) == set()
    assert where(event(2), event(9, cell=BESIDE)) == set()
    assert where(event(2), event(5, cell=BESIDE, hour=3)) == set()
    assert where(event(2), event(3)) == {(HERE, "evening")}


def test_coarser_hexagons_gather_the_finer_ones() -> None:
    coarse = policy(**OFTEN, hexagon=7)
    inside = list(h3.cell_to_children(h3.cell_to_parent(HERE, 7), RESOLUTION))[:3]
    (spot,) = spots(
        coarse, [event(days, cell=cell) for days, cell in zip((3, 4, 5), inside, strict=True)], now=NOW, zone=ZONE
    )
    assert (spot.hexagon, spot.count, len(spot.flags)) == (h3.cell_to_parent(HERE, 7), 3, 1)


def test_base_rates_say_what_came_after_the_flags_and_after_no_flag() -> None:
    # Flagged from the third on, in each of the last four weeks; in two of them an incident followed. FAR never was flagged.
    events = [event(80), event(79), event(78), event(10), event(3), event(75, cell=FAR)]
    rate = base_rates(policy(**OFTEN), events, now=NOW, zone=ZONE)["repeat"]
    assert rate.weeks == 11  # before the first incident there is nothing to say
    assert (rate.flagged, rate.flagged_followed) == (11, 2)
    assert (rate.known, rate.known_followed) == (21, 2)


def test_a_base_rate_without_a_past_is_none_of_nothing() -> None:
    rate = base_rates(policy(**OFTEN, **LATELY), [], now=NOW, zone=ZONE)
    assert {kind: (each.weeks, each.flagged, each.known) for kind, each in rate.items()} == {
        "repeat": (0, 0, 0),
        "near_repeat": (0, 0, 0),
    }


@given(st.permutations(range(8)))
def test_the_order_of_incidents_changes_nothing(order: list[int]) -> None:
    events = [event(3), event(4), event(5, cell=BESIDE), event(6), event(50), event(51), event(52), event(7, cell=FAR)]
    both = policy(**OFTEN, **LATELY)
    assert spots(both, [events[n] for n in order], now=NOW, zone=ZONE) == spots(both, events, now=NOW, zone=ZONE)


@pytest.mark.parametrize(
    ("place", "place_kind", "attributes", "kept"),
    [
        ({"lat": 51.4545, "lon": -2.5879}, None, {}, HERE),
        ({"lat": 51.4545, "lon": -2.5879}, "school", {}, HERE),
        ({"lat": 51.4545, "lon": -2.5879}, "hospital", {}, None),
        ({"lat": 51.4545, "lon": -2.5879}, None, {"time_precision": "month"}, None),
        ({"postcode": "BS1 1AA"}, None, {}, None),
        (None, None, {}, None),
    ],
    ids=["a position", "a school", "a hospital", "only the month is known", "no position", "no place"],
)
def test_only_what_has_a_position_and_an_hour_lies_in_a_hexagon(
    place: dict[str, Any] | None, place_kind: str | None, attributes: dict[str, Any], kept: str | None
) -> None:
    report = IncidentReport.model_validate(
        {"type": "fight", "occurred_at": "2026-11-20T20:00:00Z", "place": place, "attributes": attributes}
    )
    assert hexagon_of(report, place_kind) == kept


def test_an_outline_is_a_closed_ring_around_the_middle() -> None:
    ring = outline(HERE)
    assert ring[0] == ring[-1]
    lat, lon = middle(HERE)
    assert min(x for x, _ in ring) < lon < max(x for x, _ in ring)
    assert min(y for _, y in ring) < lat < max(y for _, y in ring)
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
    assert area > 0  # counter-clockwise


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "give counter, near_repeat or both"),
        (OFTEN | {"bands": {"late": "22:00-02:00", "night": "01:30-05:00"}}, "late and night overlap at 01:30"),
        (OFTEN | {"bands": {"day": "08:00-12:00"}}, "day is what the other bands leave"),
        (OFTEN | {"bands": {"late": "22-2"}}, "'22-2' is not a band of the day such as 23:00-06:00"),
        (OFTEN | {"hexagon": 10}, "less than or equal to 9"),
        (OFTEN | {"types": []}, "at least 1 item"),
    ],
    ids=["no flag", "overlap", "the rest's name", "no hours", "too fine", "no types"],
)
def test_a_policy_that_can_not_be_meant_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        policy(**fields)
