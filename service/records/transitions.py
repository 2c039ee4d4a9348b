"""The life of a task: every allowed transition as a guarded UPDATE, with the timers and messages that it causes.

The same functions serve a text, the task page and the API. Two transitions at once: one wins, the other is refused.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlmodel import and_, col, or_, select, update

from notifiers.base import Channel
from rules.sla import MilestoneName
from service.errors import Conflict, Invalid
from service.metrics import ACKNOWLEDGED
from service.models.ids import new_id
from service.models.tasks import LIVE, Page, PageOutcome, Taker, Task, TaskState
from service.models.timers import TimerKind
from service.records import codes, links, milestones, notices, paging, timeline, timers
from service.records.policies import policy_of
from service.work import Measured, Work

LONGEST_PAUSE = timedelta(hours=24)


class Why(StrEnum):
    """Why a transition is not allowed now."""

    ALREADY_YOURS = "already yours"
    TAKEN = "taken"
    FINISHED = "finished"
    NOT_TAKEN = "not taken"
    PAUSED = "paused"
    NOT_PAUSED = "not paused"
    MET = "met"


class Refused(Conflict):
    """A transition that the task's state forbids; `why` and `task` let a reply choose its words."""

    def __init__(self, why: Why, task: Task, detail: str) -> None:
        super().__init__(detail)
        self.why = why
        self.task = task


def take(work: Work, task: Task, worker: str, *, actor: str, channel: str | None = None) -> None:
    """A worker takes a task: the first one stops the clock; a later one only where more hands were asked for, or where
    the task is overdue and goes to somebody else. Raises Refused."""
    before = task.assignee if task.state == TaskState.ACKNOWLEDGED else None
    if before == worker and task.overdue_since and task.state == TaskState.ACKNOWLEDGED:
        task.overdue_since = None
        paging.rest(work, task)
        timeline.note(work, task, "taken again", work.partnership.worker_name(worker), actor=actor, channel=channel)
        return
    overdue = and_(col(Task.state) == TaskState.ACKNOWLEDGED, col(Task.overdue_since).is_not(None))
    free = or_(col(Task.state) == TaskState.OPEN, overdue)
    if worker != before and _change(
        work, task, free, state=TaskState.ACKNOWLEDGED, assignee=worker, overdue_since=None
    ):
        _taken(work, task, worker, before=before, actor=actor, channel=channel)
        return
    _require_live(work, task)
    if worker in takers(work, task):
        raise Refused(Why.ALREADY_YOURS, task, f"{task.code} is already with {work.partnership.worker_name(worker)}")
    if len(takers(work, task)) < task.needs:
        _taken(work, task, worker, before=None, actor=actor, channel=channel)
        return
    raise Refused(Why.TAKEN, task, f"{task.code} is taken by {work.partnership.worker_name(task.assignee or '')}")


def _taken(work: Work, task: Task, worker: str, *, before: str | None, actor: str, channel: str | None) -> None:
    if task.acknowledged_at is None:
        task.acknowledged_at = work.now
        seconds = (work.now - task.opened_at).total_seconds()
        work.measured.append(Measured(figure=ACKNOWLEDGED, seconds=seconds))
    if before:
        _let_go(work, task, before)
    work.session.merge(Taker(task_id=task.id, worker=worker, at=work.now))
    work.session.flush()
    milestones.meet(work, task, MilestoneName.ACKNOWLEDGE)
    timeline.note(work, task, "taken", work.partnership.worker_name(worker), actor=actor, channel=channel)
    work.record("task.taken", task.id, actor=actor, worker=worker)
    if before or len(takers(work, task)) >= task.needs:
        paging.rest(work, task)
        notices.others_told(work, task, "told_taken", besides=worker, code=task.code, who=notices.name(work, worker))


