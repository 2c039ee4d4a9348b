"""Paging: who is summoned for a task next, by which channels, and when the step after that comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam
from sqlmodel import col, or_, select

from notifiers.base import Channel
from notifiers.wording import short_name
from rules import escalation
from rules.escalation import Step, Who
from service.asking import Asking, Question, columns_of
from service.models.ids import new_id
from service.models.tasks import Page, PageOutcome, Task, is_live
from service.models.timers import TimerKind
from service.partnership import DUTY_TEAM, WorkerSpec
from service.records import (
    bursts,
    contacts,
    links,
    milestones,
    outbox,
    people,
    preferences,
    reaching,
    rotas,
    timeline,
    timers,
)
from service.records.policies import policy_of
from service.records.reaching import Way
from service.work import Work

ALARM_SPOKEN = "alarm_call"
SPOKEN = "call"  # nobody can follow a link that is read out
ONE_PHONE = (Who.ON_CALL, Who.BACKUP)
LONGEST_NAME = 20
OF_TASKS = Question(
    select(*columns_of(Page))
    .where(col(Page.task_id).in_(bindparam("tasks", expanding=True)))
    .order_by(col(Page.at), col(Page.id))
)


@dataclass(frozen=True)
class Summoned:
    """Who was paged at which level of the escalation."""

    level: int
    workers: tuple[str, ...]


def askings(work: Work) -> list[Asking]:
    """What whoever pages will ask of everybody."""
    return [
        (people.NOT_THERE, {}),
        (rotas.ON_LEAVE, {"at": work.now}),
        (rotas.CHANGES, {"start": work.now, "end": work.now}),
        (contacts.PROVEN, {}),
        (contacts.STOPPED, {}),
        (preferences.PREFERENCES, {}),
    ]


def page(work: Work, task: Task, level: int) -> Summoned:
    """Page a step of the escalation, or the first after it that has somebody to page, and set the timer for the next.

    A step with nobody is skipped at once and says so in the timeline. The last step is the duty manager's and repeats.
    """
    steps = policy_of(task).escalation
    last = len(steps) - 1
    level = min(level, last)
    chosen = _choose(work, task, steps[level])
    while not chosen.workers and level < last:
        timeline.note(work, task, "step skipped", f"step {level + 1}, {steps[level].page.value}: {chosen.reason}")
        level += 1
        chosen = _choose(work, task, steps[level])
    task.level, task.needs = level, max(task.needs, steps[level].needs)
    if not chosen.workers:
        timeline.note(work, task, "nobody to page", chosen.reason)
    for worker in chosen.workers:
        summon(work, task, worker, level=level, by=[Channel(channel) for channel in steps[level].by])
    schedule(work, task)
    return Summoned(level, chosen.workers)


def schedule(work: Work, task: Task) -> None:
    """Set the timer for the step after the current one; the last step comes again."""
    following = escalation.following(policy_of(task).escalation, task.level)
    task.next_page_at = work.now + following.wait
    timers.put(work, task.id, TimerKind.STEP, task.next_page_at)


def next_level(task: Task) -> int:
    """The step that comes after the current one."""
    return escalation.following(policy_of(task).escalation, task.level).level


def move_on(work: Work, task: Task) -> None:
    """Page the next step now if nobody of the current one can still answer. The last step has its repetition instead."""
    seeking_now = outbox.still_paging(task) and task.paused_at is None
    if seeking_now and all_ended(work, task) and next_level(task) > task.level:
        page(work, task, next_level(task))


def rest(work: Work, task: Task) -> None:
    """Stop paging: somebody has it, or it is over. What has not left yet does not leave."""
    timers.clear(work, task.id, TimerKind.STEP)
    task.next_page_at = None
    work.session.add(task)
    outbox.withdraw_pages(work, task)


def _choose(work: Work, task: Task, step: Step) -> escalation.Chosen:
    """Whom a step pages. Where its one person is asked for too much already, the whole team."""
    chosen = _recipients(work, task, step)
    if step.page not in ONE_PHONE or task.team == DUTY_TEAM or not chosen.workers:
        return chosen
    limit = work.policy.book.rulebook.bursts
    if not bursts.asked_for_enough(work, chosen.workers[0], task):
        return chosen
    whole = _recipients(work, task, step.model_copy(update={"page": Who.TEAM}))
    who = work.partnership.worker_name(chosen.workers[0])
    detail = f"{who} is being asked for {limit.at_most} others or more, so the first of the team to take it has it"
    timeline.note(work, task, "whole team paged", detail)
    return whole


def _recipients(work: Work, task: Task, step: Step) -> escalation.Chosen:
    gone = {**people.away(work), **({task.about: "raised the alarm"} if task.about else {})}
    paged = _last_pages(work, task)
    passed = {worker for worker, last in paged.items() if last.outcome == PageOutcome.PASSED}
    order = people.page_order(work, task.team)
    on_call = people.on_call(work, task.team)
    # Who came on call since the step for whoever is on call was never asked: they come before those who went.
    came_on = set(on_call) - paged.keys() if _asked_who_is_on_call(task) else set()
    proven, specs = contacts.proven_numbers(work), work.partnership.worker_by_slug

    def proven_first(workers: list[str]) -> list[str]:
        return sorted(workers, key=lambda worker: worker not in specs or not proven.any_of(specs[worker]))

    duty = people.page_order(work, DUTY_TEAM)
    if step.page is Who.DUTY and duty == [task.about]:
        # The only duty manager calls for help: nobody stands above the leads, so all of them are asked.
        leads = [team.lead for team in work.partnership.teams if team.lead and team.lead not in gone]
        why = "the duty manager raised the alarm, so the leads are paged"
        return escalation.Chosen(tuple(dict.fromkeys(leads)), why)
    return escalation.recipients(
        step,
        on_call=proven_first(order if task.team == DUTY_TEAM else on_call),
        backups=proven_first([worker for worker in order if worker not in on_call or worker in came_on]),
        lead=people.lead_of(work, task.team),
        team=people.members(work, task.team),
        duty=proven_first(duty),
        declined=passed,
        away=gone,
    )


def _asked_who_is_on_call(task: Task) -> bool:
    return any(step.page is Who.ON_CALL for step in policy_of(task).escalation[: task.level + 1])


def summon(
    work: Work,
    task: Task,
    worker: str,
    *,
    level: int,
    by: list[Channel],
    template: str | None = None,
    extra: dict[str, object] | None = None,
) -> Page | None:
    """Page one worker by each of the channels that can reach them, in the worker's own order; by the first other one when
    none of those can. A number in its quiet hours is passed over while another can be used."""
    spec = work.partnership.worker_by_slug[worker]
    usable = reaching.ways(work, spec)
    first = {way.channel: way for way in reversed(usable) if way.channel in by and not way.quiet}
    chosen = [way for way in usable if first.get(way.channel) is way] or usable[:1]
    row = work.session.make(Page, id=new_id("pag", work.now), task_id=task.id, worker=worker, level=level, at=work.now)
    if not chosen:
        row.outcome = PageOutcome.FAILED.value
        timeline.note(work, task, "page failed", f"{spec.name}: no channel can reach them")
        return None
    link = links.issue(work, task, worker)
    for way in chosen:
        _send_page(work, task, row, spec, way, template or _usual(task), {"link": link} | (extra or {}))
    return row


def page_again(work: Work, row: Page) -> bool:
    """Page a worker by their next channel or number after one failed for good; False when there is none left."""
    task = work.session.get(Task, row.task_id)
    spec = work.partnership.worker_by_slug.get(row.worker)
    if task is None or spec is None or not outbox.may_page(task, row.worker):
        return False
    tried = {(message.channel, message.address) for message in outbox.of_page(work, row.id)}
    left = [way for way in reaching.ways(work, spec) if (way.channel.value, way.address) not in tried]
    if not left:
        return False
    _send_page(work, task, row, spec, left[0], _usual(task), {"link": links.issue(work, task, row.worker)})
    return True


def _usual(task: Task) -> str:
    return outbox.ALARM if task.about else "page"


def _send_page(
    work: Work,
    task: Task,
    row: Page,
    spec: WorkerSpec,
    way: Way,
    template: str,
    extra: dict[str, object],
) -> None:
    values = facts(work, task) | extra
    outbox.write(
        work,
        (ALARM_SPOKEN if template == outbox.ALARM else SPOKEN) if way.channel is Channel.VOICE else template,
        worker=spec.slug,
        address=way.address,
        channel=way.channel,
        purpose=outbox.PAGE,
        task=task,
        page=row,
        values=values,
    )
    row.channels = [*row.channels, way.channel.value]
    task.first_paged_at = task.first_paged_at or work.now
    timeline.note(work, task, "paged", f"{spec.name}, step {row.level + 1}", channel=way.channel.value)


def all_ended(work: Work, task: Task) -> bool:
    """Whether every page of the current step was passed or will never arrive."""
    current = [p for p in pages_of(work, task) if p.level == task.level]
    newest = max((p.at for p in current), default=None)
    return bool(current) and all(p.outcome is not None for p in current if p.at == newest)


def pages_of(work: Work, task: Task) -> list[Page]:
    """Everybody who was paged for a task, oldest first."""
    stored: list[Page] = []
    if not work.session.unwritten(Task, task.id):
        stored = work.session.once(("pages", task.id), lambda: _stored_pages(work, [task.id])[task.id], of=[Page])
    return [*stored, *work.session.unwritten(Page, task.id)]


def look_up_pages(work: Work, tasks: Sequence[Task]) -> None:
    """Read the pages of some tasks in one go, for `pages_of`."""
    for task_id, rows in _stored_pages(work, [task.id for task in tasks]).items():
        work.session.remember(("pages", task_id), rows, of=[Page])


def _stored_pages(work: Work, task_ids: Sequence[str]) -> dict[str, list[Page]]:
    found: dict[str, list[Page]] = {task_id: [] for task_id in task_ids}
    for page in work.session.find(Page, OF_TASKS, tasks=task_ids):
        found[page.task_id].append(page)
    return found


def paged_workers(work: Work, task: Task) -> list[str]:
    """Who has been paged for a task and did not pass."""
    return [worker for worker, last in _last_pages(work, task).items() if last.outcome != PageOutcome.PASSED]


def _last_pages(work: Work, task: Task) -> dict[str, Page]:
    return {page.worker: page for page in pages_of(work, task)}


def seeking(work: Work, worker: str) -> list[Task]:
    """The tasks for which a worker is being sought now, oldest first: paged, nobody has it, and they did not pass."""
    work.session.flush()
    query = (
        select(Task, Page.outcome)
        .join(Page)
        .where(Page.worker == worker, is_live(), or_(col(Task.assignee).is_(None), col(Task.assignee) != worker))
        .order_by(col(Task.opened_at), col(Page.at), col(Page.id))
    )
    last = {task.id: (task, outcome) for task, outcome in work.session.exec(query).all()}
    return [task for task, outcome in last.values() if outcome != PageOutcome.PASSED and outbox.still_paging(task)]


def facts(work: Work, task: Task) -> dict[str, Any]:
    """What a page may say: nothing of it is about a person or the harm."""
    milestone = milestones.upcoming(work, task)
    due = milestone.due_at if milestone else task.opened_at
    return {
        "code": task.code,
        "priority": task.priority.upper(),
        "label": policy_of(task).sms_label,
        "locality": work.partnership.locality_name(task.locality),
        "deadline": clock_time(due, work.partnership.zone),
        "who": short_name(work.partnership.worker_name(task.about), LONGEST_NAME) if task.about else None,
    }


def clock_time(moment: datetime, zone: ZoneInfo) -> str:
    """An absolute time that is still right when a text arrives late, such as `16:11 Fri 20 Nov`."""
    local = moment.astimezone(zone)
    return f"{local:%H:%M %a} {local.day} {local:%b}"
