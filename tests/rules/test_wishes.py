"""Hours as people type them, and what is left unread rather than guessed."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import wishes

NIGHT = (time(22), time(7))


@pytest.mark.parametrize(
    ("words", "hours"),
    [
        ("22:00-07:00", NIGHT),
        ("22.00 - 7.00", NIGHT),
        ("2200-0700", NIGHT),
        ("22-7", NIGHT),
        ("22 to 7", NIGHT),
        ("22\u20137", NIGHT),
        ("10pm-7am", NIGHT),
        ("10 PM until 7 AM", NIGHT),
        ("from 10pm to 7am", NIGHT),
        ("9:30am-12pm", (time(9, 30), time(12))),
        ("12am-6am", (time(0), time(6))),
        ("18:00-24:00", (time(18), time(0))),
        ("10-7am", None),
        ("10pm-7", None),
        ("13pm-7am", None),
        ("0am-7am", None),
        ("25-7", None),
        ("24:30-7", None),
        ("22:60-7", None),
        ("22-22", None),
        ("00:00-24:00", None),
        ("22", None),
        ("22-7 weekdays", None),
        ("", None),
    ],
)
def test_hours_are_read_where_they_are_certain(words: str, hours: tuple[time, time] | None) -> None:
    assert wishes.hours(words) == hours


@given(st.times(), st.times())
def test_hours_that_are_written_out_are_read_as_they_are(start: time, end: time) -> None:
    start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    assert wishes.hours(f"{start:%H:%M}-{end:%H:%M}") == (None if start == end else (start, end))


def test_only_words_for_it_end_the_hours() -> None:
    assert wishes.is_never("Off")
    assert not wishes.is_never("on")
