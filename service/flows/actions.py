"""What a supervisor, or a worker on the task page, does to a task: one function an action, each in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rules import safety
from rules.sla import MilestoneName
from service.errors import Fault, Invalid, NotFound
from service.models.tasks import Task, TaskState
from service.partnership import DUTY_TEAM, Partnership
from service.records import answers, check_ins, supervision, tasks, timeline, transitions
from service.records.guards import Refused, Why, require_live
from service.repeating import repeated
from service.runtime import Runtime
from service.work import Work


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Who acts, and which localities they answer for; none named: all."""

    actor: str
    localities: tuple[str, ...] = ()
    channel: str = "api"

    def sees(self, locality: str | None) -> bool:
        """Whether something in a locality is theirs to see."""
        return not self.localities or locality in self.localities

    def sees_team(self, partnership: Partnership, team: str) -> bool:
        """Whether a team is there and serves their localities; the duty manager, and a team of none, serve all."""
        spec = partnership.team_by_slug.get(team)
        return team == DUTY_TEAM or (spec is not None and (spec.locality is None or self.sees(spec.locality)))

    def sees_worker(self, partnership: Partnership, worker: str) -> bool:
        """Whether a worker is there and serves in a team of theirs."""
        if worker not in partnership.worker_by_slug:
            return False
        return not self.localities or any(self.sees_team(partnership, team) for team in partnership.teams_of(worker))


@repeated
def _act(runtime: Runtime, scope: Scope, task_id: str, change: Callable[[Work, Task], None]) -> None:
    with runtime.transaction() as work:
        task = tasks.lock(work, task_id)
        if not scope.sees(task.locality):
            raise NotFound("there is no such task")
        change(work, task)


def _known(work: Work, worker: str) -> str:
    if worker not in work.partnership.worker_by_slug:
        raise Invalid("the content is wrong", (Fault("/worker", f"nobody in the partnership is called {worker!r}"),))
    return worker


def acknowledge(runtime: Runtime, scope: Scope, task_id: str, worker: str) -> None:
    """Record that a worker takes the task. Raises Conflict, which says who holds it."""

    def change(work: Work, task: Task) -> None:
        transitions.take(work, task, _known(work, worker), actor=scope.actor, channel=scope.channel)
        answers.taken(work, task, worker)

    _act(runtime, scope, task_id, change)


def decline(runtime: Runtime, scope: Scope, task_id: str, worker: str, reason: str = "") -> None:
    """Record that a worker passes; the next step is paged at once."""
    _act(
        runtime,
        scope,
        task_id,
        lambda work, task: transitions.decline(
            work, task, _known(work, worker), reason=reason, actor=scope.actor, channel=scope.channel
        ),
    )


def assign(runtime: Runtime, scope: Scope, task_id: str, worker: str) -> None:
    """Give the task to a worker, who is paged."""
    _act(
        runtime,
        scope,
        task_id,
        lambda work, task: supervision.assign(work, task, _known(work, worker), actor=scope.actor),
    )


def milestone(runtime: Runtime, scope: Scope, task_id: str, name: MilestoneName, *, worker: str | None = None) -> None:
    """Record that a milestone is met now."""
    _act(
        runtime,
        scope,
        task_id,
        lambda work, task: transitions.meet(work, task, name, worker=worker, actor=scope.actor, channel=scope.channel),
    )


def complete(
    runtime: Runtime, scope: Scope, task_id: str, outcome: str, *, note: str = "", worker: str | None = None
) -> None:
    """Record that the work is done, and its outcome."""
    _act(
        runtime,
        scope,
        task_id,
        lambda work, task: transitions.complete(
            work, task, outcome, note=note, worker=worker, actor=scope.actor, channel=scope.channel
        ),
    )


def cancel(runtime: Runtime, scope: Scope, task_id: str, reason: str) -> None:
    """The task is not wanted any more."""
    _act(runtime, scope, task_id, lambda work, task: transitions.cancel(work, task, reason, actor=scope.actor))


def pause(runtime: Runtime, scope: Scope, task_id: str, reason: str, until: datetime | None) -> None:
    """Stop the clock until a moment."""
    _act(runtime, scope, task_id, lambda work, task: supervision.pause(work, task, reason, until, actor=scope.actor))


def resume(runtime: Runtime, scope: Scope, task_id: str) -> None:
    """Let the clock run again."""
    _act(runtime, scope, task_id, lambda work, task: supervision.resume(work, task, actor=scope.actor))


def escalate(runtime: Runtime, scope: Scope, task_id: str) -> None:
    """Page the next step now."""
    _act(runtime, scope, task_id, lambda work, task: supervision.escalate(work, task, actor=scope.actor))


def check_in(
    runtime: Runtime, scope: Scope, task_id: str, *, at: datetime | None = None, after: timedelta | None = None
) -> None:
    """Ask whoever has the task to say by a moment that they are safe. Raises Conflict when nobody has it, Invalid."""

    def change(work: Work, task: Task) -> None:
        wait = after if after is not None else at - work.now if at is not None else None
        if wait is None or not safety.SHORTEST <= wait <= safety.LONGEST:
            raise Invalid("the content is wrong", (Fault("/after", "must be from 5 minutes to 12 hours from now"),))
        require_live(work, task)
        if task.state == TaskState.OPEN or task.assignee is None:
            raise Refused(Why.NOT_TAKEN, task, f"nobody has taken {task.code} yet")
        check_ins.ask_for(work, task, task.assignee, work.now + wait, every=wait, actor=scope.actor)
        work.record("task.check_in", task.id, actor=scope.actor, worker=task.assignee)

    _act(runtime, scope, task_id, change)


def note(runtime: Runtime, scope: Scope, task_id: str, text: str) -> None:
    """Add a line to the timeline; allowed in every state."""

    def change(work: Work, task: Task) -> None:
        timeline.note(work, task, "note", text, actor=scope.actor, channel=scope.channel)
        work.record("task.noted", task.id, actor=scope.actor)

    _act(runtime, scope, task_id, change)
