"""Who is on call: hand-over by the clock on the wall through both clock changes, overrides, and never a gap between shifts."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rules import rotation
from rules.rotation import Override, OverrideKind, RotaSpec

LONDON = ZoneInfo("Europe/London")
PEOPLE = ["amina", "ben", "chidi"]


def rota(kind: str = "weekly", handover: str = "Mon 09:00", workers: list[str] | None = None) -> RotaSpec:
    return RotaSpec.model_validate(
        {"rotation": kind, "handover": handover, "starts": date(2026, 1, 5), "workers": workers or PEOPLE}
    )


def at(text: str) -> datetime:
    """An instant, from the time on the clocks in London unless it says otherwise."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=LONDON)


@pytest.mark.parametrize(
    ("moment", "worker"),
    [
        ("2026-01-05T08:59", None),
        ("2026-01-05T09:00", "amina"),
        ("2026-01-12T08:59", "amina"),
        ("2026-01-12T09:00", "ben"),
        ("2026-01-19T09:00", "chidi"),
        ("2026-01-26T09:00", "amina"),
        # The week in which the clocks go forward, and the one in which they go back: still at nine.
        ("2026-03-30T08:59", "chidi"),
        ("2026-03-30T09:00", "amina"),
        ("2026-10-26T08:59", "chidi"),
        ("2026-10-26T09:00", "amina"),
        ("2026-10-25T01:30", "chidi"),
    ],
)
def test_a_weekly_rota_hands_over_by_the_clock_on_the_wall(moment: str, worker: str | None) -> None:
    assert rotation.on_call(rota(), [], at=at(moment), zone=LONDON) == ([worker] if worker else [])


@pytest.mark.parametrize(
    ("handover", "moment", "turn"),
    [
        ("01:30", "2026-03-29T00:59:00+00:00", "before"),
        # 01:30 does not exist on that night: the hand-over comes as far after the change, at 02:30 summer time.
        ("01:30", "2026-03-29T01:29:00+00:00", "before"),
        ("01:30", "2026-03-29T01:30:00+00:00", "after"),
        # 01:30 comes twice: the first of the two counts.
        ("01:30", "2026-10-25T00:29:00+00:00", "before"),
        ("01:30", "2026-10-25T00:30:00+00:00", "after"),
        ("01:30", "2026-10-25T01:30:00+00:00", "after"),
        ("16:00", "2026-10-25T15:59:00+00:00", "before"),
        ("16:00", "2026-10-25T16:00:00+00:00", "after"),
    ],
)
def test_a_daily_rota_on_the_nights_of_the_change(handover: str, moment: str, turn: str) -> None:
    spec = rota("daily", handover)
    days = (at(moment).astimezone(LONDON).date() - date(2026, 1, 5)).days
    expected = PEOPLE[(days if turn == "after" else days - 1) % 3]
    assert rotation.on_call(spec, [], at=at(moment), zone=LONDON) == [expected]


def change(kind: OverrideKind, worker: str, instead_of: str | None = None) -> Override:
    return Override(
        kind=kind,
        worker=worker,
        instead_of=instead_of,
        starts_at=at("2026-01-06T12:00"),
        ends_at=at("2026-01-06T18:00"),
    )


@pytest.mark.parametrize(
    ("overrides", "moment", "on_call", "order"),
    [
        ([], "2026-01-06T12:00", ["amina"], ["amina", "ben", "chidi"]),
        ([change(OverrideKind.REPLACE, "ben", "amina")], "2026-01-06T11:59", ["amina"], ["amina", "ben", "chidi"]),
        ([change(OverrideKind.REPLACE, "ben", "amina")], "2026-01-06T12:00", ["ben"], ["ben", "chidi"]),
        ([change(OverrideKind.REPLACE, "ben", "amina")], "2026-01-06T18:00", ["amina"], ["amina", "ben", "chidi"]),
        ([change(OverrideKind.REPLACE, "ben", "chidi")], "2026-01-06T13:00", ["amina"], ["amina", "ben"]),
        ([change(OverrideKind.ADD, "dana")], "2026-01-06T13:00", ["amina", "dana"], ["amina", "dana", "ben", "chidi"]),
        ([change(OverrideKind.ADD, "amina")], "2026-01-06T13:00", ["amina"], ["amina", "ben", "chidi"]),
        ([change(OverrideKind.REMOVE, "amina")], "2026-01-06T13:00", [], ["ben", "chidi"]),
        (
            [change(OverrideKind.REMOVE, "amina"), change(OverrideKind.ADD, "dana")],
            "2026-01-06T13:00",
            ["dana"],
            ["dana", "ben", "chidi"],
        ),
    ],
)
def test_an_override_counts_from_its_first_instant_up_to_its_last(
    overrides: list[Override], moment: str, on_call: list[str], order: list[str]
) -> None:
    assert rotation.on_call(rota(), overrides, at=at(moment), zone=LONDON) == on_call
    assert rotation.page_order(rota(), overrides, at=at(moment), zone=LONDON) == order


