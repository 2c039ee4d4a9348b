"""The pathway that a task was opened under, as it stood then."""

from rules.rulebook import Pathway
from service.models.tasks import Task


def policy_of(task: Task) -> Pathway:
    """The snapshot kept with the task: an edited rulebook never changes a running task."""
    return Pathway.model_validate(task.pathway_policy)
