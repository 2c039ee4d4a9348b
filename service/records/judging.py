"""A report, recorded once and judged: its decisions, its tasks, and whatever patterns it completes. Within the transaction
of whichever flow it came by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import select

from rules.incident import IncidentReport
from rules.match import Decision, unknown_basis
from service.database import hold, to_hold
from service.errors import Conflict, Fault, Invalid, NotFound, ServiceError
from service.models.incidents import Incident, Purpose
from service.records import bursts, codes, incidents, paging, patterns, tasks, timeline, transitions, trials, views
from service.records.known import Known
from service.records.told import Located, Told, tell
from service.records.trials import Trial
from service.work import Work

HISTORY = Decision(None, None, "history: counted by patterns, pages nobody")


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One report and whose it is. `begins`: what was taken back before begins anew with it; `history`: it is counted by
    patterns, and nobody is paged for it; `shown`: it is answered with the incident; `trial`: the test of the service's own
    for which it was posted."""

    report: IncidentReport
    key_id: str
    partner: str
    idempotency_key: str | None = None
    needs_lawful_basis: bool = False
    begins: bool = False
    history: bool = False
    shown: bool = False
    trial: str | None = None


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of a report: `new`, `replayed` (held already, nothing happened), `revised` or `retracted`. `view`: a new
    incident as its partner sees it, where it was to be shown."""

    incident_id: str
    result: str
    view: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """A partner takes back what it reported under a source_ref."""

    source_ref: str
    key_id: str
    partner: str
    reason: str
    idempotency_key: str | None = None


def withdraw(work: Work, withdrawal: Withdrawal) -> Taken:
    """Take a report back by the partner's own id of it. Again: nothing happens. Raises NotFound."""
    hold(work.session, f"{withdrawal.key_id} {withdrawal.source_ref}")
    query = select(Incident).where(Incident.key_id == withdrawal.key_id, Incident.source_ref == withdrawal.source_ref)
    incident = work.session.exec(query.with_for_update()).first()
    if incident is None:
        raise NotFound("there is no such incident")
    if incidents.was_taken_back_by(incident, withdrawal.idempotency_key):
        return Taken(incident_id=incident.id, result="retracted" if incident.retracted_at else "replayed")
    if withdrawal.idempotency_key and not incident.retracted_at:
        incidents.keep_message(incident, withdrawal.idempotency_key)
    retract(work, incident, withdrawal.reason, actor=withdrawal.partner)
    return Taken(incident_id=incident.id, result="retracted")


def retract(work: Work, incident: Incident, reason: str, *, actor: str) -> None:
    """A report was wrong: tasks that stand on it alone are cancelled, and what a pattern raised from it is looked at
    again. Again: nothing happens."""
    if incident.retracted_at:
        return
    # Held, so that nobody takes one of them, or joins another report to it, while it is being cancelled.
    behind = [tasks.lock(work, task_id) for task_id in sorted(task.id for task in tasks.of_incident(work, incident.id))]
    alone = incidents.standing_alone(work, incident)
    incident.retracted_at = work.now
    work.session.add(incident)
    work.session.flush()
    work.record("incident.retracted", incident.id, actor=actor)
    for task in behind:
        timeline.note(work, task, "incident retracted", reason, actor=actor)
    for task in alone:
        transitions.cancel(work, task, f"retracted: {reason}", actor=actor)
    for doubt in patterns.doubted(work, incident):
        if doubt.falls:
            retract(work, doubt.incident, "a report behind it was retracted", actor=timeline.SERVICE)
            continue
        for task in tasks.of_incident(work, doubt.incident.id):
            detail = f"{incident.id}; {doubt.left} reports still stand behind this"
            timeline.note(work, task, "a report behind it was retracted", detail)


def accept_one(work: Work, submission: Submission) -> Taken:
    """Take one report. Raises Conflict for a reused Idempotency-Key, Invalid for an unknown or missing lawful basis."""
    (taken,) = accept(work, [submission])
    if isinstance(taken, ServiceError):
        raise taken
    return taken


