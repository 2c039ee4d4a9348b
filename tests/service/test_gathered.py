"""Things done in one go: each once, together under load, and none lost or held up by one that fails."""

import threading
from concurrent.futures import Future, wait

import pytest

from service.gathered import Gathered

SECONDS = 5


class Writer:
    """Writes down what it is given, after `go_on`, and refuses what is "bad"."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def together(self, batch: list[str]) -> None:
        self.begun.set()
        assert self.go_on.wait(SECONDS)
        if "bad" in batch:
            raise ValueError("bad")
        self.batches.append(batch)


def given_while_busy(gathered: Gathered[str], writer: Writer, things: list[str]) -> "list[Future[None]]":
    """What was given while the first was being done."""
    first = gathered.give("first")
    assert writer.begun.wait(SECONDS)
    given = [gathered.give(thing) for thing in things]
    assert not any(each.done() for each in (first, *given))
    writer.go_on.set()
    return given


def test_what_comes_while_a_batch_is_done_is_done_together() -> None:
    writer = Writer()
    gathered = Gathered("writing", writer.together)
    gathered.start()
    wait(given_while_busy(gathered, writer, ["a", "b", "c"]), SECONDS)
    gathered.stop()
    assert writer.batches == [["first"], ["a", "b", "c"]]


def test_one_that_fails_harms_no_other_and_its_own_giver_hears() -> None:
    writer = Writer()
    gathered = Gathered("writing", writer.together)
    gathered.start()
    good, bad, other = given_while_busy(gathered, writer, ["good", "bad", "other"])
    with pytest.raises(ValueError, match="bad"):
        bad.result(SECONDS)
    good.result(SECONDS)
    other.result(SECONDS)
    gathered.stop()
    assert writer.batches == [["first"], ["good"], ["other"]]


def test_alone_it_is_done_at_once_and_a_failure_is_no_end() -> None:
    writer = Writer()
    writer.go_on.set()
    gathered = Gathered("writing", writer.together)
    gathered.start()
    with pytest.raises(ValueError, match="bad"):
        gathered.give("bad").result(SECONDS)
    gathered.give("good").result(SECONDS)
    gathered.stop()
    assert writer.batches == [["good"]]


def test_the_first_waits_for_company_and_who_stops_waits_for_none() -> None:
    writer = Writer()
    writer.go_on.set()
    gathered = Gathered("writing", writer.together, company=lambda: 10 * SECONDS)
    given = [gathered.give(thing) for thing in ("a", "b")]
    gathered.start()
    given += [gathered.give("c")]
    gathered.stop()
    assert writer.batches == [["a", "b", "c"]]
    assert all(each.done() for each in given)
