"""A supervisor brings the workers of connected tasks together."""

from collections.abc import Sequence
from datetime import datetime

from service.errors import NotFound
from service.models.convenings import Convening
from service.models.tasks import Task
from service.records import convenings, tasks
from service.repeating import repeated
from service.runtime import Runtime
from service.work import Work


@repeated
def convene(runtime: Runtime, task_id: str, *, at: datetime, place: str, localities: Sequence[str], actor: str) -> str:
    """Ask every assignee in the network behind a task; the id of what was asked. Raises NotFound, Invalid, Conflict."""
    with runtime.transaction() as work:
        task = visible(tasks.lock(work, task_id), localities)
        made = convenings.convene(work, task, at=at, place=" ".join(place.split()), localities=localities, actor=actor)
        return made.id


def visible(task: Task | None, localities: Sequence[str]) -> Task:
    """A task that a supervisor of these localities may see. Raises NotFound."""
    if task is None or (localities and task.locality not in localities):
        raise NotFound("there is no such task")
    return task


def found(work: Work, convening_id: str, localities: Sequence[str]) -> Convening:
    """A convening about a task that a supervisor may see. Raises NotFound."""
    convening = work.session.get(Convening, convening_id)
    if convening is None:
        raise NotFound("there is no such convening")
    visible(work.session.get(Task, convening.task_id), localities)
    return convening
