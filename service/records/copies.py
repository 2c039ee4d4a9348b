"""Copies of what happens to a task for its team's own channels: for visibility, in the neutral words of a page."""

from notifiers.base import Channel
from service.models.tasks import Milestone, Task
from service.records import outbox, paging
from service.work import Work


def opened(work: Work, task: Task) -> None:
    """A task is there."""
    _post(work, task, "copy_opened")


def taken(work: Work, task: Task) -> None:
    """Somebody has it; who, stands on the board."""
    _post(work, task, "copy_taken")


def breached(work: Work, task: Task, milestone: Milestone) -> None:
    """A deadline passed."""
    due = paging.clock_time(milestone.due_at, work.partnership.zone)
    _post(work, task, "copy_breached", milestone=milestone.name, deadline=due)


def _post(work: Work, task: Task, template: str, **values: object) -> None:
    spec = work.partnership.team_by_slug.get(task.team)
    for address in spec.channels if spec else ():
        outbox.write(
            work,
            template,
            worker=None,
            address=address,
            channel=Channel.TEAM,
            purpose=outbox.COPY,
            task=task,
            values=paging.facts(work, task) | values,
        )
