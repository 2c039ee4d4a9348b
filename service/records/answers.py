"""What a worker who texted is answered."""

from collections.abc import Sequence
from typing import Any

from service.models.tasks import Task, TaskState
from service.partnership import DUTY_TEAM
from service.records import links, milestones, notices, outbox, paging, people, tasks
from service.records.guards import Refused, Why
from service.work import Work

LIST_ROOM = 84
OUTCOME_ROOM = 108
CALLED_ROOM = 44


def fitting(words: Sequence[str], room: int) -> str:
    """As many words as go into one text, with `+2` for those that did not."""
    for kept in range(len(words), 0, -1):
        left = len(words) - kept
        text = ", ".join(words[:kept]) + (f" +{left}" if left else "")
        if len(text) <= room:
            return text
    return words[0][:room]


def say(work: Work, worker: str, template: str, /, *, task: Task | None = None, **values: Any) -> None:
    """Answer with one text."""
    notices.tell(work, worker, template, task=task, purpose=outbox.ANSWER, **values)


def taken(work: Work, task: Task, worker: str) -> None:
    """It is theirs: what comes next, and by when."""
    milestone = milestones.upcoming(work, task)
    say(
        work,
        worker,
        "taken",
        task=task,
        code=task.code,
        milestone=milestone.name if milestone else None,
        deadline=paging.clock_time(milestone.due_at, work.partnership.zone) if milestone else None,
        link=links.issue(work, task, worker),
    )


def contact_met(work: Work, task: Task, worker: str) -> None:
    """Contact is noted: what is left."""
    milestone = milestones.upcoming(work, task)
    deadline = paging.clock_time(milestone.due_at, work.partnership.zone) if milestone else None
    say(work, worker, "contact_met", task=task, code=task.code, deadline=deadline)


def more(work: Work, task: Task, worker: str) -> None:
    """The facts again, with a new link."""
    state = {
        TaskState.OPEN: "nobody has it",
        TaskState.ACKNOWLEDGED: f"with {notices.name(work, task.assignee)}",
        TaskState.COMPLETED: "completed",
        TaskState.CANCELLED: "cancelled",
    }[TaskState(task.state)]
    values = paging.facts(work, task) | {"link": links.issue(work, task, worker), "state": state}
    say(work, worker, "more", task=task, **values)


def listing(work: Work, worker: str) -> None:
    """Their open tasks with what is due next, and the words."""
    lines, about = [], tasks.concerning(work, worker)
    milestones.look_up(work, [task.id for task in about])
    for task in about:
        milestone = milestones.upcoming(work, task)
        due = f" {paging.clock_time(milestone.due_at, work.partnership.zone)}" if milestone else ""
        lines.append(f"{task.code}{due}")
    if lines:
        say(work, worker, "list", codes=fitting(lines, LIST_ROOM))
    else:
        say(work, worker, "list_empty")


def refused(work: Work, worker: str, refusal: Refused) -> None:
    """Why what they asked for could not be done, in the words for it."""
    task = refusal.task
    match refusal.why:
        case Why.ALREADY_YOURS:
            say(work, worker, "taken_already_yours", task=task, code=task.code)
        case Why.TAKEN:
            say(work, worker, "taken_by_other", task=task, code=task.code, who=notices.name(work, task.assignee))
        case Why.MET:
            met = {m.name: m.met_at for m in milestones.of_task(work, task.id)}.get("contact")
            at = paging.clock_time(met or work.now, work.partnership.zone)
            say(work, worker, "contact_already", task=task, code=task.code, at=at)
        case _:
            at = paging.clock_time(task.closed_at or work.now, work.partnership.zone)
            say(work, worker, "finished", task=task, code=task.code, how=task.state, at=at)


def cover(work: Work, worker: str) -> tuple[str, str | None]:
    """The team in which a worker is on call now (or their first one), and who covers it while they are off."""
    teams = work.partnership.teams_of(worker)
    on_now = [team for team in teams if worker in people.on_call(work, team)[:1]]
    if not teams:
        return "", None
    team = (on_now or teams)[0]
    gone = people.away(work)
    lead = people.lead_of(work, team)
    order = [*people.page_order(work, team), *([lead] if lead else [])]
    others = [slug for slug in order if slug != worker and slug not in gone]
    if not others and team != DUTY_TEAM:
        others = [slug for slug in people.available_duty(work) if slug != worker]
    return work.partnership.team_name(team), notices.name(work, others[0]) if others else None
