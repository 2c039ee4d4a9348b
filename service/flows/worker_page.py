"""What a worker sees and does behind the link in a text: the same transitions as by text."""

from typing import Any

from rules.sla import MilestoneName
from service.errors import Invalid
from service.models.tasks import LIVE, Task, TaskState
from service.records import guards, links, milestones, outbox, tasks, timeline, transitions, views
from service.records.policies import policy_of
from service.repeating import repeated
from service.runtime import Runtime
from service.work import Work

CHANNEL = "web"
NOTICES = {
    "take": "It is yours.",
    "pass": "Passed on. The next person is being paged.",
    "contact": "Contact is recorded.",
    "complete": "Completed. Thank you.",
}


def look(runtime: Runtime, token: str) -> dict[str, Any]:
    """Everything the page says, none of it personal. Raises NotFound for a link that is unknown or has expired."""
    with runtime.reading() as work:
        link = links.follow(work, token)
        task = work.session.get_one(Task, link.task_id)
        card = views.card(work, task, milestones.of_task(work, task.id))
        taken_by = card["assignee"] if task.state != TaskState.OPEN else None
        facts = {
            "Kind": card["title"],
            "Team": card["team"],
            "Where": work.partnership.locality_name(task.locality),
            "Opened": f"{task.opened_at.astimezone(work.partnership.zone):%H:%M %A}",
        }
        shown = card | {
            "outcomes": list(policy_of(task).outcomes),
            "can": _can(work, task, link.worker),
            "taken_by": taken_by,
        }
        return {
            "now": work.now.astimezone(work.partnership.zone),
            "worker_name": work.partnership.worker_name(link.worker),
            "task": shown,
            "facts": [{"name": name, "value": value} for name, value in facts.items()],
        }


def _can(work: Work, task: Task, worker: str) -> list[str]:
    if task.state not in LIVE:
        return []
    holds = worker in guards.takers(work, task)
    unmet = {m.name for m in milestones.of_task(work, task.id) if m.met_at is None}
    contact = ["contact"] if MilestoneName.CONTACT in unmet else []
    if holds:
        again = ["take"] if task.overdue_since else []
        return [*again, *contact, "pass", "complete", "details"]
    return ["take", "pass"] if outbox.still_paging(task) else []


def open_details(runtime: Runtime, token: str) -> list[dict[str, str]]:
    """The report, for the worker who holds the task; that they looked is recorded. Raises NotFound, Invalid."""
    with runtime.transaction() as work:
        link = links.follow(work, token)
        task = tasks.lock(work, link.task_id)
        if link.worker not in guards.takers(work, task):
            raise Invalid("The report is for whoever has taken the task.")
        timeline.note(work, task, "report opened", actor=link.worker, channel=CHANNEL)
        work.record("task.report_opened", task.id, actor=link.worker)
        return views.details(work, task)


@repeated
def act(runtime: Runtime, token: str, action: str, *, reason: str, outcome: str, note: str) -> None:
    """Do what a button says. Raises NotFound, Conflict when the task's state forbids it, Invalid."""
    with runtime.transaction() as work:
        link = links.follow(work, token)
        task = tasks.lock(work, link.task_id)
        worker = link.worker
        match action:
            case "take":
                transitions.take(work, task, worker, actor=worker, channel=CHANNEL)
            case "pass":
                transitions.decline(work, task, worker, reason=reason, actor=worker, channel=CHANNEL)
            case "contact":
                transitions.meet(work, task, MilestoneName.CONTACT, worker=worker, actor=worker, channel=CHANNEL)
            case "complete":
                transitions.complete(work, task, outcome, note=note, worker=worker, actor=worker, channel=CHANNEL)
            case _:
                raise Invalid("There is no such action.")
