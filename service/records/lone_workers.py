"""Lone workers: SAFE and SOS by text, and a check-in that was missed. An alarm is a task of its own, and climbs like one."""

from sqlmodel import col, select

from rules.own_pathways import MISSED_CHECK_IN, SOS
from rules.safety import Safe, Sos
from service.database import hold
from service.models.errands import Errand, ErrandKind
from service.models.tasks import Task, is_live
from service.partnership import DUTY_TEAM, WorkerSpec
from service.records import (
    answers,
    check_ins,
    errands,
    notices,
    ourselves,
    paging,
    people,
    tasks,
    timeline,
    transitions,
)
from service.records.check_ins import CheckIn
from service.records.policies import policy_of
from service.work import Work

SHOWN_TASKS = 5


def heard(work: Work, worker: WorkerSpec, said: Sos | Safe) -> str:
    """Act on what a worker's text said of their safety; what it was."""
    if isinstance(said, Sos):
        _call_for_help(work, worker)
        return "sos"
    _all_is_well(work, worker, said)
    return "safe"


def due(work: Work, errand: Errand) -> None:
    """A check-in fell due: its worker is asked first, and after a short grace the alarm is raised."""
    worker = work.partnership.worker_by_slug.get(errand.subject)
    held = check_ins.read(errand)
    if worker is None:
        return
    if not held.asked:
        until = work.now + check_ins.GRACE
        check_ins.put(work, worker.slug, until, every=held.every, task_id=held.task_id, asked=True)
        notices.tell(work, worker.slug, "check_in_missed", at=paging.clock_time(until, work.partnership.zone))
        return
    hold(work.session, _alarm_of(worker))
    if not any(_alarms(work, worker.slug)):
        reason = f"{worker.name} did not say SAFE in time, and did not answer when asked"
        _raise_alarm(work, worker, MISSED_CHECK_IN, reason, held)


def _all_is_well(work: Work, worker: WorkerSpec, said: Safe) -> None:
    held = check_ins.of(work, worker.slug)
    out = check_ins.still_out(work, worker.slug)
    every = said.after or (held.every if held and out else policy_of(out).check_in if out else None)
    if said.last or every is None:
        errands.clear(work, ErrandKind.CHECK_IN, worker.slug)
        template, at = "safe_over" if held or said.last else "safe", None
    else:
        at = paging.clock_time(work.now + every, work.partnership.zone)
        check_ins.put(work, worker.slug, work.now + every, every=every, task_id=out.id if out else None)
        template = "safe_next"
    called = _stand_down(work, worker)
    answers.say(work, worker.slug, "safe_after_sos" if called else template, at=at)


def _stand_down(work: Work, worker: WorkerSpec) -> bool:
    """A missed check-in was no more than that. An SOS stands until somebody has spoken to them; whether there is one."""
    who, called = notices.name(work, worker.slug), False
    for alarm in _alarms(work, worker.slug):
        task = tasks.lock(work, alarm.id)
        timeline.note(work, task, "says SAFE", worker.name, actor=worker.slug, channel="sms")
        if task.pathway == MISSED_CHECK_IN:
            transitions.cancel(work, task, "texted SAFE", actor=worker.slug, template="alarm_over", values={"who": who})
        else:
            called = True
            notices.others_told(work, task, "alarm_safe", besides=worker.slug, code=task.code, who=who)
    return called


def _call_for_help(work: Work, worker: WorkerSpec) -> None:
    who, held = notices.name(work, worker.slug), check_ins.of(work, worker.slug)
    hold(work.session, _alarm_of(worker))
    task = next((alarm for alarm in _alarms(work, worker.slug) if alarm.pathway == SOS), None)
    if task is not None:
        timeline.note(work, task, "SOS again", worker.name, actor=worker.slug, channel="sms")
        notices.others_told(work, task, "alarm_again", besides=worker.slug, code=task.code, who=who)
    else:
        task = _raise_alarm(work, worker, SOS, f"{worker.name} texted SOS", held)
        if paging.next_level(task) > task.level:
            paging.page(work, task, paging.next_level(task))
    called = [notices.name(work, slug) for slug in paging.paged_workers(work, task)]
    answers.say(work, worker.slug, "sos", who=answers.fitting([name for name in called if name], answers.CALLED_ROOM))


def _raise_alarm(work: Work, worker: WorkerSpec, pathway: str, reason: str, held: CheckIn | None) -> Task:
    holds = tasks.held_by(work, worker.slug)[:SHOWN_TASKS]
    out = next((task for task in holds if held and task.id == held.task_id), holds[0] if holds else None)
    team = out.team if out else next(iter(work.partnership.teams_of(worker.slug)), DUTY_TEAM)
    spec = work.partnership.team_by_slug.get(team)
    codes = ", ".join(task.code for task in holds) or "none"
    task = ourselves.report(
        work,
        kind=pathway.replace("-", "_"),
        pathway=pathway,
        team=team,
        locality=out.locality if out else spec.locality if spec else None,
        summary=f"{reason}. Ring them: {worker.phone}. Tasks that they hold: {codes}.",
        reason=reason,
        about=worker.slug,
    )
    work.record("worker.alarm", worker.slug, actor=timeline.SERVICE, alarm=pathway, task=task.id)
    return task


def _alarm_of(worker: WorkerSpec) -> str:
    """What is held while an alarm is raised, after the worker's check-in: two texts at once are one alarm."""
    return f"alarm of {worker.slug}"


def _alarms(work: Work, worker: str) -> list[Task]:
    query = select(Task).where(Task.about == worker, is_live())
    return list(work.session.exec(query.order_by(col(Task.opened_at))).all())


def asked_and_answers(work: Work, worker: str) -> bool:
    """Whether a bare YES or OK of a worker is the answer to whether they are safe: they were asked, and for nothing else."""
    errand = errands.get(work, ErrandKind.CHECK_IN, worker)
    return (
        errand is not None
        and check_ins.read(errand).asked
        and not tasks.sought(work, worker)
        and worker not in people.away(work)
    )
