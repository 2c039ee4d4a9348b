"""What a text about several tasks says of them."""

from collections.abc import Iterable, Sequence
from typing import Any

from service.models.tasks import Task
from service.records import milestones, notices, paging
from service.records.policies import policy_of
from service.work import Work

PRIORITIES = ("critical", "high", "normal", "low")


def facts(work: Work, several: Iterable[Task]) -> dict[str, Any]:
    """What a bundle may say: label and locality where all have the same."""
    tasks = in_order(several)
    labels = {policy_of(task).sms_label for task in tasks}
    localities = {work.partnership.locality_name(task.locality) for task in tasks}
    return {
        "count": len(tasks),
        "codes": codes_of(tasks),
        "priority": tasks[0].priority.upper(),
        "mixed": len({task.priority for task in tasks}) > 1,
        "label": labels.pop() if len(labels) == 1 else None,
        "locality": localities.pop() if len(localities) == 1 else None,
        "deadline": first_due(work, tasks),
        "who": holder(work, tasks),
    }


def in_order(several: Iterable[Task]) -> list[Task]:
    """The most urgent first, and of those the oldest."""
    return sorted(several, key=lambda task: (PRIORITIES.index(task.priority), task.opened_at, task.id))


def codes_of(several: Sequence[Task]) -> tuple[str, ...]:
    """Their codes."""
    return tuple(task.code for task in several)


def holder(work: Work, several: Sequence[Task]) -> str:
    """Who has them: a name where it is one person."""
    names = {task.assignee for task in several}
    one = names.pop() if len(names) == 1 else None
    return notices.name(work, one) or "others"


def first_due(work: Work, several: Sequence[Task]) -> str | None:
    """The first of their next deadlines, as a clock time."""
    due = milestones.of_tasks(work, [task.id for task in several])
    upcoming = [milestones.upcoming(work, task, due[task.id]) for task in several]
    first = min((milestone.due_at for milestone in upcoming if milestone), default=None)
    return paging.clock_time(first, work.partnership.zone) if first else None
