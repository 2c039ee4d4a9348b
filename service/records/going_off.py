"""A worker can't answer any more, because they went off or texted STOP: what they were asked for goes to others."""

from datetime import datetime, timedelta

from service.models.errands import Errand, ErrandKind
from service.models.tasks import Task
from service.records import errands, paging, people, tasks, transitions
from service.work import Work

# Whoever had begun to page them before this was known has nearly always committed by then: a wait for one lock ends after fifteen
# seconds (database.WAITING).
MEANWHILE = timedelta(seconds=20)
# By how much the clock of such a page may be ahead: it began in the moment in which this was being written down.
MOMENT = timedelta(seconds=2)


def hand_on(work: Work, worker: str) -> None:
    """What a worker was paged for and has not answered goes to the next step at once, and a little later what they were paged
    for by somebody who did not know of it yet."""
    errands.put(work, ErrandKind.AWAY, work.now + MEANWHILE, subject=worker)
    for task in _held(work, worker):
        if _is_asked(work, task, worker, until=work.now):
            transitions.lose(work, task, worker)


def look_again(work: Work, errand: Errand) -> None:
    """The moment is over. Whoever is back meanwhile keeps what they were asked for, and so does who is paged because nobody
    else is left: there is no step after that one."""
    worker, until = errand.subject, errand.due_at - MEANWHILE + MOMENT
    if worker not in people.away(work):
        return
    for task in _held(work, worker):
        if paging.next_level(task) > task.level and _is_asked(work, task, worker, until=until):
            transitions.lose(work, task, worker)


def _held(work: Work, worker: str) -> list[Task]:
    # In the order in which everybody locks who locks several.
    return [tasks.lock(work, task_id) for task_id in sorted(task.id for task in tasks.sought(work, worker))]


def _is_asked(work: Work, task: Task, worker: str, *, until: datetime) -> bool:
    """Whether a page to a worker that was written by a moment still waits for their answer."""
    pages = paging.pages_of(work, task)
    return any(page.worker == worker and page.outcome is None and page.at <= until for page in pages)
