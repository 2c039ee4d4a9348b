"""A worker can't answer any more, because they went off or texted STOP: what they were asked for goes to others."""

from datetime import timedelta

from service.models.errands import Errand, ErrandKind
from service.records import errands, people, tasks, transitions
from service.work import Work

# Whoever had begun to page them before this was known has committed by then, or waited too long for a lock (database.WAITING).
MEANWHILE = timedelta(seconds=20)


def hand_on(work: Work, worker: str) -> None:
    """What a worker was paged for and has not answered goes to the next step at once, and in a moment what they were paged for
    by somebody who did not know of it yet."""
    _hand_on(work, worker)
    errands.put(work, ErrandKind.AWAY, work.now + MEANWHILE, subject=worker)


def look_again(work: Work, errand: Errand) -> None:
    """The moment is over. Whoever is back meanwhile keeps what they were asked for."""
    if errand.subject in people.away(work):
        _hand_on(work, errand.subject)


def _hand_on(work: Work, worker: str) -> None:
    # In the order in which everybody locks who locks several.
    for task_id in sorted(task.id for task in tasks.sought(work, worker)):
        transitions.lose(work, tasks.lock(work, task_id), worker)
