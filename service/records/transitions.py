"""The life of a task: every allowed transition as a guarded UPDATE, with the timers and messages that it causes.

The same functions serve a text, the task page and the API. Two transitions at once: one wins, the other is refused.
"""

from typing import Any

from sqlmodel import and_, col, or_

from rules.sla import MilestoneName
from service.errors import Fault, Invalid
from service.metrics import ACKNOWLEDGED
from service.models.ids import new_id
from service.models.tasks import LIVE, Page, PageOutcome, Taker, Task, TaskState
from service.records import check_ins, codes, copies, links, milestones, notices, paging, timeline, timers
from service.records.guards import Refused, Why, change, let_go, require_live, takers, watch
from service.records.policies import policy_of
from service.work import Measured, Work


def take(work: Work, task: Task, worker: str, *, actor: str, channel: str | None = None) -> None:
    """A worker takes a task: the first one stops the clock; a later one only where more hands were asked for, or where
    the task is overdue and goes to somebody else. Raises Refused."""
    before = task.assignee if task.state == TaskState.ACKNOWLEDGED else None
    if before == worker and task.overdue_since and task.state == TaskState.ACKNOWLEDGED:
        task.overdue_since = None
        paging.rest(work, task)
        watch(work, task)
        timeline.note(work, task, "taken again", work.partnership.worker_name(worker), actor=actor, channel=channel)
        return
    overdue = and_(col(Task.state) == TaskState.ACKNOWLEDGED, col(Task.overdue_since).is_not(None))
    free = or_(col(Task.state) == TaskState.OPEN, overdue)
    if worker != before and change(work, task, free, state=TaskState.ACKNOWLEDGED, assignee=worker, overdue_since=None):
        _taken(work, task, worker, before=before, actor=actor, channel=channel)
        return
    require_live(work, task)
    if worker in takers(work, task):
        raise Refused(Why.ALREADY_YOURS, task, f"{task.code} is already with {work.partnership.worker_name(worker)}")
    if len(takers(work, task)) < task.needs:
        _taken(work, task, worker, before=None, actor=actor, channel=channel)
        return
    raise Refused(Why.TAKEN, task, f"{task.code} is taken by {work.partnership.worker_name(task.assignee or '')}")


def _taken(work: Work, task: Task, worker: str, *, before: str | None, actor: str, channel: str | None) -> None:
    if task.acknowledged_at is None:
        # An answer found late counts from the provider's clock, which may be behind ours.
        task.acknowledged_at = max(work.counts_from, task.opened_at)
        seconds = (task.acknowledged_at - task.opened_at).total_seconds()
        work.measured.append(Measured(figure=ACKNOWLEDGED, seconds=seconds))
    if before:
        let_go(work, task, before)
    work.session.merge(Taker(task_id=task.id, worker=worker, at=work.now))
    work.session.flush()
    milestones.meet(work, task, MilestoneName.ACKNOWLEDGE)
    timeline.note(work, task, "taken", work.partnership.worker_name(worker), actor=actor, channel=channel)
    work.record("task.taken", task.id, actor=actor, worker=worker)
    if before or len(takers(work, task)) >= task.needs:
        paging.rest(work, task)
        watch(work, task)
        copies.taken(work, task)
        who = notices.name(work, worker)
        notices.others_told(work, task, "told_taken", besides=worker, before=before, code=task.code, who=who)
    if task.about:
        notices.tell(work, task.about, "alarm_taken", who=notices.name(work, worker))
    check_ins.begin(work, task, worker)


def decline(work: Work, task: Task, worker: str, *, reason: str = "", actor: str, channel: str | None = None) -> None:
    """A worker passes: the next step is paged at once. One who had taken the task gives it back. Raises Refused."""
    require_live(work, task)
    if task.state == TaskState.ACKNOWLEDGED and task.assignee != worker and task.next_page_at is None:
        raise Refused(Why.TAKEN, task, f"{task.code} is taken by {work.partnership.worker_name(task.assignee or '')}")
    _pass_page(work, task, worker)
    detail = work.partnership.worker_name(worker) + (f": {reason}" if reason else "")
    timeline.note(work, task, "passed", detail, actor=actor, channel=channel)
    work.record("task.passed", task.id, actor=actor, worker=worker)
    if task.assignee == worker:
        give_back(work, task)
        if actor == worker:
            check_ins.finished(work, worker)
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
        let_go(work, task, task.assignee)
    left = takers(work, task)
    task.assignee = left[0] if left else None
    task.state = TaskState.ACKNOWLEDGED.value if left else TaskState.OPEN.value
    work.session.add(task)
    if task.paused_at is None:
        level = paging.next_level(task)
        paging.page(work, task, level if level > task.level else 0)


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
    watch(work, task)
    if actor == worker:
        check_ins.heard_from(work, actor)


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
        fault = Fault(
            "/outcome", f"{outcome!r} is not an outcome of this pathway; one of {', '.join(allowed)} is needed"
        )
        raise Invalid("the content is wrong", (fault,))
    _hold(work, task, worker, actor=actor, channel=channel)
    if not change(
        work, task, col(Task.state) == TaskState.ACKNOWLEDGED, state=TaskState.COMPLETED, outcome=outcome, **_over(work)
    ):
        require_live(work, task)
        raise Refused(Why.NOT_TAKEN, task, f"nobody has taken {task.code} yet")
    milestones.meet(work, task, MilestoneName.COMPLETE)
    task.completed_at = max(work.counts_from, task.opened_at)
    timeline.note(work, task, "completed", f"{outcome}. {note}" if note else outcome, actor=actor, channel=channel)
    work.record("task.completed", task.id, actor=actor, outcome=outcome)
    _end(work, task)
    if actor == worker:
        check_ins.finished(work, actor)


def cancel(
    work: Work,
    task: Task,
    reason: str,
    *,
    actor: str,
    template: str = "withdrawn",
    values: dict[str, Any] | None = None,
) -> None:
    """The task is not wanted any more; whoever was paged for it or holds it is told not to attend. Raises Refused."""
    told = list(dict.fromkeys([*paging.paged_workers(work, task), *takers(work, task)]))
    if not change(work, task, col(Task.state).in_([s.value for s in LIVE]), state=TaskState.CANCELLED, **_over(work)):
        require_live(work, task)
    timeline.note(work, task, "cancelled", reason, actor=actor)
    work.record("task.cancelled", task.id, actor=actor)
    _end(work, task)
    for worker in told:
        notices.tell(work, worker, template, task=task, code=task.code, **(values or {}))


def tell_holders(work: Work, task: Task, template: str) -> None:
    """One update to whoever has a task, or to those being sought for it; no second page."""
    holders = takers(work, task) or paging.paged_workers(work, task)
    for worker in holders:
        notices.tell(work, worker, template, task=task, code=task.code, link=links.issue(work, task, worker))


def _hold(work: Work, task: Task, worker: str | None, *, actor: str, channel: str | None) -> None:
    require_live(work, task)
    if worker is None:
        if task.state == TaskState.OPEN:
            raise Refused(Why.NOT_TAKEN, task, f"nobody has taken {task.code} yet; acknowledge it first")
        return
    if worker not in takers(work, task):
        take(work, task, worker, actor=actor, channel=channel)


def _over(work: Work) -> dict[str, Any]:
    return {"closed_at": work.now, "paused_at": None, "paused_until": None}


def _end(work: Work, task: Task) -> None:
    paging.rest(work, task)
    timers.clear(work, task.id)
    codes.release(work, task)
