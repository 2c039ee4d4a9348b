"""Which people, groups and places recur together in the reports of a period, and which open tasks stand behind them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from rules.incident import IncidentReport, Place
from rules.networks import Network, Node, Sighting, connected
from service.models.incidents import Incident, Purpose
from service.models.tasks import Task, TaskIncident, is_live
from service.work import Work

MOST = 5000


def networks(
    work: Work, *, start: datetime, end: datetime, localities: Sequence[str], task: str | None
) -> list[dict[str, Any]]:
    """The networks among the newest incidents of a period that a caller may see; only that behind a task, if one is named."""
    query = select(Incident).where(
        col(Incident.occurred_at) >= start,
        col(Incident.occurred_at) < end,
        col(Incident.drill).is_(False),
        col(Incident.derived).is_(False),
        col(Incident.retracted_at).is_(None),
        Incident.purpose == Purpose.RESPONSE.value,
    )
    if localities:
        query = query.where(col(Incident.locality).in_(localities))
    rows = work.session.exec(query.order_by(col(Incident.occurred_at).desc()).limit(MOST)).all()
    found = connected([_sighting(work, row) for row in reversed(rows)])
    if task is not None:
        behind = set(work.session.exec(select(TaskIncident.incident_id).where(TaskIncident.task_id == task)).all())
        parents = work.session.exec(select(Incident.parents).where(col(Incident.id).in_(behind))).all()
        behind |= {parent for each in parents for parent in each or ()}
        found = [network for network in found if behind & set(network.incidents)]
    raised = _raised(work, start, end)
    return [_view(work, network, raised, localities) for network in found]


def _raised(work: Work, start: datetime, end: datetime) -> dict[str, frozenset[str]]:
    """The incidents that patterns raised in a period, and their parents: their tasks belong to the parents' network."""
    query = select(Incident.id, Incident.parents).where(
        col(Incident.derived).is_(True),
        col(Incident.retracted_at).is_(None),
        col(Incident.occurred_at) >= start,
        col(Incident.occurred_at) < end,
    )
    return {name: frozenset(parents or ()) for name, parents in work.session.exec(query).all()}


def _sighting(work: Work, row: Incident) -> Sighting:
    report = IncidentReport.model_validate_json(row.body)
    nodes = {Node("person", person.ref) for person in report.people} | {Node("group", group) for group in report.groups}
    place = report.place
    if place:
        known = work.policy.places.find(place)
        name = (known.identity if known else None) or place.name or place.postcode or _around(place)
        nodes |= {Node("place", name.removeprefix("known:"))} if name else set()
    return Sighting(row.id, frozenset(nodes))


def _around(place: Place) -> str | None:
    """A place that has nothing but a position, by that to about a hundred metres: reports of one corner meet in it."""
    return None if place.lat is None or place.lon is None else f"{place.lat:.3f},{place.lon:.3f}"


def _view(
    work: Work, network: Network, raised: Mapping[str, frozenset[str]], localities: Sequence[str]
) -> dict[str, Any]:
    behind = [*network.incidents, *(name for name, parents in raised.items() if parents & set(network.incidents))]
    open_ids = select(TaskIncident.task_id).where(col(TaskIncident.incident_id).in_(behind)).distinct().subquery()
    query = select(Task).where(col(Task.id).in_(select(open_ids.c.task_id)), is_live())
    tasks = work.session.exec(query.order_by(col(Task.opened_at))).all()
    visible = [task for task in tasks if not localities or task.locality in localities]
    return {
        "incidents": list(network.incidents),
        "members": [{"kind": node.kind, "ref": node.ref, "incidents": list(seen)} for node, seen in network.members],
        "tasks": [
            {"id": task.id, "code": task.code, "pathway": task.pathway, "team": task.team, "assignee": task.assignee}
            | {"derived": task.derived}
            for task in visible
        ],
    }
