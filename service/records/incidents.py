"""Incidents: recorded once, recognised when they come again, revised, retracted, and found by those who may see them."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlmodel import col, or_, select

from rules import hotspots
from rules.incident import IncidentReport
from rules.match import Decision
from service.models.ids import new_id
from service.models.incidents import Incident, IncidentMark, Purpose, RefusedReport
from service.models.tasks import Task, TaskIncident, is_live
from service.records.told import Located, Told
from service.work import Work

# A visit is corrected a few dozen times at most; a message from before that is not delivered again.
MESSAGES = 100
TAKEN_BACK = "taken back"  # stands for the content of a message that takes back
PATTERNS = "pattern"  # stands for the key of incidents that no partner reported


def content_of(report: IncidentReport) -> str:
    """A fingerprint of everything in a report: equal reports, equal fingerprints."""
    canonical = json.dumps(report.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def add(
    work: Work,
    told: Told,
    *,
    key_id: str,
    content: str,
    idempotency_key: str | None = None,
    history: bool = False,
    purpose: Purpose = Purpose.RESPONSE,
    **more: Any,
) -> Incident:
    """Record a report that is new. `history`: it tells of the past, for patterns alone; `more`: further columns."""
    report, located = told.report, told.located
    incident = work.session.make(
        Incident,
        id=new_id("inc", work.now),
        key_id=key_id,
        partner=told.partner,
        source_ref=report.source_ref,
        idempotency_key=idempotency_key,
        content=content,
        type=report.type,
        occurred_at=report.occurred_at,
        received_at=work.now,
        locality=located.locality,
        locality_why=located.why,
        place_kind=located.place.kind if located.place else None,
        body=report.model_dump_json(),
        rulebook=work.policy.name,
        drill=report.drill,
        history=history,
        purpose=purpose.value,
        **({"hexagon": _hexagon(report, located)} | more),
    )
    _mark(work, incident, told)
    work.record("incident.received", incident.id, actor=told.partner, type=incident.type, drill=incident.drill)
    return incident


def replays(incident: Incident, *, content: str, idempotency_key: str | None) -> bool:
    """Whether a report says what is held, or is a message that came before and has been corrected since."""
    return incident.content == content or is_message_of(incident, content=content, idempotency_key=idempotency_key)


def is_message_of(incident: Incident, *, content: str, idempotency_key: str | None) -> bool:
    """Whether a message is one by which an incident was reported or corrected."""
    if not idempotency_key:
        return False
    first = incident.idempotency_key == idempotency_key and not incident.messages and incident.content == content
    return first or _message(idempotency_key, content) in (incident.messages or ())


def was_taken_back_by(incident: Incident, idempotency_key: str | None) -> bool:
    """Whether a message that takes back came before, for this incident or for one that it follows."""
    return bool(idempotency_key) and _message(idempotency_key, TAKEN_BACK) in (incident.messages or ())


def keep_message(incident: Incident, idempotency_key: str) -> None:
    """Know a message that takes an incident back when it is delivered again."""
    incident.messages = [*_messages(incident), _message(idempotency_key, TAKEN_BACK)][-MESSAGES:]


def follow(incident: Incident, before: Incident) -> None:
    """Let an incident know the messages of the one in whose place it begins: an old cancel must not take it back."""
    incident.messages = [*(before.messages or ()), *_messages(incident)][-MESSAGES:] or None


def _messages(incident: Incident) -> list[str]:
    first = [_message(incident.idempotency_key, incident.content)] if incident.idempotency_key else []
    return incident.messages or first


def give_way(work: Work, incident: Incident) -> None:
    """Leave the source_ref of an incident that was retracted to the one that begins anew under it; the report keeps it."""
    incident.source_ref = None
    work.session.add(incident)
    work.session.flush()
    work.record("incident.began_anew", incident.id, actor=incident.partner)


def _message(idempotency_key: str | None, content: str) -> str:
    return hashlib.sha256(f"{idempotency_key}\0{content}".encode()).hexdigest()[:32]


def revise(
    work: Work,
    incident: Incident,
    told: Told,
    *,
    content: str,
    idempotency_key: str | None = None,
) -> None:
    """Put a corrected report in place of an earlier one of the same source_ref."""
    report, located = told.report, told.located
    came = [*_messages(incident), *([_message(idempotency_key, content)] if idempotency_key else [])]
    incident.messages = came[-MESSAGES:] or None
    incident.revision += 1
    incident.content, incident.body = content, report.model_dump_json()
    incident.type, incident.occurred_at = report.type, report.occurred_at
    incident.locality, incident.locality_why = located.locality, located.why
    incident.place_kind = located.place.kind if located.place else None
    incident.hexagon = _hexagon(report, located)
    incident.rulebook = work.policy.name
    for mark in work.session.exec(select(IncidentMark).where(IncidentMark.incident_id == incident.id)).all():
        work.session.delete(mark)
    work.session.flush()
    _mark(work, incident, told)
    work.session.add(incident)
    work.record("incident.revised", incident.id, actor=incident.partner, revision=incident.revision)


def _mark(work: Work, incident: Incident, told: Told) -> None:
    for mark in sorted(told.marks):
        bear(work, incident, mark)


def bear(work: Work, incident: Incident, mark: str) -> None:
    """Let an incident be found by a mark."""
    work.session.put(IncidentMark, incident_id=incident.id, mark=mark, occurred_at=incident.occurred_at)


def _hexagon(report: IncidentReport, located: Located) -> str | None:
    return hotspots.hexagon_of(report, located.place.kind if located.place else None)


def keep_decisions(incident: Incident, decisions: list[dict[str, Any]]) -> None:
    """Keep what was decided, and why, with the incident."""
    incident.decisions = decisions


def decided(decision: Decision, result: str, *, task: Task | None = None, reason: str | None = None) -> dict[str, Any]:
    """A decision as it is kept and shown; `result` is opened, joined, kept or recorded."""
    return {
        "rule": decision.rule,
        "pathway": decision.pathway,
        "reason": reason or decision.reason,
        "result": result,
        "task": task.id if task else None,
    }


def is_second_report(incident: Incident) -> bool:
    """Whether an incident is a further report of an event that another one tells of."""
    return second_report(incident.decisions)


def second_report(decisions: Sequence[dict[str, Any]]) -> bool:
    """Whether decisions are those of a further report of an event that another one tells of."""
    return any(decision["result"] == "joined" for decision in decisions)


def link(work: Work, incident: Incident, task: Task) -> None:
    """Put an incident behind a task that is open already."""
    work.session.put(TaskIncident, replacing=(), task_id=task.id, incident_id=incident.id, joined=True)


def standing_alone(work: Work, incident: Incident) -> list[Task]:
    """The live tasks behind which no other incident stands that still holds: those that a retraction cancels."""
    query = (
        select(Task)
        .join(TaskIncident, col(TaskIncident.task_id) == col(Task.id))
        .where(TaskIncident.incident_id == incident.id, is_live())
    )
    tasks = work.session.exec(query).all()
    return [task for task in tasks if not _others(work, task, incident)]


def _others(work: Work, task: Task, incident: Incident) -> bool:
    query = (
        select(Incident.id)
        .join(TaskIncident, col(TaskIncident.incident_id) == col(Incident.id))
        .where(TaskIncident.task_id == task.id, Incident.id != incident.id, col(Incident.retracted_at).is_(None))
    )
    return work.session.exec(query).first() is not None


def keep_refused(
    work: Work, *, key_id: str, partner: str, status: int, problem: dict[str, Any], body: str
) -> RefusedReport:
    """Keep a body that could not be taken, for supervisors to see what a feed sends."""
    row = RefusedReport(
        id=new_id("ref", work.now),
        key_id=key_id,
        partner=partner,
        at=work.now,
        status=status,
        problem=problem,
        body=body,
    )
    work.session.add(row)
    work.record("incident.refused", row.id, actor=partner, status=status)
    return row


def page_of(
    work: Work,
    *,
    key_id: str | None,
    localities: list[str],
    before: str | None,
    limit: int,
    purpose: Purpose | None = None,
) -> list[Incident]:
    """Incidents newest first: those of one key, or those of some localities (none given: all). Tests of the service only if
    their purpose is asked for."""
    query = select(Incident).order_by(col(Incident.id).desc()).limit(limit)
    query = query.where(Incident.purpose == purpose.value if purpose else Incident.purpose != Purpose.TEST.value)
    if key_id:
        query = query.where(Incident.key_id == key_id)
    if localities:
        query = query.where(or_(*[Incident.locality == locality for locality in localities]))
    if before:
        query = query.where(col(Incident.id) < before)
    return list(work.session.exec(query).all())


def refused_lately(work: Work, limit: int) -> list[RefusedReport]:
    """What was refused, newest first."""
    return list(work.session.exec(select(RefusedReport).order_by(col(RefusedReport.id).desc()).limit(limit)).all())
