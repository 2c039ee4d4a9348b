"""Incidents: recorded once, recognised when they come again, revised, retracted, and found by those who may see them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import col, or_, select

from rules import hotspots, patterns
from rules.incident import IncidentReport
from rules.match import Decision
from rules.places import FoundPlace, place_keys
from service.errors import Conflict
from service.models.ids import new_id
from service.models.incidents import Incident, IncidentMark, Purpose, RefusedReport
from service.models.tasks import LIVE, Task, TaskIncident
from service.work import Work

# A visit is corrected a few dozen times at most; a message from before that is not delivered again.
MESSAGES = 100
PATTERNS = "pattern"  # stands for the key of incidents that no partner reported


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where an incident belongs, and how that was found."""

    locality: str | None
    why: str
    place: FoundPlace | None


def content_of(report: IncidentReport) -> str:
    """A fingerprint of everything in a report: equal reports, equal fingerprints."""
    canonical = json.dumps(report.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def held_already(
    work: Work, *, key_id: str, source_ref: str | None, idempotency_key: str | None, content: str
) -> Incident | None:
    """The incident that this report is, if it came before. Raises Conflict for a reused key with other content."""
    if idempotency_key:
        query = select(Incident).where(Incident.key_id == key_id, Incident.idempotency_key == idempotency_key)
        found = work.session.exec(query.with_for_update()).first()
        if found and replays(found, content=content, idempotency_key=idempotency_key):
            return found
        if found and found.source_ref != source_ref:
            raise Conflict("this Idempotency-Key was used before with other content; use a new key for a new incident")
        if found:
            raise Conflict("this Idempotency-Key was used before with other content; send a revision with a new key")
    if source_ref:
        query = select(Incident).where(Incident.key_id == key_id, Incident.source_ref == source_ref)
        return work.session.exec(query.with_for_update()).first()
    return None


def locate(work: Work, report: IncidentReport) -> Located:
    """The locality of a report: as given, else from its place by the rulebook's list, else none with the reason."""
    place = work.policy.places.find(report.place)
    known = work.partnership.locality_names
    if report.locality and report.locality in known:
        return Located(locality=report.locality, why="as reported", place=place)
    given = f"the partnership has no locality {report.locality}; " if report.locality else ""
    if place and place.locality:
        return Located(locality=place.locality, why=f"{given}found by {place.how}", place=place)
    missing = "no place was given" if report.place is None else "its place is not one that the rulebook lists"
    return Located(locality=None, why=f"{given}{missing}", place=place)


def add(
    work: Work,
    report: IncidentReport,
    *,
    located: Located,
    key_id: str,
    partner: str,
    idempotency_key: str | None,
    content: str,
    history: bool = False,
    purpose: Purpose = Purpose.RESPONSE,
) -> Incident:
    """Record a report that is new. `history`: it tells of the past, for patterns alone."""
    incident = Incident(
        id=new_id("inc", work.now),
        key_id=key_id,
        partner=partner,
        source_ref=report.source_ref,
        idempotency_key=idempotency_key,
        content=content,
        type=report.type,
        occurred_at=report.occurred_at,
        received_at=work.now,
        locality=located.locality,
        locality_why=located.why,
        place_kind=located.place.kind if located.place else None,
        hexagon=_hexagon(report, located),
        body=report.model_dump_json(),
        rulebook=work.policy.name,
        drill=report.drill,
        history=history,
        purpose=purpose.value,
    )
    work.session.add(incident)
    work.session.flush()
    _mark(work, incident, report, located)
    work.record("incident.received", incident.id, actor=partner, type=incident.type, drill=incident.drill)
    return incident


def replays(incident: Incident, *, content: str, idempotency_key: str | None) -> bool:
    """Whether a report says what is held, or is a message that came before and has been corrected since."""
    if incident.content == content:
        return True
    return bool(idempotency_key) and _message(idempotency_key, content) in (incident.messages or ())


def _message(idempotency_key: str | None, content: str) -> str:
    return hashlib.sha256(f"{idempotency_key}\0{content}".encode()).hexdigest()[:32]


def revise(
    work: Work,
    incident: Incident,
    report: IncidentReport,
    *,
    located: Located,
    content: str,
    idempotency_key: str | None = None,
) -> None:
    """Put a corrected report in place of an earlier one of the same source_ref."""
    first = [_message(incident.idempotency_key, incident.content)] if incident.idempotency_key else []
    came = [*(incident.messages or first), *([_message(idempotency_key, content)] if idempotency_key else [])]
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
    _mark(work, incident, report, located)
    work.session.add(incident)
    work.record("incident.revised", incident.id, actor=incident.partner, revision=incident.revision)


def _hexagon(report: IncidentReport, located: Located) -> str | None:
    return hotspots.hexagon_of(report, located.place.kind if located.place else None)


def keep_decisions(work: Work, incident: Incident, decisions: list[dict[str, Any]]) -> None:
    """Keep what was decided, and why, with the incident."""
    incident.decisions = decisions
    work.session.add(incident)


def decided(decision: Decision, result: str, *, task: Task | None = None, reason: str | None = None) -> dict[str, Any]:
    """A decision as it is kept and shown; `result` is opened, joined, kept or recorded."""
    return {
        "rule": decision.rule,
        "pathway": decision.pathway,
        "reason": reason or decision.reason,
        "result": result,
        "task": task.id if task else None,
    }


def same_event(work: Work, incident: Incident, pathway: str, report: IncidentReport) -> tuple[Task, str] | None:
    """The open task of another agency's report of the same event, and how they were found to be the same."""
    duplicates = work.policy.book.rulebook.duplicates
    if duplicates is None or incident.drill:
        return None
    window: timedelta = duplicates.window
    query = (
        select(Task, Incident, IncidentMark)
        .join(TaskIncident, col(TaskIncident.task_id) == col(Task.id))
        .join(Incident, col(Incident.id) == col(TaskIncident.incident_id))
        .join(IncidentMark, col(IncidentMark.incident_id) == col(Incident.id))
        .where(
            col(IncidentMark.mark).in_(sorted(_event_marks(work, report, None))),
            col(IncidentMark.occurred_at) >= incident.occurred_at - window,
            col(IncidentMark.occurred_at) <= incident.occurred_at + window,
            col(Task.state).in_([state.value for state in LIVE]),
            Task.pathway == pathway,
            col(Task.drill).is_(False),
            col(Incident.key_id) != incident.key_id,
            col(Incident.retracted_at).is_(None),
        )
        .order_by(col(Task.opened_at))
    )
    people = {mark_of(work, "person", person.ref) for person in report.people}
    for task, other, mark in work.session.exec(query).all():
        if mark.mark in people:
            return task, f"the same person within {_hours(window)}"
        if "place" in duplicates.same and ("kind" not in duplicates.same or other.type == incident.type):
            return task, f"the same place and kind within {_hours(window)}"
    return None


def _hours(window: timedelta) -> str:
    return f"{window.total_seconds() / 3600:g} h"


def _mark(work: Work, incident: Incident, report: IncidentReport, located: Located) -> None:
    for mark in sorted(_event_marks(work, report, located) | _context_marks(work, report)):
        work.session.add(IncidentMark(incident_id=incident.id, mark=mark, occurred_at=incident.occurred_at))


def _event_marks(work: Work, report: IncidentReport, located: Located | None) -> set[str]:
    """What a second report of the same event would share."""
    return place_marks(work, report, located) | {mark_of(work, "person", person.ref) for person in report.people}


def _context_marks(work: Work, report: IncidentReport) -> set[str]:
    """What other events of the same context would share: a peer group, a part of the map."""
    place = report.place
    cells = patterns.cells((place.lat, place.lon)) if place and place.lat is not None and place.lon is not None else []
    return {mark_of(work, "group", group) for group in report.groups} | {mark_of(work, "cell", cell) for cell in cells}


def place_marks(work: Work, report: IncidentReport, located: Located | None) -> set[str]:
    """What identifies the place of a report."""
    place = located.place if located else work.policy.places.find(report.place)
    keys = place_keys(report.place) if report.place else set()
    if place and place.identity:
        keys = keys | {place.identity}
    return {mark_of(work, "place", key) for key in keys}


def mark_of(work: Work, kind: str, value: str) -> str:
    """The blind index of a value."""
    return work.keyring.fingerprint(kind, value)


def is_second_report(incident: Incident) -> bool:
    """Whether an incident is a further report of an event that another one tells of."""
    return second_report(incident.decisions)


def second_report(decisions: Sequence[dict[str, Any]]) -> bool:
    """Whether decisions are those of a further report of an event that another one tells of."""
    return any(decision["result"] == "joined" for decision in decisions)


def link(work: Work, incident: Incident, task: Task) -> None:
    """Put an incident behind a task that is open already."""
    if work.session.get(TaskIncident, (task.id, incident.id)) is None:
        work.session.add(TaskIncident(task_id=task.id, incident_id=incident.id, joined=True))


def standing_alone(work: Work, incident: Incident) -> list[Task]:
    """The live tasks behind which no other incident stands that still holds: those that a retraction cancels."""
    query = (
        select(Task)
        .join(TaskIncident, col(TaskIncident.task_id) == col(Task.id))
        .where(TaskIncident.incident_id == incident.id, col(Task.state).in_([state.value for state in LIVE]))
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
