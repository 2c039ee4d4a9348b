"""Tasks: opened by a decision, found by whoever may see them, and summed up for the API and the pages."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import bindparam
from sqlmodel import col, select

from rules.rulebook import Pathway
from rules.sla import MilestoneState
from service.asking import Question, columns_of
from service.errors import NotFound
from service.models.ids import new_id
from service.models.incidents import Incident, Purpose
from service.models.tasks import LIVE, Certainty, Page, Task, TaskIncident, TaskState, is_live
from service.models.timers import TimerKind
from service.partnership import DUTY_TEAM
from service.records import codes, copies, milestones, paging, policies, timeline, timers
from service.work import Work

BEHIND = Question(
    select(TaskIncident.task_id, TaskIncident.incident_id)
    .where(col(TaskIncident.task_id).in_(bindparam("tasks", expanding=True)))
    .order_by(col(TaskIncident.joined), col(TaskIncident.incident_id))
)
# Whoever only writes a row that names the task need not wait.
HELD = Question(select(*columns_of(Task)).where(col(Task.id) == bindparam("task")).with_for_update(key_share=True))


def open_task(
    work: Work,
    *,
    pathway: str,
    policy: Pathway,
    incident: Incident,
    team: str,
    why_duty: str | None,
    reason: str,
    certainty: Certainty = Certainty.REPORTED,
    about: str | None = None,
) -> Task:
    """Open a task with its deadlines and page the first step. `why_duty` says why it went to the duty manager instead."""
    task_id = new_id("tsk", work.now)
    task = work.session.make(
        Task,
        id=task_id,
        code=codes.assign(work, task_id),
        pathway=pathway,
        pathway_policy=policy.snapshot,
        priority=policy.priority,
        team=team,
        locality=incident.locality,
        state=TaskState.OPEN.value,
        opened_at=work.now,
        drill=incident.drill,
        derived=incident.derived,
        purpose=incident.purpose,
        about=about,
        certainty=certainty.value,
        expires_at=work.now + policy.expires if policy.expires else None,
    )
    policies.remember(task, policy)
    work.session.put(TaskIncident, task_id=task.id, incident_id=incident.id)
    timeline.note(work, task, "opened", reason)
    if why_duty:
        timeline.note(work, task, "sent to the duty manager", why_duty)
    milestones.create(work, task)
    if task.expires_at:
        timers.put(work, task.id, TimerKind.EXPIRE, task.expires_at)
    work.record(
        "task.opened", task.id, actor="callout", code=task.code, pathway=pathway, team=team, incident=incident.id
    )
    if task.purpose != Purpose.TEST:
        paging.page(work, task, 0)
        copies.opened(work, task)
    return task


def lock(work: Work, task_id: str) -> Task:
    """A task, held to the end of this transaction: every change begins with this. What was read of it before may be out of
    date, because whoever held it may have written meanwhile. Raises NotFound."""
    work.session.flush()
    held = work.session.find(Task, HELD, afresh=True, task=task_id)
    if not held:
        raise NotFound("there is no such task")
    work.session.forget(task_id)
    return held[0]


def is_still_live(work: Work, task: Task) -> bool:
    """Whether a task that was found may be joined: it is held from here to the commit, so that it can't end meanwhile."""
    made_here = work.session.unwritten(Task, task.id)
    return bool(made_here) or lock(work, task.id).state in LIVE


def held_by(work: Work, worker: str) -> list[Task]:
    """The live tasks that a worker has taken, oldest first."""
    query = select(Task).where(col(Task.assignee) == worker, is_live()).order_by(col(Task.opened_at))
    return list(work.session.exec(query).all())


def of_strangers(work: Work) -> set[str]:
    """The live tasks that are held by, or asked of, somebody who is not in the partnership."""
    known = list(work.partnership.worker_by_slug)
    held = select(Task.id).where(is_live(), col(Task.assignee).not_in(known))
    asked = (
        select(Page.task_id).join(Task).where(is_live(), col(Page.outcome).is_(None), col(Page.worker).not_in(known))
    )
    return {*work.session.exec(held), *work.session.exec(asked)}


def strangers_asked(work: Work, task: Task) -> list[str]:
    """Who is being asked to take a task, and is not in the partnership."""
    asked = dict.fromkeys(page.worker for page in paging.pages_of(work, task) if page.outcome is None)
    return [worker for worker in asked if worker not in work.partnership.worker_by_slug]


def sought(work: Work, worker: str) -> list[Task]:
    """The live tasks for which a worker is being sought and has not answered, oldest first."""
    return paging.seeking(work, worker)


def concerning(work: Work, worker: str) -> list[Task]:
    """The live tasks that a worker may mean by a text without a code: what they hold, and what they are sought for."""
    found = {task.id: task for task in [*held_by(work, worker), *paging.seeking(work, worker)]}
    return sorted(found.values(), key=lambda task: task.opened_at)


def may_answer(work: Work, task: Task, worker: str) -> bool:
    """Whether a worker has anything to do with a task: paged for it, holding it, or of its team. An alarm is for others."""
    return worker != task.about and (
        worker == task.assignee
        or worker in work.partnership.members(task.team)
        or worker in work.partnership.members(DUTY_TEAM)
        or any(page.worker == worker for page in paging.pages_of(work, task))
    )


def of_incident(work: Work, incident_id: str) -> list[Task]:
    """The tasks that an incident opened or joined."""
    return of_incidents(work, [incident_id])[incident_id]


def of_incidents(work: Work, incident_ids: Sequence[str]) -> dict[str, list[Task]]:
    """The tasks that each of some incidents opened or joined."""
    query = (
        select(TaskIncident.incident_id, Task)
        .join(Task, col(TaskIncident.task_id) == col(Task.id))
        .where(col(TaskIncident.incident_id).in_(incident_ids))
        .order_by(col(Task.opened_at), col(Task.id))
    )
    found: dict[str, list[Task]] = {incident_id: [] for incident_id in incident_ids}
    for incident_id, task in work.session.exec(query):
        found[incident_id].append(task)
    return found


def incidents_of(work: Work, task_ids: Iterable[str]) -> dict[str, list[str]]:
    """The incidents behind tasks, the one that opened each first."""
    found: dict[str, list[str]] = {task_id: [] for task_id in task_ids}
    for task_id, incident_id in work.session.ask(BEHIND, tasks=list(found)):
        found[task_id].append(incident_id)
    return found


def found(
    work: Work,
    *,
    state: TaskState | None,
    sla: MilestoneState | None,
    exact: Mapping[str, str | None],
    localities: Sequence[str],
    limit: int,
    before: str | None,
    purpose: Purpose | None = None,
) -> tuple[list[Task], str | None]:
    """Tasks newest first that fit every filter given, and the cursor of the page after. Tests of the service only if their
    purpose is asked for."""
    query = select(Task).order_by(col(Task.id).desc())
    query = query.where(Task.purpose == purpose.value if purpose else Task.purpose != Purpose.TEST.value)
    if state:
        query = query.where(Task.state == state.value)
    for column, value in exact.items():
        if value:
            query = query.where(getattr(Task, column) == value)
    if localities:
        query = query.where(col(Task.locality).in_(localities))
    if sla:
        query = query.where(milestones.any_stands(sla, at=work.now))
    if before:
        query = query.where(col(Task.id) < before)
    rows = list(work.session.exec(query.limit(limit + 1)).all())
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None