def accept(work: Work, submissions: Sequence[Submission]) -> list[Taken | ServiceError]:
    """Take reports in order, each as if it had come alone; what can't be taken gets its error before anything is written.

    Whatever several transactions at the same moment must not decide apart is held from here to the commit.
    """
    told = [tell(work, submission.report, partner=submission.partner) for submission in submissions]
    keys = [(each.key_id, each.report.source_ref, each.idempotency_key) for each in submissions]
    names = {f"{key_id} {name}" for key_id, *given in keys for name in given if name}
    held = to_hold(work.session, names.union(*[one.reach(work).keys() for one in told]))
    known = Known(work=work)
    summons = any(decision.pathway for one in told for decision in one.decisions)
    opens = [*codes.askings(work), *paging.askings(work)] if summons else []
    work.session.ask_ahead([*held, *known.askings(keys, told), *opens])
    known.ask_held(keys)
    known.ask_others(told)
    patterns.ask_ahead(told, known)
    _ask_who_is_free(work, told)
    return [_taken_or_why(work, submission, one, known) for submission, one in zip(submissions, told, strict=True)]


def _ask_who_is_free(work: Work, told: Sequence[Told]) -> None:
    """Of the teams that some reports will be sent to, in one question for each sort of report."""
    for drill in (False, True):
        pathways = {(d.pathway, one.located) for one in told if one.report.drill is drill for d in one.decisions}
        teams = {_team(work, pathway, located)[0] for pathway, located in pathways if pathway}
        bursts.ask_ahead(work, teams, drill=drill)


def _taken_or_why(work: Work, submission: Submission, told: Told, known: Known) -> Taken | ServiceError:
    try:
        trial = trials.under_way(work, submission.trial) if submission.trial else None
        held, content = _recognised(work, submission, known)
    except ServiceError as error:
        return error
    if trial and not held:
        return _take_trial(work, submission, told, known, content, trial)
    return _take(work, submission, told, known, held, content)


def _recognised(work: Work, submission: Submission, known: Known) -> tuple[Incident | None, str]:
    _check_basis(work, submission)
    report, content = submission.report, incidents.content_of(submission.report)
    held = known.find(
        key_id=submission.key_id,
        source_ref=report.source_ref,
        idempotency_key=submission.idempotency_key,
        content=content,
    )
    if held and held.retracted_at and not (_begins(submission, held, content) or _replays(submission, held, content)):
        raise Conflict("this incident was retracted; report it again under a new source_ref")
    return held, content


def _begins(submission: Submission, held: Incident, content: str) -> bool:
    came = incidents.is_message_of(held, content=content, idempotency_key=submission.idempotency_key)
    return submission.begins and held.retracted_at is not None and not came


def _replays(submission: Submission, held: Incident, content: str) -> bool:
    goes_live = held.history and not submission.history
    return not goes_live and incidents.replays(held, content=content, idempotency_key=submission.idempotency_key)


def _take(work: Work, submission: Submission, told: Told, known: Known, held: Incident | None, content: str) -> Taken:
    before: Incident | None = None
    if held and _begins(submission, held, content):
        incidents.give_way(work, held)
        before, held = held, None
    if held and _replays(submission, held, content):
        return Taken(incident_id=held.id, result="replayed")
    if held:
        # What was live stays live: tasks stand on it. What was history is judged when it is reported after all.
        held.history = held.history and submission.history
        incidents.revise(work, held, told, content=content, idempotency_key=submission.idempotency_key)
        for task in tasks.of_incident(work, held.id):
            timeline.note(work, task, "incident revised", f"revision {held.revision}", actor=held.partner)
            if task.closed_at is None:
                transitions.tell_holders(work, task, "updated")
        judge(work, held, told, known)
        return Taken(incident_id=held.id, result="revised")
    incident = incidents.add(
        work,
        told,
        key_id=submission.key_id,
        idempotency_key=submission.idempotency_key,
        content=content,
        history=submission.history,
    )
    if before:
        incidents.follow(incident, before)
    judge(work, incident, told, known)
    return _new(work, submission, known, incident)


