"""The breaker: a table over failures, successes, questions and time."""

import pytest

from rules import breaker
from rules.breaker import IN_A_ROW, RESTS, WINDOW, Breaker


def after(*events: tuple[str, float]) -> Breaker:
    found = Breaker()
    for what, at in events:
        if what == "worked":
            found = breaker.worked()
        else:
            found = breaker.failed(found, at) if what == "failed" else breaker.probed(found, at)
    return found


FAILURES = [("failed", float(second)) for second in range(IN_A_ROW)]


@pytest.mark.parametrize(
    ("events", "is_open"),
    [
        ([], False),
        (FAILURES[:-1], False),
        (FAILURES, True),
        ([*FAILURES[:-1], ("worked", 2.0), ("failed", 3.0)], False),
        ([*FAILURES[:-1], ("failed", WINDOW + 1)], False),
        ([*FAILURES, ("worked", 5.0)], False),
        ([*FAILURES, ("probed", 20.0)], False),
        ([*FAILURES, ("probed", 20.0), ("failed", 21.0)], True),
        ([*FAILURES, ("probed", 20.0), ("worked", 21.0), ("failed", 22.0)], False),
        ([("probed", 1.0), ("failed", 2.0)], False),
    ],
)
def test_it_opens_after_failures_in_a_row_and_half_opens_after_an_answer(
    events: list[tuple[str, float]], is_open: bool
) -> None:
    assert after(*events).is_open is is_open


def test_it_is_asked_only_after_a_rest_and_each_failure_prolongs_it() -> None:
    opened = after(*FAILURES)
    last = float(IN_A_ROW - 1)
    assert not opened.is_to_be_probed(last + RESTS - 0.1)
    assert opened.is_to_be_probed(last + RESTS)
    again = breaker.failed(opened, last + RESTS)
    assert not again.is_to_be_probed(last + RESTS + 1)
    assert not Breaker().is_to_be_probed(1e9)
