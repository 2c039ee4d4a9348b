"""Whom a message is handed to next, and who is asked first: tables over what the providers said so far."""

from datetime import UTC, datetime, timedelta

import pytest

from rules import handover
from rules.handover import Came, Try

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BOTH = ["notify", "twilio"]


def tries(*said: tuple[str, str]) -> tuple[Try, ...]:
    found: tuple[Try, ...] = ()
    for second, (provider, came) in enumerate(said):
        found = handover.added(found, Try(provider=provider, came=Came(came), at=NOON + timedelta(seconds=second)))
    return found


@pytest.mark.parametrize(
    ("said", "avoided", "order"),
    [
        ([], set(), "notify twilio"),
        ([], {"notify"}, "twilio notify"),
        ([], {"notify", "twilio"}, "notify twilio"),
        ([("notify", "failed")], set(), "notify twilio"),
        ([("notify", "refused")], set(), "twilio"),
        ([("notify", "refused")], {"twilio"}, "twilio"),
        ([("notify", "refused"), ("twilio", "refused")], set(), ""),
        ([("notify", "unknown")], set(), "twilio notify"),
        ([("notify", "unknown"), ("notify", "absent")], set(), "twilio notify"),
        ([("notify", "unknown"), ("notify", "absent"), ("notify", "failed")], set(), "notify twilio"),
        ([("notify", "unknown"), ("twilio", "failed")], {"twilio"}, "notify twilio"),
    ],
)
def test_who_is_tried_and_in_which_order(said: list[tuple[str, str]], avoided: set[str], order: str) -> None:
    assert " ".join(handover.in_order(BOTH, tries(*said), avoided=avoided)) == order


@pytest.mark.parametrize(
    ("said", "second"),
    [
        ([], None),
        ([("notify", "failed")], None),
        ([("notify", "failed"), ("notify", "unknown"), ("twilio", "absent"), ("notify", "unknown")], 1),
        ([("notify", "unknown"), ("notify", "failed")], 0),
        ([("notify", "unknown"), ("notify", "absent")], None),
        ([("notify", "unknown"), ("notify", "absent"), ("notify", "unknown")], 2),
    ],
)
def test_only_the_providers_own_word_ends_a_doubt(said: list[tuple[str, str]], second: int | None) -> None:
    since = handover.doubted_since(tries(*said), "notify")
    assert since == (None if second is None else NOON + timedelta(seconds=second))


def test_what_is_merely_repeated_is_counted() -> None:
    found = tries(*([("notify", "failed"), ("twilio", "failed")] * 200))
    assert [(each.provider, each.times) for each in found] == [("notify", 200), ("twilio", 200)]
    assert found[0].at == NOON
    assert found[0].last == NOON + timedelta(seconds=398)


def test_patience_with_a_doubt_ends() -> None:
    patience = timedelta(seconds=5)
    assert handover.waits_on([NOON], NOON + timedelta(seconds=4.9), patience)
    assert not handover.waits_on([NOON], NOON + patience, patience)
    assert not handover.waits_on([], NOON, patience)
