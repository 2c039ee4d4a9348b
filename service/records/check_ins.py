"""Check-ins: by when a worker who is out alone says that they are safe."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from service.models.errands import Errand, ErrandKind
from service.models.tasks import Task, is_live
from service.records import errands, notices, paging, timeline
from service.records.policies import policy_of
from service.work import Work

GRACE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class CheckIn:
    """When a worker is due to say that they are safe, how often, for which task, and whether they were asked already."""

    due_at: datetime
    every: timedelta
    task_id: str | None
    asked: bool


def of(work: Work, worker: str) -> CheckIn | None:
    """A worker's check-in, if one is set; nobody else changes it meanwhile."""
    errand = errands.held(work, ErrandKind.CHECK_IN, worker)
    return read(errand) if errand else None


def read(errand: Errand) -> CheckIn:
    """A check-in as its row keeps it."""
    return CheckIn(
        due_at=errand.due_at,
        every=timedelta(seconds=float(errand.payload["every"])),
        task_id=errand.payload["task"],
        asked=bool(errand.payload["asked"]),
    )


def put(
    work: Work, worker: str, due_at: datetime, *, every: timedelta, task_id: str | None, asked: bool = False
) -> None:
    """Set a worker's check-in, in place of an earlier one."""
    payload = {"every": every.total_seconds(), "task": task_id, "asked": asked}
    errands.put(work, ErrandKind.CHECK_IN, due_at, subject=worker, payload=payload)


def ask_for(work: Work, task: Task, worker: str, due_at: datetime, *, every: timedelta, actor: str) -> None:
    """Ask a worker who holds a task to say by a moment that they are safe, and tell them."""
    put(work, worker, due_at, every=every, task_id=task.id)
    at = paging.clock_time(due_at, work.partnership.zone)
    timeline.note(work, task, "check-in asked for", f"{work.partnership.worker_name(worker)}, by {at}", actor=actor)
    notices.tell(work, worker, "check_in_set", task=task, code=task.code, at=at)


def begin(work: Work, task: Task, worker: str) -> None:
    """A worker has taken a task: where its pathway asks for check-ins, the first is set, unless one is due sooner."""
    every = policy_of(task).check_in
    held = of(work, worker)
    if every and (held is None or held.due_at > work.now + every):
        ask_for(work, task, worker, work.now + every, every=every, actor=timeline.SERVICE)


def heard_from(work: Work, worker: str) -> None:
    """A worker has told of a task and is going on with it: the next check-in counts from now."""
    held = of(work, worker)
    if held:
        put(work, worker, max(work.now + held.every, held.due_at), every=held.every, task_id=held.task_id)


def finished(work: Work, worker: str) -> None:
    """A worker has ended or given back a task themselves: their check-in ends, unless they hold another that asks for one."""
    held = of(work, worker)
    if held is None:
        return
    left = still_out(work, worker)
    if left is None:
        errands.clear(work, ErrandKind.CHECK_IN, worker)
    else:
        put(work, worker, work.now + held.every, every=held.every, task_id=left.id)


def still_out(work: Work, worker: str) -> Task | None:
    """A live task that a worker holds and for which check-ins are asked, by its pathway or by a supervisor."""
    asked = of(work, worker)
    query = select(Task).where(col(Task.assignee) == worker, is_live())
    held = work.session.exec(query.order_by(col(Task.opened_at))).all()
    return next((task for task in held if policy_of(task).check_in or (asked and asked.task_id == task.id)), None)


def shown(work: Work, workers: Collection[str]) -> dict[str, dict[str, Any]]:
    """The check-ins of workers, by worker, as the API gives them."""
    if not workers:
        return {}
    query = select(Errand).where(Errand.kind == ErrandKind.CHECK_IN.value, col(Errand.subject).in_(sorted(workers)))
    return {
        errand.subject: {"worker": errand.subject, "due_at": errand.due_at, "asked": errand.payload["asked"]}
        for errand in work.session.exec(query).all()
    }
