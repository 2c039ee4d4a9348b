"""Which step comes after which, whom it pages, and that a chain is never exhausted."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rules import escalation
from rules.escalation import Chosen, NextStep, Step

STEPS = [
    Step.model_validate(step)
    for step in (
        {"page": "on-call", "by": ["sms"]},
        {"after": "5m", "page": "on-call", "by": ["voice"]},
        {"after": "10m", "page": "backup", "by": ["sms", "voice"]},
        {"after": "20m", "page": "lead", "by": ["sms", "email"]},
        {"after": "30m", "page": "duty", "by": ["sms"], "repeat": "15m"},
    )
]
PEOPLE: dict[str, Any] = {
    "on_call": ["amina"],
    "backups": ["ben", "chidi"],
    "lead": "grace",
    "team": ["amina", "ben", "chidi", "grace"],
    "duty": ["dana", "priya"],
    "declined": set(),
    "away": set(),
}


@pytest.mark.parametrize(
    ("level", "following", "minutes"),
    [(-1, 0, 0), (0, 1, 5), (1, 2, 5), (2, 3, 10), (3, 4, 10), (4, 4, 15), (9, 4, 15)],
)
def test_the_wait_is_the_gap_between_two_steps_and_the_last_one_repeats(
    level: int, following: int, minutes: int
) -> None:
    assert escalation.following(STEPS, level) == NextStep(following, timedelta(minutes=minutes))


def test_the_last_step_repeats_even_when_it_does_not_say_how_often() -> None:
    only = [Step.model_validate({"page": "duty", "by": ["sms"]})]
    assert escalation.following(only, 0) == NextStep(0, timedelta(minutes=30))


@pytest.mark.parametrize(
    ("page", "changes", "workers", "reason"),
    [
        ("on-call", {}, ("amina",), "on-call"),
        ("on-call", {"on_call": []}, (), "nobody is on call"),
        ("on-call", {"away": {"amina"}}, (), "amina is off"),
        ("on-call", {"declined": {"amina"}}, (), "amina passed"),
        ("backup", {}, ("ben",), "backup"),
        ("backup", {"declined": {"ben"}}, ("chidi",), "backup"),
        ("backup", {"backups": []}, (), "no backup"),
        ("lead", {}, ("grace",), "lead"),
        ("lead", {"lead": None}, (), "no lead"),
        ("team", {"away": {"ben"}}, ("amina", "chidi", "grace"), "team"),
        ("team", {"team": []}, (), "no members"),
        ("duty", {}, ("dana",), "duty manager"),
        ("duty", {"away": {"dana"}}, ("priya",), "duty manager"),
        ("duty", {"declined": {"dana", "priya"}}, ("dana",), "duty manager"),
        ("duty", {"away": {"dana", "priya"}}, ("dana", "priya"), "all of them are paged"),
    ],
)
def test_a_step_pages(page: str, changes: dict[str, Any], workers: tuple[str, ...], reason: str) -> None:
    step = Step.model_validate({"page": page, "by": ["sms"]})
    found = escalation.recipients(step, **(PEOPLE | changes))
    assert found.workers == workers
    assert reason in found.reason


NAMES = st.sets(st.sampled_from(["amina", "ben", "chidi", "grace", "dana", "priya"]))


@given(NAMES, NAMES)
def test_the_duty_managers_step_always_pages_somebody(declined: set[str], away: set[str]) -> None:
    found = escalation.recipients(STEPS[-1], **(PEOPLE | {"declined": declined, "away": away}))
    assert found.workers


@given(st.sampled_from(STEPS[:-1]), NAMES, NAMES)
def test_nobody_is_paged_who_passed_or_is_away(step: Step, declined: set[str], away: set[str]) -> None:
    found: Chosen = escalation.recipients(step, **(PEOPLE | {"declined": declined, "away": away}))
    assert not set(found.workers) & (declined | away)
    assert found.reason


@pytest.mark.parametrize(
    "wrong",
    [
        {"page": "nobody", "by": ["sms"]},
        {"page": "lead", "by": []},
        {"page": "lead", "by": ["fax"]},
        {"page": "lead", "by": ["sms"], "after": "soon"},
        {"page": "lead", "by": ["sms"], "needs": 0},
        {"page": "lead", "by": ["sms"], "colour": 1},
    ],
)
def test_a_step_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Step.model_validate(wrong)
