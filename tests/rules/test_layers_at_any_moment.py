"""Layers drawn by chance: every question about a rota gets the same answer at every moment, the clock changes included."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules import rotation
from rules.layers import LayeredSpec
from rules.rotation import Override, OverrideKind
from tests.rules.layered import LONDON, NIGHTS, STARTS, at, read

PEOPLE = ["amina", "ben", "chidi", "dana"]
MOMENTS = st.datetimes(datetime(2026, 2, 1), datetime(2027, 12, 1)).map(lambda naive: naive.replace(tzinfo=UTC))
# Half of the periods hold a change of the clocks.
STARTS_OF_PERIODS = st.one_of(
    MOMENTS,
    st.sampled_from([at("2026-03-28T18:00"), at("2026-10-24T18:00"), at("2027-03-27T18:00"), at("2027-10-30T18:00")]),
)
HOURS = st.builds(lambda a, b: f"{a:%H:%M}-{b:%H:%M}", st.times(), st.times())
WINDOWS = st.fixed_dictionaries(
    {},
    optional={
        "weekdays": st.lists(st.sampled_from(["mon", "tue", "fri", "sat", "sun"]), min_size=1, unique=True),
        "hours": HOURS,
        "holidays": st.just("GB-ENG"),
    },
).filter(bool)


@st.composite
def layers(draw: st.DrawFn) -> LayeredSpec:
    """Layers with restrictions over one that has none."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        length = draw(st.sampled_from(["4h", "12h", "1d", "3d", "7d"]))
        found.append(
            {
                "name": f"layer {number}",
                "shift": length,
                "handover": f"{draw(st.times()):%H:%M}",
                "starts": STARTS,
                "workers": draw(st.permutations(PEOPLE)),
                "only": draw(st.none() | WINDOWS),
                "never": draw(st.none() | WINDOWS),
            }
        )
    spec = read({"layers": [*found, NIGHTS]})
    assert isinstance(spec, LayeredSpec)
    return spec


@given(layers(), MOMENTS)
def test_over_a_layer_without_restrictions_exactly_one_is_on_call_at_every_moment(
    spec: LayeredSpec, moment: datetime
) -> None:
    assert len(rotation.on_call(spec, [], at=moment, zone=LONDON)) == 1


@given(layers(), STARTS_OF_PERIODS, st.timedeltas(timedelta(hours=1), timedelta(days=12)))
def test_duties_of_all_layers_together_leave_no_gap_and_no_overlap(
    spec: LayeredSpec, start: datetime, length: timedelta
) -> None:
    found = rotation.duties(spec, [], start=start, end=start + length, zone=LONDON)
    assert found[0].starts_at <= start
    assert found[-1].ends_at >= start + length
    for one, other in pairwise(found):
        assert one.ends_at == other.starts_at
    for duty in found:
        for moment in (duty.starts_at, duty.ends_at - timedelta(microseconds=1)):
            assert rotation.on_call(spec, [], at=moment, zone=LONDON) == [duty.worker]
    again = rotation.duties(spec, [], start=start + length / 2, end=start + length, zone=LONDON)
    assert set(again) <= set(found), "a duty is the same whichever period is asked about"


DRAWN = st.lists(
    st.tuples(st.sampled_from(OverrideKind), st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.integers(0, 100)),
    max_size=4,
)


@given(layers(), STARTS_OF_PERIODS, DRAWN, st.none() | WINDOWS)
def test_coverage_gaps_and_duties_say_the_same_as_asking_at_each_moment(
    spec: LayeredSpec,
    start: datetime,
    drawn: list[tuple[OverrideKind, str, str, int]],
    covers: dict[str, Any] | None,
) -> None:
    spec = LayeredSpec.model_validate({"layers": list(spec.layers[:-1]), "covers": covers})
    overrides = [
        Override(
            kind=kind,
            worker=worker,
            instead_of=other if kind is OverrideKind.REPLACE else None,
            starts_at=start + timedelta(hours=hours),
            ends_at=start + timedelta(hours=hours + 9),
        )
        for kind, worker, other, hours in drawn
    ]
    end = start + timedelta(days=5)
    period: dict[str, Any] = {"start": start, "end": end, "zone": LONDON}
    spans = rotation.coverage(spec, overrides, **period)
    assert (spans[0].starts_at, spans[-1].ends_at) == (start, end)
    duties = rotation.duties(spec, overrides, **period)
    gaps = rotation.gaps(spec, overrides, **period)
    if covers is None:
        assert gaps == [span for span in spans if span.worker is None]
    moments = {start + timedelta(hours=5 * n) for n in range(24)}
    moments |= {span.starts_at for span in spans} | {span.ends_at - timedelta(microseconds=1) for span in spans}
    for moment in moments:
        now = rotation.on_call(spec, overrides, at=moment, zone=LONDON)
        covering = next(span.worker for span in spans if span.starts_at <= moment < span.ends_at)
        assert covering == next(iter(now), None)
        on_duty = [duty.worker for duty in duties if duty.starts_at <= moment < duty.ends_at]
        assert sorted(on_duty) == sorted(now)
        assert not now or not any(gap.starts_at <= moment < gap.ends_at for gap in gaps)
        assert rotation.page_order(spec, overrides, at=moment, zone=LONDON)[: len(now)] == now
