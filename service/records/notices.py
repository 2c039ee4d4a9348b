"""Texts that are not pages: confirmations, reminders, warnings, and news to those who were paged."""

from typing import Any

from notifiers.base import Channel
from notifiers.wording import short_name
from service.models.people import WorkerState
from service.models.tasks import Milestone, Task
from service.partnership import WorkerSpec
from service.records import outbox, paging, people, reaching
from service.records.policies import policy_of
from service.work import Work


def tell(
    work: Work,
    worker: str,
    template: str,
    /,
    *,
    task: Task | None = None,
    purpose: str = outbox.NOTICE,
    drill: bool = False,
    **values: Any,
) -> None:
    """Write one message to a worker: by text, or by email when texts can't reach them. Nobody by that name: nothing."""
    spec = work.partnership.worker_by_slug.get(worker)
    channel = _channel(work, spec) if spec else None
    if spec is None or channel is None:
        return
    outbox.write(
        work,
        template,
        worker=worker,
        address=reaching.address(work, spec, channel) or "",
        channel=channel,
        purpose=purpose,
        task=task,
        drill=drill,
        values=values,
    )


def _channel(work: Work, spec: WorkerSpec) -> Channel | None:
    state = work.session.once(("state", spec.slug), lambda: people.state_of(work, spec.slug), of=[WorkerState])
    blocked = state.unreachable_since is not None or state.number_failed_since is not None
    order = (Channel.EMAIL, Channel.SMS) if blocked else (Channel.SMS, Channel.EMAIL)
    return next((c for c in order if c in work.channels and reaching.address(work, spec, c)), None)


def name(work: Work, worker: str | None) -> str | None:
    """What a worker is called in a text, short enough to leave room for the rest."""
    return short_name(work.partnership.worker_name(worker), paging.LONGEST_NAME) if worker else None


def about(work: Work, task: Task, milestone: Milestone) -> dict[str, Any]:
    """What a reminder, a warning or a breach says of a deadline."""
    return {
        "code": task.code,
        "label": policy_of(task).sms_label,
        "locality": work.partnership.locality_name(task.locality),
        "milestone": milestone.name,
        "deadline": paging.clock_time(milestone.due_at, work.partnership.zone),
        "who": name(work, task.assignee),
    }


def others_told(
    work: Work, task: Task, template: str, *, besides: str | None, before: str | None = None, **values: Any
) -> None:
    """Tell everybody who was paged for a task and did not pass, except one, and those whose page never left. `before`:
    who had it until now, and is told in any case."""
    reached = outbox.reached(work, task) | {before}
    for worker in paging.paged_workers(work, task):
        if worker != besides and worker in reached:
            tell(work, worker, template, task=task, **values)


def unreachable(work: Work, worker: str, template: str = "unreachable", **values: Any) -> None:
    """Tell the leads and the duty manager that a worker, or one of their numbers, gets no texts, and what to do."""
    teams = work.partnership.teams_of(worker)
    for person in people.told_about(work, worker):
        tell(
            work,
            person,
            template,
            worker=name(work, worker),
            team=work.partnership.team_name(teams[0]) if teams else "",
            **values,
        )