def decline(work: Work, task: Task, worker: str, *, reason: str = "", actor: str, channel: str | None = None) -> None:
    """A worker passes: the next step is paged at once. One who had taken the task gives it back. Raises Refused."""
    _require_live(work, task)
    if task.state == TaskState.ACKNOWLEDGED and task.assignee != worker and task.next_page_at is None:
        raise Refused(Why.TAKEN, task, f"{task.code} is taken by {work.partnership.worker_name(task.assignee or '')}")
    _pass_page(work, task, worker)
    detail = work.partnership.worker_name(worker) + (f": {reason}" if reason else "")
    timeline.note(work, task, "passed", detail, actor=actor, channel=channel)
    work.record("task.passed", task.id, actor=actor, worker=worker)
    if task.assignee == worker:
        give_back(work, task)
    else:
        paging.move_on(work, task)


def lose(work: Work, task: Task, worker: str) -> None:
    """A worker can't answer any more: their pages are over, and the next step is paged at once if nobody is left."""
    for page in paging.pages_of(work, task):
        if page.worker == worker and page.outcome is None:
            page.outcome = PageOutcome.FAILED.value
            work.session.add(page)
    timeline.note(work, task, "page failed", f"{work.partnership.worker_name(worker)} can't answer any more")
    paging.move_on(work, task)


def give_back(work: Work, task: Task) -> None:
    """Its holder has the task no more: it is open again and the next step is paged at once; after the last, the first."""
    if task.assignee:
        _let_go(work, task, task.assignee)
    left = takers(work, task)
    task.assignee = left[0] if left else None
    task.state = TaskState.ACKNOWLEDGED.value if left else TaskState.OPEN.value
    work.session.add(task)
    if task.paused_at is None:
        level = paging.next_level(task)
        paging.page(work, task, level if level > task.level else 0)


def _let_go(work: Work, task: Task, worker: str) -> None:
    held = work.session.get(Taker, (task.id, worker))
    if held:
        work.session.delete(held)
        work.session.flush()


def _pass_page(work: Work, task: Task, worker: str) -> None:
    pages = [page for page in paging.pages_of(work, task) if page.worker == worker]
    if not pages:
        pages = [Page(id=new_id("pag", work.now), task_id=task.id, worker=worker, level=task.level, at=work.now)]
    for page in pages:
        page.outcome = PageOutcome.PASSED.value
        work.session.add(page)


def meet(
    work: Work, task: Task, name: MilestoneName, *, worker: str | None = None, actor: str, channel: str | None = None
) -> None:
    """A milestone is met now. A worker who was paged and met somebody before saying TAKE takes the task by it."""
    _hold(work, task, worker, actor=actor, channel=channel)
    if not milestones.meet(work, task, name):
        raise Refused(Why.MET, task, f"{task.code}: {name.value} was met before, or this pathway has no such milestone")
    timeline.note(work, task, "milestone met", name.value, actor=actor, channel=channel)
    work.record("task.milestone", task.id, actor=actor, milestone=name.value)
    if task.overdue_since:
        task.overdue_since = None
        paging.rest(work, task)


def complete(
    work: Work,
    task: Task,
    outcome: str,
    *,
    note: str = "",
    worker: str | None = None,
    actor: str,
    channel: str | None = None,
) -> None:
    """The work is done, with one of the pathway's outcomes. Raises Invalid for another word, Refused by state."""
    allowed = policy_of(task).outcomes
    if outcome not in allowed:
        raise Invalid(f"{outcome!r} is not an outcome of this pathway; one of {', '.join(allowed)} is needed")
    _hold(work, task, worker, actor=actor, channel=channel)
    if not _change(
        work, task, col(Task.state) == TaskState.ACKNOWLEDGED, state=TaskState.COMPLETED, outcome=outcome, **_over(work)
    ):
        _require_live(work, task)
        raise Refused(Why.NOT_TAKEN, task, f"nobody has taken {task.code} yet")
    milestones.meet(work, task, MilestoneName.COMPLETE)
    task.completed_at = work.now
    timeline.note(work, task, "completed", f"{outcome}. {note}" if note else outcome, actor=actor, channel=channel)
    work.record("task.completed", task.id, actor=actor, outcome=outcome)
    _end(work, task)


def cancel(work: Work, task: Task, reason: str, *, actor: str) -> None:
    """The task is not wanted any more; whoever was paged for it or holds it is told not to attend. Raises Refused."""
    told = list(dict.fromkeys([*paging.paged_workers(work, task), *takers(work, task)]))
    if not _change(work, task, col(Task.state).in_([s.value for s in LIVE]), state=TaskState.CANCELLED, **_over(work)):
        _require_live(work, task)
    timeline.note(work, task, "cancelled", reason, actor=actor)
    work.record("task.cancelled", task.id, actor=actor)
    _end(work, task)
    for worker in told:
        notices.tell(work, worker, "withdrawn", task=task, code=task.code)


