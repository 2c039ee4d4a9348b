"""Tasks and incidents as the API and the pages show them: plain values, times as instants."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import col, select

from rules.incident import IncidentReport
from service.models.incidents import Incident, Purpose
from service.models.tasks import LIVE, Milestone, Task, TimelineEntry, is_live
from service.records import check_ins, milestones, tasks, timeline
from service.records.policies import policy_of
from service.work import Work


def sla(work: Work, task: Task, rows: Sequence[Milestone]) -> list[dict[str, Any]]:
    """The milestones of a task with their states now."""
    return [
        {
            "milestone": m.name,
            "due_at": m.due_at,
            "warn_at": m.warn_at,
            "met_at": m.met_at,
            "state": milestones.state_of(work, task, m).value,
        }
        for m in rows
    ]


def task_views(work: Work, rows: Sequence[Task]) -> list[dict[str, Any]]:
    """Tasks as the API gives them."""
    ids = [task.id for task in rows]
    behind, due = tasks.incidents_of(work, ids), milestones.of_tasks(work, ids)
    expected = check_ins.shown(work, {task.assignee for task in rows if task.assignee})
    return [
        _task(work, task, behind[task.id], due[task.id]) | {"check_in": expected.get(task.assignee or "")}
        for task in rows
    ]


def task_view(work: Work, task: Task) -> dict[str, Any]:
    """One task with its timeline."""
    view = task_views(work, [task])[0]
    return view | {"timeline": [entry_view(entry) for entry in timeline.of_task(work, task.id)]}


def _task(work: Work, task: Task, behind: list[str], due: list[Milestone]) -> dict[str, Any]:
    return {
        "id": task.id,
        "code": task.code,
        "pathway": task.pathway,
        "priority": task.priority,
        "team": task.team,
        "locality": task.locality,
        "state": task.state,
        "assignee": task.assignee,
        "incidents": behind,
        "opened_at": task.opened_at,
        "acknowledged_at": task.acknowledged_at,
        "completed_at": task.completed_at,
        "outcome": task.outcome,
        "paused_until": task.paused_until,
        "drill": task.drill,
        "derived": task.derived,
        "purpose": task.purpose,
        "about": task.about,
        "certainty": task.certainty,
        "expires_at": task.expires_at,
        "sla": sla(work, task, due),
        "escalation": {"step": task.level + 1, "next_at": task.next_page_at},
    }


def entry_view(entry: TimelineEntry) -> dict[str, Any]:
    """One line of a timeline."""
    return {
        "at": entry.at,
        "event": entry.event,
        "actor": entry.actor,
        "channel": entry.channel,
        "detail": entry.detail,
    }


def card(work: Work, task: Task, due: list[Milestone], *, lines: int = 0) -> dict[str, Any]:
    """A task as the pages show it: names instead of slugs, and the deadline that matters now."""
    policy = policy_of(task)
    upcoming = milestones.upcoming(work, task, due)
    shown = [entry_view(entry) for entry in timeline.of_task(work, task.id)[-lines:]] if lines else []
    states = sla(work, task, due)
    return {
        "id": task.id,
        "code": task.code,
        "title": policy.title,
        "label": policy.sms_label,
        "priority": task.priority,
        "team": work.partnership.team_name(task.team),
        "locality": task.locality,
        "state": task.state,
        "assignee": work.partnership.worker_name(task.assignee) if task.assignee else None,
        "drill": task.drill,
        "derived": task.derived,
        "purpose": task.purpose,
        "certainty": task.certainty,
        "paused_until": task.paused_until,
        "opened_at": task.opened_at,
        "sla": states,
        "next": next((s for s in states if upcoming and s["milestone"] == upcoming.name), None),
        "escalation": {"step": task.level + 1, "of": len(policy.escalation), "next_at": task.next_page_at},
        "outcome": task.outcome,
        "outcomes": list(policy.outcomes),
        "timeline": shown,
    }


def incident_view(work: Work, incident: Incident) -> dict[str, Any]:
    """An incident as its partner and the supervisors of its locality see it."""
    return incident_views(work, [incident])[0]


def incident_views(work: Work, rows: Sequence[Incident]) -> list[dict[str, Any]]:
    """The same of several, with what is behind them read at once."""
    behind = tasks.of_incidents(work, [row.id for row in rows])
    due = milestones.of_tasks(work, list({task.id for found in behind.values() for task in found}))
    return [_incident(work, row, IncidentReport.model_validate_json(row.body), behind[row.id], due) for row in rows]


def new_incident_view(work: Work, incident: Incident, report: IncidentReport) -> dict[str, Any]:
    """The same of one that was just recorded, from what this transaction knows."""
    names = dict.fromkeys(decision["task"] for decision in incident.decisions if decision["task"])
    behind = [work.session.get_one(Task, name) for name in names]
    due = {task.id: milestones.of_task(work, task.id) for task in behind}
    return _incident(work, incident, report, sorted(behind, key=lambda task: (task.opened_at, task.id)), due)


def _incident(
    work: Work,
    incident: Incident,
    report: IncidentReport,
    behind: Sequence[Task],
    due: Mapping[str, Sequence[Milestone]],
) -> dict[str, Any]:
    return {
        **report.model_dump(mode="json"),
        "id": incident.id,
        "status": _status(incident, behind),
        "received_at": incident.received_at,
        "locality": incident.locality,
        "revision": incident.revision,
        "rulebook": incident.rulebook,
        "history": incident.history,
        "derived": incident.derived,
        "purpose": incident.purpose,
        "pattern": incident.pattern,
        "parents": incident.parents or [],
        "decisions": incident.decisions,
        "tasks": [
            {
                "id": task.id,
                "code": task.code,
                "pathway": task.pathway,
                "team": task.team,
                "state": task.state,
                "sla": sla(work, task, due[task.id]),
            }
            for task in behind
        ],
    }


def _status(incident: Incident, behind: Sequence[Task]) -> str:
    if incident.retracted_at:
        return "retracted"
    if not behind:
        return "recorded"
    return "open" if any(task.state in LIVE for task in behind) else "closed"


def details(work: Work, task: Task) -> list[dict[str, str]]:
    """What a worker needs to go: where, and what was reported. Shown after a gesture that the audit keeps."""
    found: list[dict[str, str]] = []
    for incident_id in tasks.incidents_of(work, [task.id])[task.id]:
        incident = work.session.get_one(Incident, incident_id)
        report = IncidentReport.model_validate_json(incident.body)
        place = report.place
        where = [place.name, place.postcode, place.text] if place else []
        people = [
            ", ".join(
                str(part) for part in (person.role, person.age if person.age is not None else person.age_band) if part
            )
            for person in report.people
        ]
        rows = {
            "Reported by": incident.partner,
            "Happened": f"{incident.occurred_at.astimezone(work.partnership.zone):%H:%M %a %d %b %Y}",
            "Kind": incident.type.replace("_", " "),
            "Place": ", ".join(part for part in where if part),
            "Young people": "; ".join(people),
            "Report": report.summary or "",
        }
        found += [{"name": name, "value": value} for name, value in rows.items() if value]
    return found


def live_tasks(work: Work, localities: Sequence[str]) -> list[Task]:
    """Everything that is not ended, of some localities (none named: all). Tests of the service itself are left out."""
    query = select(Task).where(is_live()).order_by(col(Task.opened_at))
    query = query.where(Task.purpose != Purpose.TEST.value)
    if localities:
        query = query.where(col(Task.locality).in_(localities))
    return list(work.session.exec(query).all())
