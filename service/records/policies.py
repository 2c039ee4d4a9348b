"""The pathway that a task was opened under, as it stood then."""

from typing import Any

from rules.rulebook import Pathway
from service.models.tasks import Task

MOST_KEPT = 2000
_read: dict[str, tuple[dict[str, Any], Pathway]] = {}


def policy_of(task: Task) -> Pathway:
    """The snapshot kept with the task: an edited rulebook never changes a running task."""
    snapshot, policy = _read.get(task.id, (None, None))
    if policy is None or snapshot != task.pathway_policy:
        policy = remember(task, Pathway.model_validate(task.pathway_policy))
    return policy


def remember(task: Task, policy: Pathway) -> Pathway:
    """Reading the snapshot costs more than judging, and opening a task asks for it five times: this is what it holds."""
    if len(_read) >= MOST_KEPT:
        _read.clear()
    _read[task.id] = (task.pathway_policy, policy)
    return policy
