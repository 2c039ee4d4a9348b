"""Incident in, tasks out: each report recorded once, judged, and turned into tasks in one transaction."""

from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from rules.incident import IncidentReport, facts
from rules.match import Decision, unknown_basis
from service.database import hold, worth_repeating
from service.errors import Conflict, Fault, Invalid, NotFound, ServiceError
from service.models.incidents import Incident
from service.records import incidents, patterns, tasks, timeline, transitions
from service.runtime import Runtime
from service.work import Work

TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One report and whose it is."""

    report: IncidentReport
    key_id: str
    partner: str
    idempotency_key: str | None = None
    needs_lawful_basis: bool = False


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of a report: `new`, `replayed` (held already, nothing happened) or `revised`."""

    incident_id: str
    result: str


def accept(runtime: Runtime, submissions: list[Submission]) -> list[Taken | ServiceError]:
    """Take reports, in order, in one transaction. One that can't be taken gets its error and harms no other.

    Two requests with the same report at the same moment: the unique keys let one through, and the other, tried again,
    finds it there. Two that wait for each other: the database ends one, which is tried again too.
    """
    for attempt in range(TRIES):
        try:
            with runtime.transaction() as work:
                return [_accept_or_say_why(work, submission) for submission in submissions]
        except DBAPIError as error:
            if attempt == TRIES - 1 or not worth_repeating(error):
                raise
    raise AssertionError("the loop returns or raises")


def _accept_or_say_why(work: Work, submission: Submission) -> Taken | ServiceError:
    noted, measured = len(work.audit), len(work.measured)
    try:
        with work.session.begin_nested():
            return accept_one(work, submission)
    except ServiceError as error:
        # What the refused report had already caused goes with its savepoint.
        del work.audit[noted:], work.measured[measured:]
        return error


def accept_one(work: Work, submission: Submission) -> Taken:
    """Take one report. Raises Conflict for a reused Idempotency-Key, Invalid for an unknown or missing lawful basis."""
    report = submission.report
    _check_basis(work, submission)
    content = incidents.content_of(report)
    for name in (submission.idempotency_key, report.source_ref):
        if name:
            hold(work.session, f"{submission.key_id} {name}")
    held = incidents.held_already(
        work,
        key_id=submission.key_id,
        source_ref=report.source_ref,
        idempotency_key=submission.idempotency_key,
        content=content,
    )
    if held and held.content == content:
        return Taken(incident_id=held.id, result="replayed")
    if held and held.retracted_at:
        raise Conflict("this incident was retracted; report it again under a new source_ref")
    located = incidents.locate(work, report)
    if held:
        incidents.revise(work, held, report, located=located, content=content)
        for task in tasks.of_incident(work, held.id):
            timeline.note(work, task, "incident revised", f"revision {held.revision}", actor=held.partner)
            if task.closed_at is None:
                transitions.tell_holders(work, task, "updated")
        _judge(work, held, report, located, submission.partner)
        return Taken(incident_id=held.id, result="revised")
    incident = incidents.add(
        work,
        report,
        located=located,
        key_id=submission.key_id,
        partner=submission.partner,
        idempotency_key=submission.idempotency_key,
        content=content,
    )
    _judge(work, incident, report, located, submission.partner)
    return Taken(incident_id=incident.id, result="new")


def _check_basis(work: Work, submission: Submission) -> None:
    fault = unknown_basis(submission.report, work.policy.book)
    if fault is None and submission.needs_lawful_basis and not submission.report.lawful_basis:
        allowed = ", ".join(work.policy.book.rulebook.lawful_bases)
        fault = f"this key must give a lawful_basis: one of {allowed}"
    if fault:
        raise Invalid("the report is refused", (Fault("/lawful_basis", fault),))


def _judge(work: Work, incident: Incident, report: IncidentReport, located: incidents.Located, partner: str) -> None:
    """Judge an incident, and whatever patterns it completes, by the same rules."""
    values = _decide(work, incident, report, located, partner)
    for raised in patterns.completed(work, incident, report, located, values):
        _decide(work, raised.incident, raised.report, raised.located, raised.incident.partner)
        for task in tasks.of_incident(work, raised.incident.id):
            detail = f"{raised.report.summary}: {', '.join(raised.incident.parents or [])}"
            timeline.note(work, task, "pattern, not a report", detail, actor=raised.incident.partner)


def _decide(
    work: Work, incident: Incident, report: IncidentReport, located: incidents.Located, partner: str
) -> dict[str, object]:
    """The rules' decisions, and the facts that they were taken on; those that it has had before open nothing again."""
    values = facts(
        report,
        zone=work.partnership.zone,
        partner=partner,
        locality=located.locality,
        place=located.place,
        derived=incident.derived,
    )
    before = {d["pathway"]: d for d in incident.decisions if d["task"]}
    kept = []
    for decision in work.policy.judge.judge(values):
        if decision.pathway in before:
            kept.append(before.pop(decision.pathway))
        elif decision.pathway is None:
            kept.append(incidents.decided(decision, "recorded"))
        else:
            kept.append(_act(work, incident, report, located, decision, decision.pathway))
    incidents.keep_decisions(work, incident, [*before.values(), *kept])
    return values


def _act(
    work: Work,
    incident: Incident,
    report: IncidentReport,
    located: incidents.Located,
    decision: Decision,
    pathway: str,
) -> dict[str, object]:
    for mark in sorted({located.locality or "", incident.type}):
        hold(work.session, f"same event {pathway} {mark}")
    same = incidents.same_event(work, incident, pathway, report)
    if same:
        task, how = same
        incidents.link(work, incident, task)
        timeline.note(work, task, "joined", f"{incident.partner} reported {how}", actor=incident.partner)
        work.record("incident.joined", incident.id, actor=incident.partner, task=task.id)
        transitions.tell_holders(work, task, "joined")
        return incidents.decided(decision, "joined", task=task, reason=f"joined {task.code}: {how}")
    policy = work.policy.book.rulebook.pathway(pathway)
    place = located.place.slug if located.place else None
    team, why_duty = work.partnership.team_for(policy.team, locality=located.locality, place=place)
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


def retract(runtime: Runtime, incident_id: str, reason: str, *, actor: str) -> None:
    """A report was wrong: tasks that stand on it alone are cancelled. Again: nothing happens. Raises NotFound."""
    with runtime.transaction() as work:
        incident = work.session.get(Incident, incident_id, with_for_update=True)
        if incident is None:
            raise NotFound("there is no such incident")
        if incident.retracted_at:
            return
        alone = incidents.standing_alone(work, incident)
        incident.retracted_at = work.now
        work.session.add(incident)
        work.record("incident.retracted", incident.id, actor=actor)
        for task in tasks.of_incident(work, incident.id):
            timeline.note(work, task, "incident retracted", reason, actor=actor)
        for task in alone:
            transitions.cancel(work, task, f"retracted: {reason}", actor=actor)