def pause(work: Work, task: Task, reason: str, until: datetime | None, *, actor: str) -> None:
    """Stop the clock until a moment, at most a day away: a paused task wakes up by itself. Raises Refused, Invalid."""
    until = until or work.now + LONGEST_PAUSE
    if not work.now < until <= work.now + timedelta(days=14):
        raise Invalid("until must lie ahead, and at most 14 days ahead")
    _require_live(work, task)
    if not _change(work, task, col(Task.paused_at).is_(None), paused_at=work.now, paused_until=until):
        raise Refused(Why.PAUSED, task, f"{task.code} is paused already")
    timers.clear(work, task.id)
    timers.put(work, task.id, TimerKind.RESUME, until)
    task.next_page_at = None
    when = paging.clock_time(until, work.partnership.zone)
    timeline.note(work, task, "paused", f"until {when}: {reason}", actor=actor)
    work.record("task.paused", task.id, actor=actor, until=until.isoformat())
    if task.assignee:
        notices.tell(work, task.assignee, "paused", task=task, code=task.code, until=when)


def resume(work: Work, task: Task, *, actor: str) -> None:
    """The clock runs again: what was ahead moves by as long as it stood. Raises Refused."""
    _require_live(work, task)
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
    if not _change(
        work,
        task,
        col(Task.state).in_([s.value for s in LIVE]),
        state=TaskState.OPEN,
        assignee=worker,
        overdue_since=None,
    ):
        _require_live(work, task)
    for taker in takers(work, task):
        _let_go(work, task, taker)
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
    _require_live(work, task)
    if task.paused_at:
        raise Refused(Why.PAUSED, task, f"{task.code} is paused; resume it first")
    if task.state == TaskState.ACKNOWLEDGED and not task.overdue_since:
        task.overdue_since = work.now
    timeline.note(work, task, "escalated", actor=actor)
    work.record("task.escalated", task.id, actor=actor)
    paging.page(work, task, paging.next_level(task))


def tell_holders(work: Work, task: Task, template: str) -> None:
    """One update to whoever has a task, or to those being sought for it; no second page."""
    holders = takers(work, task) or paging.paged_workers(work, task)
    for worker in holders:
        notices.tell(work, worker, template, task=task, code=task.code, link=links.issue(work, task, worker))


def takers(work: Work, task: Task) -> list[str]:
    """Who has taken a task, first the first."""
    rows = work.session.exec(select(Taker).where(Taker.task_id == task.id).order_by(col(Taker.at))).all()
    return [row.worker for row in rows]


def _hold(work: Work, task: Task, worker: str | None, *, actor: str, channel: str | None) -> None:
    _require_live(work, task)
    if worker is None:
        if task.state == TaskState.OPEN:
            raise Refused(Why.NOT_TAKEN, task, f"nobody has taken {task.code} yet; acknowledge it first")
        return
    if worker not in takers(work, task):
        take(work, task, worker, actor=actor, channel=channel)


def _require_live(work: Work, task: Task) -> None:
    work.session.refresh(task)
    if task.state not in LIVE:
        ended = task.closed_at or work.now
        when = paging.clock_time(ended, work.partnership.zone)
        raise Refused(Why.FINISHED, task, f"{task.code} was {task.state} at {when}")


def _over(work: Work) -> dict[str, Any]:
    return {"closed_at": work.now, "paused_at": None, "paused_until": None}


def _end(work: Work, task: Task) -> None:
    paging.rest(work, task)
    timers.clear(work, task.id)
    codes.release(work, task)


def _change(work: Work, task: Task, guard: Any, **values: Any) -> bool:
    """Write a transition if the row still allows it, and read the row as it now is."""
    work.session.flush()
    result = work.session.exec(update(Task).where(col(Task.id) == task.id, guard).values(**values))
    work.session.refresh(task)
    return bool(result.rowcount == 1)
