"""Things done in one go: each once, together under load, and none lost or held up by one that fails."""

import threading

import pytest

from service.gathered import Gathered


def test_what_comes_while_a_batch_is_done_is_done_together() -> None:
    batches: list[list[int]] = []
    begun, go_on = threading.Event(), threading.Event()

    def together(batch: list[int]) -> None:
        batches.append(sorted(batch))
        begun.set()
        go_on.wait(5)

    gathered = Gathered(together)
    threads = [threading.Thread(target=gathered.do, args=(0,))]
    threads[0].start()
    assert begun.wait(5)
    waiting = [threading.Thread(target=gathered.do, args=(number,)) for number in range(1, 6)]
    for thread in waiting:
        thread.start()
    while len(gathered._waiting) < 5:
        threading.Event().wait(0.01)
    go_on.set()
    for thread in [*threads, *waiting]:
        thread.join(5)
    assert batches == [[0], [1, 2, 3, 4, 5]]


def test_one_that_fails_harms_no_other_and_its_own_caller_hears() -> None:
    done: list[str] = []
    raised: list[str] = []

    def together(batch: list[str]) -> None:
        if "bad" in batch:
            raise ValueError("bad")
        done.extend(batch)

    gathered = Gathered(together)

    def do(thing: str) -> None:
        try:
            gathered.do(thing)
        except ValueError:
            raised.append(thing)

    things = ["bad" if number == 7 else f"good {number}" for number in range(40)]
    threads = [threading.Thread(target=do, args=(thing,)) for thing in things]
    with gathered._turn:
        for thread in threads:
            thread.start()
        while len(gathered._waiting) < len(things):
            threading.Event().wait(0.01)
    for thread in threads:
        thread.join(5)
    assert raised == ["bad"]
    assert sorted(done) == sorted(thing for thing in things if thing != "bad")


def test_alone_it_is_done_at_once_and_raises() -> None:
    def together(batch: list[int]) -> None:
        raise ValueError(str(batch))

    with pytest.raises(ValueError, match=r"\[1\]"):
        Gathered(together).do(1)