def test_the_backup_is_the_next_in_the_rota() -> None:
    assert rotation.page_order(rota(), [], at=at("2026-01-20T12:00"), zone=LONDON) == ["chidi", "amina", "ben"]


@pytest.mark.parametrize(
    ("kind", "handover", "says"),
    [
        ("weekly", "09:00", "Mon 09:00"),
        ("weekly", "Someday 09:00", "Mon 09:00"),
        ("weekly", "Mon 25:00", "Mon 09:00"),
        ("daily", "Mon 09:00", "'09:00'"),
        ("daily", "", "'09:00'"),
    ],
)
def test_a_handover_that_can_not_be_read_says_what_would_be_right(kind: str, handover: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        rota(kind, handover)


def test_nobody_is_in_a_rotation_twice() -> None:
    with pytest.raises(ValidationError, match="twice"):
        rota(workers=["amina", "amina"])


MOMENTS = st.datetimes(datetime(2026, 2, 1), datetime(2027, 12, 1)).map(lambda naive: naive.replace(tzinfo=UTC))
ROTAS = st.one_of(
    st.builds(lambda t, n: rota("daily", f"{t:%H:%M}", PEOPLE[:n]), st.times(), st.integers(1, 3)),
    st.builds(
        lambda d, t, n: rota("weekly", f"{d} {t:%H:%M}", PEOPLE[:n]),
        st.sampled_from(["Mon", "Wed", "Sun"]),
        st.times(),
        st.integers(1, 3),
    ),
)


@given(ROTAS, MOMENTS)
def test_at_every_moment_exactly_one_person_is_on_call(spec: RotaSpec, moment: datetime) -> None:
    assert len(rotation.on_call(spec, [], at=moment, zone=LONDON)) == 1
    order = rotation.page_order(spec, [], at=moment, zone=LONDON)
    assert sorted(order) == sorted(spec.workers)


@given(ROTAS, MOMENTS, st.timedeltas(timedelta(minutes=1), timedelta(days=40)))
def test_shifts_follow_each_other_without_gap_or_overlap(spec: RotaSpec, start: datetime, length: timedelta) -> None:
    found = rotation.shifts(spec, start=start, end=start + length, zone=LONDON)
    assert found[0].starts_at <= start < found[0].ends_at
    assert found[-1].starts_at < start + length <= found[-1].ends_at
    for one, other in pairwise(found):
        assert one.ends_at == other.starts_at
        assert len(spec.workers) == 1 or one.worker != other.worker
    for shift in found:
        for moment in (shift.starts_at, shift.ends_at - timedelta(microseconds=1)):
            assert rotation.on_call(spec, [], at=moment, zone=LONDON) == [shift.worker]
        hours = (shift.ends_at - shift.starts_at) / timedelta(hours=1)
        assert hours - spec.days * 24 in (-1, 0, 1), "a shift is longer or shorter only by the hour of the change"


@given(
    ROTAS,
    MOMENTS,
    st.lists(st.tuples(st.sampled_from(OverrideKind), st.sampled_from(PEOPLE), st.integers(0, 200)), max_size=4),
)
def test_coverage_says_the_same_as_asking_at_each_moment(
    spec: RotaSpec, start: datetime, drawn: list[tuple[OverrideKind, str, int]]
) -> None:
    overrides = [
        Override(
            kind=kind,
            worker=worker,
            instead_of=PEOPLE[0] if kind is OverrideKind.REPLACE else None,
            starts_at=start + timedelta(hours=hours),
            ends_at=start + timedelta(hours=hours + 9),
        )
        for kind, worker, hours in drawn
    ]
    end = start + timedelta(days=9)
    spans = rotation.coverage(spec, overrides, start=start, end=end, zone=LONDON)
    assert (spans[0].starts_at, spans[-1].ends_at) == (start, end)
    for one, other in pairwise(spans):
        assert one.ends_at == other.starts_at
        assert one.worker != other.worker
    for span in spans:
        for moment in (span.starts_at, span.ends_at - timedelta(microseconds=1)):
            first = next(iter(rotation.on_call(spec, overrides, at=moment, zone=LONDON)), None)
            assert first == span.worker
