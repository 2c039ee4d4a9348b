"""What a supervisor does to a task besides its plain life: pause, resume, assign, escalate."""

from datetime import datetime, timedelta

from sqlmodel import col

from notifiers.base import Channel
from service.errors import Fault, Invalid
from service.models.tasks import LIVE, Task, TaskState
from service.models.timers import TimerKind
from service.records import milestones, notices, paging, timeline, timers
from service.records.guards import Refused, Why, change, let_go, require_live, takers, watch
from service.records.policies import policy_of
from service.work import Work

USUAL_PAUSE = timedelta(hours=24)
LONGEST_PAUSE = timedelta(days=14)


def pause(work: Work, task: Task, reason: str, until: datetime | None, *, actor: str) -> None:
    """Stop the clock until a moment, a day away if none is given: a paused task wakes up by itself. Raises Refused,
    Invalid."""
    until = until or work.now + USUAL_PAUSE
    if not work.now < until <= work.now + LONGEST_PAUSE:
        raise Invalid("the content is wrong", (Fault("/until", "must lie ahead, and at most 14 days ahead"),))
    require_live(work, task)
    if not change(work, task, col(Task.paused_at).is_(None), paused_at=work.now, paused_until=until):
        raise Refused(Why.PAUSED, task, f"{task.code} is paused already")
    paging.rest(work, task)
    timers.clear(work, task.id)
    timers.put(work, task.id, TimerKind.RESUME, until)
    when = paging.clock_time(until, work.partnership.zone)
    timeline.note(work, task, "paused", f"until {when}: {reason}", actor=actor)
    work.record("task.paused", task.id, actor=actor, until=until.isoformat())
    if task.assignee:
        notices.tell(work, task.assignee, "paused", task=task, code=task.code, until=when)


def resume(work: Work, task: Task, *, actor: str) -> None:
    """The clock runs again: what was ahead moves by as long as it stood. Raises Refused."""
    require_live(work, task)
    since = task.paused_at
    if since is None:
        raise Refused(Why.NOT_PAUSED, task, f"{task.code} is not paused")
    timers.clear(work, task.id, TimerKind.RESUME)
    milestones.shift(work, task, work.now - since)
    task.paused_at = task.paused_until = None
    work.session.add(task)
    timeline.note(work, task, "resumed", actor=actor)
    work.record("task.resumed", task.id, actor=actor)
    if task.state == TaskState.OPEN:
        paging.page(work, task, max(task.level, 0))
    elif task.overdue_since or len(takers(work, task)) < task.needs:
        paging.schedule(work, task)
    else:
        watch(work, task)
    milestone = milestones.upcoming(work, task)
    if task.assignee and milestone:
        deadline = paging.clock_time(milestone.due_at, work.partnership.zone)
        notices.tell(
            work, task.assignee, "resumed", task=task, code=task.code, milestone=milestone.name, deadline=deadline
        )


def assign(work: Work, task: Task, worker: str, *, actor: str) -> None:
    """A supervisor gives a task to a worker, who is paged for it. Only the worker's answer stops the clock. Raises
    Refused."""
    if task.assignee == worker and task.state == TaskState.ACKNOWLEDGED:
        raise Refused(Why.ALREADY_YOURS, task, f"{task.code} is already with {work.partnership.worker_name(worker)}")
    before = task.assignee
    if not change(
        work,
        task,
        col(Task.state).in_([s.value for s in LIVE]),
        state=TaskState.OPEN,
        assignee=worker,
        overdue_since=None,
    ):
        require_live(work, task)
    for taker in takers(work, task):
        let_go(work, task, taker)
    timeline.note(work, task, "assigned", work.partnership.worker_name(worker), actor=actor)
    work.record("task.assigned", task.id, actor=actor, worker=worker)
    if before and before != worker:
        who = notices.name(work, worker)
        notices.tell(work, before, "told_taken", task=task, code=task.code, who=who)
    level = max(task.level, 0)
    by = [Channel(channel) for channel in policy_of(task).escalation[level].by]
    paging.summon(work, task, worker, level=level, by=by, template="assigned")
    if task.paused_at is None:
        paging.schedule(work, task)


def escalate(work: Work, task: Task, *, actor: str) -> None:
    """Page the next step now. Raises Refused."""
    require_live(work, task)
    if task.paused_at:
        raise Refused(Why.PAUSED, task, f"{task.code} is paused; resume it first")
    if task.state == TaskState.ACKNOWLEDGED and not task.overdue_since:
        task.overdue_since = work.now
    timeline.note(work, task, "escalated", actor=actor)
    work.record("task.escalated", task.id, actor=actor)
    paging.page(work, task, paging.next_level(task))
