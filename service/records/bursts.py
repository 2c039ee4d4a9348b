"""Bursts: how much one worker is being asked for at once, so that one phone is not given a whole mass incident."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Boolean, bindparam
from sqlmodel import col, func, select

from rules.rulebook import Bursts
from service.asking import Question
from service.database import UtcDateTime
from service.models.tasks import Page, Task, TaskState
from service.partnership import DUTY_TEAM
from service.records import people
from service.work import Work

PAGES_A_TASK = 8  # more than any worker gets for one task within a burst
_asked = (
    select(Page.worker, Page.task_id, func.row_number().over(partition_by=col(Page.worker)).label("number"))
    .join(Task, col(Task.id) == col(Page.task_id))
    .where(
        col(Page.worker).in_(bindparam("workers", expanding=True)),
        col(Page.at) > bindparam("since", type_=UtcDateTime),
        col(Page.outcome).is_(None),
        Task.state == TaskState.OPEN.value,
        Task.drill == bindparam("drill", type_=Boolean),
    )
    .subquery()
)
ASKED = Question(select(_asked.c.worker, _asked.c.task_id).where(_asked.c.number <= bindparam("enough")))


def ask_ahead(work: Work, teams: Iterable[str], *, drill: bool) -> None:
    """Ask at once how much whoever is on call for some teams is asked for already: they may be paged in a moment."""
    workers = sorted({worker for team in teams for worker in people.on_call(work, team) if team != DUTY_TEAM})
    if not workers:
        return
    limit = work.policy.book.rulebook.bursts
    found: dict[str, set[str]] = {worker: set() for worker in workers}
    for worker, task in _asked_lately(work, workers, limit, drill):
        found[worker].add(task)
    for worker, tasks in found.items():
        work.session.remember(("asked", worker, drill), tasks, of=[Page])


def asked_for_enough(work: Work, worker: str, task: Task) -> bool:
    """Whether a worker is asked for as many others as one phone takes in a burst, so that the whole team is paged."""
    limit = work.policy.book.rulebook.bursts
    written = work.session.once(
        ("asked", worker, task.drill),
        lambda: {task_id for _, task_id in _asked_lately(work, [worker], limit, task.drill)},
        of=[Page],  # of the tasks, how they stood before this transaction is near enough
    )
    here = {page.task_id for page in work.session.all_unwritten(Page) if page.worker == worker}
    return len((written | here) - {task.id}) >= limit.at_most


def _asked_lately(work: Work, workers: Sequence[str], limit: Bursts, drill: bool) -> Sequence[tuple[str, str]]:
    enough = (limit.at_most + 1) * PAGES_A_TASK
    since = work.now - limit.within
    return work.session.ask(ASKED, workers=workers, since=since, drill=drill, enough=enough)
