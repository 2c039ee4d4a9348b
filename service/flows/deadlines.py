"""Due timers: page the next step, remind, warn, breach, resume, expire. Each exactly once."""

from collections.abc import Sequence

import structlog
from sqlalchemy.exc import DBAPIError

from notifiers.base import Channel
from rules.escalation import Step, Who
from service.models.outbox import MessageState, OutboxMessage
from service.models.tasks import LIVE, Milestone, Page, Task, TaskState
from service.models.timers import Timer, TimerKind
from service.partnership import DUTY_TEAM
from service.records import (
    copies,
    milestones,
    notices,
    outbox,
    paging,
    people,
    supervision,
    timeline,
    timers,
    transitions,
)
from service.records.policies import policy_of
from service.runtime import Runtime
from service.work import Work

log = structlog.get_logger()

BATCH = 40  # then whatever was written is sent, before the next ones
GROUP = 20


def run_due(runtime: Runtime) -> int:
    """Act on the timers that are due, the one due longest first; how many there were, about a batch at most.

    They are taken in small groups, a transaction each: half of what one alone costs is its transaction. Where something
    fails, as many are taken one by one, so that it is known which of them it is.
    """
    done = alone = 0
    while done < BATCH and _due(runtime):
        at_hand: timers.Key | None = None
        try:
            with runtime.transaction() as work:
                claimed = timers.claim(work, 1 if alone else GROUP)
                _look_up(work, [task for task, timer in claimed if timer is not None])
                for task, timer in claimed:
                    if timer is not None:
                        at_hand = (timer.task_id, timer.kind, timer.milestone)
                        _act(work, task, timer)
        except Exception as error:
            # The row is not to blame when the database went away: it stays due.
            if at_hand is None or (isinstance(error, DBAPIError) and error.connection_invalidated):
                raise
            if not alone:
                alone = GROUP
                continue
            _put_off(runtime, at_hand)
        if not claimed:
            break
        done += len(claimed)
        alone = max(alone - 1, 0)
    return done


def _put_off(runtime: Runtime, key: timers.Key) -> None:
    """One row that can't be worked must not stop the others: it is put off, and said."""
    log.exception("timer failed", task=key[0], kind=key[1])
    with runtime.transaction() as work:
        timers.put_off(work, key)


def _due(runtime: Runtime) -> bool:
    with runtime.looking() as work:
        first = timers.first_at(work)
        return first is not None and first <= work.now


def _look_up(work: Work, tasks: Sequence[Task]) -> None:
    """What nearly every timer asks for, in one go for all of them."""
    milestones.look_up(work, [task.id for task in tasks])
    paging.look_up_pages(work, tasks)


def _act(work: Work, task: Task, timer: Timer) -> None:
    kind, name = TimerKind(timer.kind), timer.milestone
    if task.state not in LIVE:
        return
    match kind:
        case TimerKind.STEP:
            paging.page(work, task, paging.next_level(task))
        case TimerKind.CHECK:
            _goes_back(work, task)
            paging.page(work, task, task.level)
        case TimerKind.RESUME:
            supervision.resume(work, task, actor=timeline.SERVICE)
        case TimerKind.RECEIPT:
            _no_receipt(work, task, name)
        case TimerKind.EXPIRE:
            timeline.note(work, task, "expired", "the time for which it was planned is over")
            transitions.cancel(work, task, "expired", actor=timeline.SERVICE)
        case TimerKind.WARN:
            _warn(work, task, name)
        case TimerKind.BREACH:
            _breach(work, task, name)


def _no_receipt(work: Work, task: Task, message_id: str) -> None:
    """Nothing says that a page arrived: its worker's next channel is tried, and the escalation goes on as it was."""
    message = work.session.get(OutboxMessage, message_id)
    page = work.session.get(Page, message.page_id) if message and message.page_id else None
    if message is None or page is None or message.state != MessageState.SENT or page.outcome is not None:
        return
    if not outbox.may_page(task, page.worker):
        return
    who = work.partnership.worker_name(page.worker)
    timeline.note(work, task, "no receipt", f"page to {who}", actor=message.provider or "", channel=message.channel)
    paging.page_again(work, page)


def _warn(work: Work, task: Task, name: str) -> None:
    """Remind whoever has it, and warn the team's lead; the duty manager where the team has none."""
    milestone = work.session.get(Milestone, (task.id, name))
    if milestone is None or milestone.met_at:
        return
    values = notices.about(work, task, milestone)
    timeline.note(work, task, "at risk", f"{name} is due {values['deadline']}")
    if task.assignee and task.state == TaskState.ACKNOWLEDGED:
        reminder = {field: values[field] for field in ("code", "milestone", "deadline")}
        notices.tell(work, task.assignee, "reminder", task=task, **reminder)
    for person in _lead(work, task):
        if person not in (task.assignee, task.about):
            notices.tell(work, person, "warning", task=task, **values)


def _breach(work: Work, task: Task, name: str) -> None:
    """Tell lead and duty manager by a page that lets them take it over; a task that somebody has goes back up."""
    milestone = work.session.get(Milestone, (task.id, name))
    if milestone is None or milestone.met_at:
        return
    values = notices.about(work, task, milestone)
    timeline.note(work, task, "breached", f"{name} was due {values['deadline']}")
    work.record("task.breached", task.id, actor=timeline.SERVICE, milestone=name)
    copies.breached(work, task, milestone)
    steps = policy_of(task).escalation
    if task.state == TaskState.ACKNOWLEDGED:
        _goes_back(work, task)
        paging.schedule(work, task)
        if task.assignee:
            notices.tell(work, task.assignee, "goes_back", task=task, code=task.code, milestone=name)
    channels = _by_lead_and_duty(steps) if task.state == TaskState.ACKNOWLEDGED else [Channel.SMS]
    for person in dict.fromkeys([*_lead(work, task), *people.available_duty(work)]):
        if person not in (task.assignee, task.about):
            paging.summon(work, task, person, level=task.level, by=channels, template="breach", extra=values)


def _goes_back(work: Work, task: Task) -> None:
    """A task that somebody has is overdue: whoever of lead and duty manager takes it now takes it over."""
    task.overdue_since = task.overdue_since or work.now
    task.level = len(policy_of(task).escalation) - 1
    work.session.add(task)


def _by_lead_and_duty(steps: Sequence[Step]) -> list[Channel]:
    """How a task that goes back up is paged. While nobody has it the chain is climbing anyway, and a text is enough."""
    by = [channel for step in steps if step.page in (Who.LEAD, Who.DUTY) for channel in step.by]
    return [Channel(channel) for channel in dict.fromkeys(by)]


def _lead(work: Work, task: Task) -> list[str]:
    lead = people.lead_of(work, task.team)
    if lead and lead not in people.away(work):
        return [lead]
    return people.available_duty(work) if task.team == DUTY_TEAM or lead is None else [lead]
