"""Every rota in docs/rotas.md reads, and does what the page says of it."""

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter

from rules import rotation
from rules.faults import read_yaml
from rules.layers import AnySpec, LayeredSpec
from rules.rotation import RotaSpec

LONDON = ZoneInfo("Europe/London")
PAGE = (Path(__file__).parents[2] / "docs" / "rotas.md").read_text(encoding="utf-8")
ROTAS = dict(
    zip(
        ("one", "leaves", "office", "twelve", "nights", "elsewhere"),
        re.findall(r"```yaml\n(?!workers:)(.*?)```", PAGE, re.DOTALL),
        strict=True,
    )
)


def rota(name: str) -> RotaSpec | LayeredSpec:
    found: RotaSpec | LayeredSpec = TypeAdapter(AnySpec).validate_python(read_yaml(ROTAS[name]))
    return found


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


@pytest.mark.parametrize(
    ("name", "moment", "order"),
    [
        ("one", "2026-01-13T12:00", ["ben", "amina"]),
        ("leaves", "2026-06-30T12:00", ["ben", "chidi", "amina"]),
        ("leaves", "2026-07-01T12:00", ["chidi", "amina"]),
        ("leaves", "2026-07-06T09:00", ["chidi", "amina"]),
        ("office", "2026-04-02T12:00", ["amina", "hana", "ben", "owen"]),
        ("office", "2026-04-02T18:00", ["hana", "owen"]),
        ("office", "2026-04-03T08:59", ["hana", "owen"]),
        ("office", "2026-04-03T12:00", ["farah", "hana", "grace", "erin", "owen"]),
        ("office", "2026-04-04T12:00", ["chidi", "hana", "dana", "owen"]),
        ("office", "2026-04-07T08:59", ["farah", "owen", "grace", "erin", "hana"]),
        ("twelve", "2026-01-05T08:00", ["owen", "farah", "priya"]),
        ("twelve", "2026-01-05T20:00", ["farah", "priya", "owen"]),
        ("nights", "2026-01-09T20:00", ["leroy", "sian", "wanjiru"]),
        ("nights", "2026-01-11T03:59", ["leroy", "sian", "wanjiru"]),
        ("nights", "2026-01-11T04:00", []),
        ("nights", "2026-01-16T21:00", ["sian", "wanjiru", "leroy"]),
        # Nothing was read yet.
        ("elsewhere", "2026-01-05T12:00", ["priya", "owen"]),
    ],
)
def test_an_example_pages_whom_the_page_says(name: str, moment: str, order: list[str]) -> None:
    assert rotation.page_order(rota(name), [], at=at(moment), zone=LONDON) == order


@pytest.mark.parametrize("name", ["one", "leaves", "office", "twelve", "nights"])
def test_no_example_has_a_gap_in_its_year(name: str) -> None:
    assert rotation.gaps(rota(name), [], start=at("2026-01-12T00:00"), end=at("2027-01-12T00:00"), zone=LONDON) == []


def test_the_nights_of_the_change_are_an_hour_longer_and_shorter() -> None:
    lengths = {
        f"{shift.starts_at.astimezone(LONDON):%d %b}": (shift.ends_at - shift.starts_at).total_seconds() / 3600
        for day in ("2026-03-28", "2026-10-24")
        for shift in rotation.shifts(rota("twelve"), start=at(f"{day}T21:00"), end=at(f"{day}T22:00"), zone=LONDON)
    }
    assert lengths == {"28 Mar": 11, "24 Oct": 13}