def _new(work: Work, submission: Submission, known: Known, incident: Incident) -> Taken:
    known.hold(incident)
    view = views.new_incident_view(work, incident, submission.report) if submission.shown else None
    return Taken(incident_id=incident.id, result="new", view=view)


def _take_trial(work: Work, submission: Submission, told: Told, known: Known, content: str, trial: Trial) -> Taken:
    """A report of our own is judged by no rule, and counted nowhere."""
    incident = incidents.add(
        work,
        told,
        key_id=submission.key_id,
        idempotency_key=submission.idempotency_key,
        content=content,
        purpose=Purpose.TEST,
    )
    trials.open_for(work, incident, trial)
    return _new(work, submission, known, incident)


def _check_basis(work: Work, submission: Submission) -> None:
    fault = unknown_basis(submission.report, work.policy.book)
    if fault is None and submission.needs_lawful_basis and not submission.report.lawful_basis:
        allowed = ", ".join(work.policy.book.rulebook.lawful_bases)
        fault = f"this key must give a lawful_basis: one of {allowed}"
    if fault:
        raise Invalid("the report is refused", (Fault("/lawful_basis", fault),))


def judge(work: Work, incident: Incident, told: Told, known: Known) -> None:
    """Judge an incident, and whatever patterns it completes, by the same rules. History is not judged."""
    if incident.history:
        incidents.keep_decisions(incident, [incidents.decided(HISTORY, "recorded")])
        known.take(incident, told)
        return
    _decide(work, incident, told, known)
    known.take(incident, told)
    for raised in patterns.completed(work, incident, told, known):
        known.ask_others([raised.told])
        _decide(work, raised.incident, raised.told, known)
        known.take(raised.incident, raised.told)
        for task in tasks.of_incident(work, raised.incident.id):
            detail = f"{raised.told.report.summary}: {', '.join(raised.incident.parents or [])}"
            timeline.note(work, task, "pattern, not a report", detail, actor=raised.incident.partner)


def _decide(work: Work, incident: Incident, told: Told, known: Known) -> None:
    """The rules' decisions; those that it has had before open nothing again."""
    before = {d["pathway"]: d for d in incident.decisions if d["task"]}
    kept = []
    for decision in told.decisions:
        if decision.pathway in before:
            kept.append(before.pop(decision.pathway))
        elif decision.pathway is None:
            kept.append(incidents.decided(decision, "recorded"))
        else:
            kept.append(_act(work, incident, told, known, decision, decision.pathway))
    incidents.keep_decisions(incident, [*before.values(), *kept])


def _act(
    work: Work, incident: Incident, told: Told, known: Known, decision: Decision, pathway: str
) -> dict[str, object]:
    located = told.located
    same = known.same_event(incident, pathway, told)
    if same and tasks.is_still_live(work, same[0]):
        task, how = same
        incidents.link(work, incident, task)
        timeline.note(work, task, "joined", f"{incident.partner} reported {how}", actor=incident.partner)
        work.record("incident.joined", incident.id, actor=incident.partner, task=task.id)
        transitions.tell_holders(work, task, "joined")
        return incidents.decided(decision, "joined", task=task, reason=f"joined {task.code}: {how}")
    policy = work.policy.book.rulebook.pathway(pathway)
    team, why_duty = _team(work, pathway, located)
    if why_duty and located.locality is None:
        why_duty = f"{why_duty}: {located.why}"
    task = tasks.open_task(
        work,
        pathway=pathway,
        policy=policy,
        incident=incident,
        team=team,
        why_duty=why_duty,
        reason=decision.reason,
    )
    reason = f"{decision.reason}; sent to the duty manager because {why_duty}" if why_duty else None
    return incidents.decided(decision, "opened", task=task, reason=reason)


def _team(work: Work, pathway: str, located: Located) -> tuple[str, str | None]:
    template = work.policy.book.rulebook.pathway(pathway).team
    place = located.place.slug if located.place else None
    return work.partnership.team_for(template, locality=located.locality, place=place)
