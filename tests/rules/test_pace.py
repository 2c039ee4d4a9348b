"""The pace: whatever the demand, no rolling minute holds more than the provider takes, and nearly all of it is used."""

import pytest

from rules import pace


@pytest.mark.parametrize("step", [0.01, 0.25, 1.0, 7.0])
def test_no_rolling_minute_holds_more_than_is_taken(step: float) -> None:
    bucket, now, sent = pace.full(300, 0.0), 0.0, []
    while now < 240:
        while bucket.at_moment(now).left >= 1:
            bucket = bucket.spent(now)
            sent.append(now)
        now += step
    for begin in range(0, 180, 3):
        within = len([moment for moment in sent if begin <= moment < begin + 60])
        assert within <= 300
    assert len([moment for moment in sent if 120 <= moment < 180]) >= 210


def test_what_must_go_goes_and_is_paid_back() -> None:
    bucket = pace.full(4, 0.0)
    for _ in range(3):
        bucket = bucket.spent(0.0)
    assert bucket.left == -2
    assert bucket.at_moment(39.0).left < 0
    assert bucket.at_moment(61.0).left == pytest.approx(1.0, abs=0.1)
