"""Due errands: each exactly once.

Nothing is sent from here: an errand that has something to say writes it to the outbox, which is sent under a lease
outside any transaction, like every message. What needs the network otherwise (calendars of other systems, lost texts,
the dead man's switch, the report of a test page) is done by the engine in a thread of its own.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from service.models.errands import Errand, ErrandKind
from service.records import duty_lists, errands, feeds, going_off, lone_workers, rota_watch, test_pages
from service.runtime import Runtime
from service.work import Work

log = structlog.get_logger()

BATCH = 10  # then the timers that are due meanwhile: a day's look at hundreds of rotas takes seconds
GROUP = 10

# What is done for each kind. The row goes afterwards, unless it was put to another time meanwhile.
DONE_BY: Mapping[ErrandKind, Callable[[Work, Errand], None]] = {
    ErrandKind.COVERAGE: rota_watch.check,
    ErrandKind.CHECK_IN: lone_workers.due,
    ErrandKind.DUTY_LIST: duty_lists.send,
    ErrandKind.AWAY: going_off.look_again,
    ErrandKind.FEED: feeds.look,
    ErrandKind.TEST_PAGE: test_pages.due,
}

# The errands that are always there, with when each falls due first; None: the settings do without it.
STANDING: Mapping[ErrandKind, Callable[[Work], datetime | None]] = {
    ErrandKind.COVERAGE: rota_watch.first_check,
    ErrandKind.DUTY_LIST: duty_lists.next_at,
    ErrandKind.TEST_PAGE: test_pages.next_at,
}

# What is to be ended where the settings begin to do without an errand.
ENDED_BY: Mapping[ErrandKind, Callable[[Work], None]] = {ErrandKind.TEST_PAGE: test_pages.switched_off}


def set_standing(runtime: Runtime) -> None:
    """Put the errands there that are always there, and take away those that the settings do without. Raises NotSetUp."""
    with runtime.reading() as work:
        wrong = [kind for kind, first in STANDING.items() if (first(work) is None) is bool(errands.get(work, kind))]
    if not wrong:
        return
    with runtime.transaction() as work:
        for kind in wrong:
            due_at = STANDING[kind](work)
            if due_at is None:
                errands.clear(work, kind)
                if kind in ENDED_BY:
                    ENDED_BY[kind](work)
            elif errands.get(work, kind) is None:
                errands.put(work, kind, due_at)


def run_due(runtime: Runtime) -> int:
    """Run the errands that are due, the one due longest first; how many there were, about a batch at most.

    They are taken in small groups, a transaction each: a day's look at the rotas is one errand for every team. Where one
    fails, as many are run one by one, so that it is known which of them it is.
    """
    done = alone = 0
    while done < BATCH and _due(runtime):
        keys: list[tuple[str, str]] = []
        try:
            with runtime.transaction() as work:
                while len(keys) < (1 if alone else GROUP) and (errand := errands.next_due(work)):
                    keys.append((errand.kind, errand.subject))
                    _run(work, errand)
        except Exception:
            if not keys:
                raise
            if not alone:
                alone = GROUP
                continue
            # One that can't be run must not stop the others.
            log.exception("errand failed", kind=keys[0][0])
            with runtime.transaction() as work:
                errands.put_off(work, keys[0])
        if not keys:
            break
        done += len(keys)
        alone = max(alone - 1, 0)
    return done


def _run(work: Work, errand: Errand) -> None:
    key, due_at = (errand.kind, errand.subject), errand.due_at
    DONE_BY[ErrandKind(errand.kind)](work, errand)
    errands.done(work, key, due_at)
    work.session.flush()


def _due(runtime: Runtime) -> bool:
    with runtime.looking() as work:
        first = errands.first_at(work)
        return first is not None and first <= work.now
