"""Several layers in one rota: the first that has somebody on call is asked, and every question names the same person."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from rules import rotation
from rules.layers import LayeredSpec, Shift, ready
from rules.rotation import Override, OverrideKind
from tests.rules.layered import LONDON, NIGHTS, STARTS, at, read

OFFICE: dict[str, Any] = {
    "name": "Office hours",
    "rotation": "weekly",
    "handover": "Mon 09:00",
    "starts": STARTS,
    "workers": ["amina", "ben"],
    "only": {"weekdays": "mon-fri", "hours": "09:00-17:00"},
    "never": {"holidays": "GB-ENG"},
}
WEEKEND: dict[str, Any] = {
    "name": "Weekends",
    "rotation": "weekly",
    "handover": "Mon 09:00",
    "starts": STARTS,
    "workers": ["chidi", "dana"],
    "only": {"weekdays": "sat,sun"},
    "never": {"holidays": "GB-ENG"},
}
HOLIDAYS: dict[str, Any] = {
    "name": "Bank holidays",
    "rotation": "daily",
    "handover": "00:00",
    "starts": STARTS,
    "workers": ["erin", "farah"],
    "only": {"holidays": "GB-ENG"},
}
CITY = {"layers": [OFFICE, WEEKEND, HOLIDAYS, NIGHTS]}


@pytest.mark.parametrize(
    ("moment", "order"),
    [
        # An ordinary day: the office, and behind it whoever has the night anyway, then the rest of both.
        ("2026-04-01T12:00", ["amina", "grace", "ben", "hana"]),
        ("2026-04-01T08:59", ["grace", "hana"]),
        ("2026-04-01T09:00", ["amina", "grace", "ben", "hana"]),
        ("2026-04-01T16:59", ["amina", "grace", "ben", "hana"]),
        ("2026-04-01T17:00", ["grace", "hana"]),
        # Good Friday and Easter Monday are holidays; the Saturday between is an ordinary Saturday.
        ("2026-04-03T12:00", ["erin", "grace", "farah", "hana"]),
        ("2026-04-04T12:00", ["chidi", "grace", "dana", "hana"]),
        ("2026-04-06T12:00", ["farah", "hana", "erin", "grace"]),
        ("2026-04-07T00:00", ["hana", "grace"]),
        # The Sunday that is 23 hours long, around its change, and the one that is 25.
        ("2026-03-28T23:59", ["dana", "hana", "chidi", "grace"]),
        ("2026-03-29T00:59", ["dana", "hana", "chidi", "grace"]),
        ("2026-03-29T02:00", ["dana", "hana", "chidi", "grace"]),
        ("2026-03-29T23:59", ["dana", "hana", "chidi", "grace"]),
        ("2026-03-30T00:00", ["hana", "grace"]),
        ("2026-10-25T00:30:00+00:00", ["dana", "hana", "chidi", "grace"]),
        ("2026-10-25T01:30:00+00:00", ["dana", "hana", "chidi", "grace"]),
        ("2026-10-26T00:00", ["hana", "grace"]),
        ("2026-10-26T09:00", ["amina", "grace", "ben", "hana"]),
    ],
)
def test_the_first_layer_that_has_somebody_is_asked(moment: str, order: list[str]) -> None:
    spec = read(CITY)
    assert rotation.on_call(spec, [], at=at(moment), zone=LONDON) == order[:1]
    assert rotation.page_order(spec, [], at=at(moment), zone=LONDON) == order


def change(kind: OverrideKind, worker: str, instead_of: str | None = None) -> Override:
    return Override(
        kind=kind,
        worker=worker,
        instead_of=instead_of,
        starts_at=at("2026-04-01T12:00"),
        ends_at=at("2026-04-01T14:00"),
    )


@pytest.mark.parametrize(
    ("overrides", "order"),
    [
        # Taken off: the layer below has somebody.
        ([change(OverrideKind.REMOVE, "amina")], ["grace", "ben", "hana"]),
        ([change(OverrideKind.REMOVE, "grace")], ["amina", "ben", "hana"]),
        ([change(OverrideKind.REPLACE, "ben", "amina")], ["ben", "grace", "hana"]),
        # A swap with somebody of another layer.
        ([change(OverrideKind.REPLACE, "grace", "amina")], ["grace", "ben", "hana"]),
        ([change(OverrideKind.ADD, "zoe")], ["amina", "zoe", "grace", "ben", "hana"]),
        ([change(OverrideKind.REMOVE, "amina"), change(OverrideKind.REMOVE, "grace")], ["ben", "hana"]),
    ],
)
def test_overrides_change_whoever_is_asked(overrides: list[Override], order: list[str]) -> None:
    assert rotation.page_order(read(CITY), overrides, at=at("2026-04-01T13:00"), zone=LONDON) == order
    before = rotation.page_order(read(CITY), overrides, at=at("2026-04-01T11:59"), zone=LONDON)
    assert before == ["amina", "grace", "ben", "hana"]


def test_duties_are_cut_where_another_layer_takes_over() -> None:
    found = rotation.duties(read(CITY), [], start=at("2026-04-01T12:00"), end=at("2026-04-04T12:00"), zone=LONDON)
    assert [(duty.worker, duty.layer, f"{duty.starts_at.astimezone(LONDON):%a %H:%M}") for duty in found] == [
        ("amina", "Office hours", "Wed 09:00"),
        ("grace", "Evenings and nights", "Wed 17:00"),
        ("amina", "Office hours", "Thu 09:00"),
        ("grace", "Evenings and nights", "Thu 17:00"),
        ("erin", "Bank holidays", "Fri 00:00"),
        ("chidi", "Weekends", "Sat 00:00"),
    ]


GAPPED = {"layers": [OFFICE, WEEKEND]}


@pytest.mark.parametrize(
    ("covers", "expected"),
    [
        (
            None,
            [
                ("Wed 01 00:00", "Wed 01 09:00"),
                ("Wed 01 17:00", "Thu 02 09:00"),
                ("Thu 02 17:00", "Sat 04 00:00"),
                # Easter Monday is neither: nobody until Tuesday morning.
                ("Mon 06 00:00", "Tue 07 00:00"),
            ],
        ),
        # Only what the team promises is a gap.
        ({"hours": "09:00-17:00"}, [("Fri 03 09:00", "Fri 03 17:00"), ("Mon 06 09:00", "Mon 06 17:00")]),
        ({"hours": "08:00-17:00", "weekdays": "thu"}, [("Thu 02 08:00", "Thu 02 09:00")]),
        ({"weekdays": "fri,sat,sun,mon"}, [("Fri 03 00:00", "Sat 04 00:00"), ("Mon 06 00:00", "Tue 07 00:00")]),
    ],
)
def test_a_gap_is_where_somebody_must_be_on_call_and_nobody_is(
    covers: dict[str, str] | None, expected: list[tuple[str, str]]
) -> None:
    spec = read(GAPPED | ({"covers": covers} if covers else {}))
    found = rotation.gaps(spec, [], start=at("2026-04-01T00:00"), end=at("2026-04-07T00:00"), zone=LONDON)
    assert [tuple(f"{m.astimezone(LONDON):%a %d %H:%M}" for m in (g.starts_at, g.ends_at)) for g in found] == expected


def test_a_calendars_shifts_are_a_layer_like_another() -> None:
    spec = read(
        {"layers": [{"name": "E-roster", "source": {"ical": "roster.ics"}, "workers": ["amina", "ben"]}, NIGHTS]}
    )
    shift = Shift(worker="ben", starts_at=at("2026-04-01T08:00"), ends_at=at("2026-04-01T20:00"))
    second = Shift(worker="amina", starts_at=at("2026-04-01T18:00"), ends_at=at("2026-04-02T08:00"))
    asked = ready(spec, {"E-roster": [second, shift]})
    expected = {
        "2026-04-01T07:59": ["grace", "hana"],
        "2026-04-01T08:00": ["ben", "grace", "amina", "hana"],
        "2026-04-01T19:00": ["ben", "amina", "grace", "hana"],
        "2026-04-01T20:00": ["amina", "grace", "ben", "hana"],
        "2026-04-02T08:00": ["grace", "hana"],
    }
    assert {m: rotation.page_order(asked, [], at=at(m), zone=LONDON) for m in expected} == expected
    # Not read yet: the layer below has it.
    assert rotation.on_call(spec, [], at=at("2026-04-01T12:00"), zone=LONDON) == ["grace"]
    found = rotation.duties(asked, [], start=at("2026-04-01T10:00"), end=at("2026-04-01T19:00"), zone=LONDON)
    assert [(d.worker, d.starts_at, d.ends_at) for d in found] == [
        ("ben", shift.starts_at, shift.ends_at),
        ("amina", second.starts_at, second.ends_at),
    ]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"layers": []}, "at least 1"),
        ({"layers": [OFFICE, OFFICE]}, "two layers are called Office hours"),
        ({"layers": [OFFICE, {k: v for k, v in NIGHTS.items() if k != "name"}]}, "needs a name"),
        ({"layers": [OFFICE], "rest": "soon"}, "30m, 24h"),
        ({"layers": [OFFICE | {"handover": "Someday"}]}, "Mon 09:00"),
        ({"source": {"ical": "http://roster.example.org/a.ics"}, "workers": ["amina"]}, "https://"),
        ({"source": {"ical": "../secrets.ics"}, "workers": ["amina"]}, "without a path"),
        ({"source": {"ical": "roster.ics", "handover": "nine"}, "workers": ["amina"]}, "'09:00'"),
        ({"source": {"ical": "roster.ics", "match": "hair"}, "workers": ["amina"]}, "'email', 'name' or 'slug'"),
        ({"source": {"ical": "roster.ics"}}, "workers"),
    ],
)
def test_layers_that_can_not_be_read_say_what_would_be_right(document: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        read(document)


def test_a_fault_in_a_layer_is_named_where_it_stands() -> None:
    with pytest.raises(ValidationError) as refusal:
        read({"layers": [OFFICE, NIGHTS | {"handover": "Someday"}, WEEKEND | {"only": {"hours": "late"}}]})
    assert [error["loc"] for error in refusal.value.errors()] == [("layers", 1), ("layers", 2, "only", "hours")]


def test_a_calendar_may_stand_alone_as_a_rota() -> None:
    spec = read({"source": {"ical": "roster.ics", "match": "slug"}, "workers": ["amina"], "rest": "11h"})
    assert isinstance(spec, LayeredSpec)
    assert (spec.workers, spec.rest) == (["amina"], timedelta(hours=11))
    assert read(spec.model_dump(mode="json")) == spec
