"""Places that repeat, counted from what was reported, and the planned work that a supervisor's approval opens there."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select as columns  # SQLModel types no more than four of them
from sqlmodel import col, select

from rules import hotspots
from rules.hotspots import RESOLUTION, WEEK, WEEKS_LOOKED_BACK, Event, PlacePolicy, Spot
from rules.incident import IncidentReport, Place
from rules.match import Decision
from service.database import hold
from service.errors import Conflict, NotFound
from service.models.incidents import Incident, IncidentMark
from service.models.tasks import Certainty, Task, TaskIncident, is_live
from service.records import incidents, tasks, timeline
from service.records.told import Located, mark_of, tell
from service.work import Work

# Counts below this could single somebody out for whoever may not see the incidents themselves.
SMALL = 5
MOST = 200_000
POLICY = "hotspot policy"
TYPE = "place_of_concern"
NOTE = "These are the partnership's own settings: a policy, not evidence of what will happen."


def collection(
    work: Work, *, localities: Sequence[str], band: str | None, only_flagged: bool, suppressed: bool
) -> dict[str, Any]:
    """The places as GeoJSON (RFC 7946), with the policy that flags them. `suppressed`: small numbers are left out, and
    so is everything by which they could be worked out."""
    policy = work.policy.book.rulebook.hotspots
    if policy is None:
        return {"type": "FeatureCollection", "at": work.now, "policy": None, "base_rates": {}, "features": []}
    events = _events(work, policy, localities)
    found = [
        spot
        for spot in hotspots.spots(policy, events, now=work.now, zone=work.partnership.zone)
        if (band is None or spot.band == band) and (spot.flags or not only_flagged)
    ]
    rates = hotspots.base_rates(policy, events, now=work.now, zone=work.partnership.zone)
    planned = {} if suppressed else _planned(work, found)
    return {
        "type": "FeatureCollection",
        "at": work.now,
        "policy": policy.model_dump(mode="json") | {"note": NOTE},
        "base_rates": {kind: asdict(rate) for kind, rate in rates.items()},
        "features": [
            {
                "type": "Feature",
                "id": f"{spot.hexagon}:{spot.band}",
                "geometry": {"type": "Polygon", "coordinates": [hotspots.outline(spot.hexagon)]},
                "properties": _few(spot) if suppressed else _all(work, spot, planned),
            }
            for spot in found
        ],
    }


def _all(work: Work, spot: Spot, planned: dict[str, Task]) -> dict[str, Any]:
    task = planned.get(_mark(work, spot.hexagon, spot.band))
    return {
        "hexagon": spot.hexagon,
        "band": spot.band,
        "locality": spot.locality,
        "count": spot.count,
        "kinds": dict(spot.kinds),
        "first": spot.first,
        "last": spot.last,
        "flags": [{"kind": flag.kind, "reason": flag.reason} for flag in spot.flags],
        "suppressed": False,
        "task": {"id": task.id, "code": task.code} if task else None,
    }


def _few(spot: Spot) -> dict[str, Any]:
    """A flag's reason holds a count, a single kind is a count, and the kinds of a total give away the small ones."""
    shown = spot.count >= SMALL
    every = all(count >= SMALL for count in spot.kinds.values())
    flags = [{"kind": flag.kind, "reason": None} for flag in spot.flags if shown and flag.kind == "repeat"]
    return {
        "hexagon": spot.hexagon,
        "band": spot.band,
        "locality": spot.locality,
        "count": spot.count if shown else None,
        "kinds": dict(spot.kinds) if every else {},
        "first": None,
        "last": None,
        "flags": flags,
        "suppressed": not (shown and every),
        "task": None,
    }


def _events(work: Work, policy: PlacePolicy, localities: Sequence[str]) -> list[Event]:
    start = work.now - policy.looks_back - WEEK * WEEKS_LOOKED_BACK
    query = (
        columns(
            col(Incident.hexagon),
            col(Incident.occurred_at),
            col(Incident.type),
            col(Incident.locality),
            col(Incident.decisions),
        )
        .where(
            col(Incident.hexagon).is_not(None),
            col(Incident.type).in_(policy.types),
            col(Incident.occurred_at) >= start,
            col(Incident.occurred_at) <= work.now,
            col(Incident.drill).is_(False),
            col(Incident.derived).is_(False),
            col(Incident.retracted_at).is_(None),
        )
        .order_by(col(Incident.occurred_at).desc())
        .limit(MOST)
    )
    if localities:
        query = query.where(col(Incident.locality).in_(localities))
    return [
        Event(hexagon=hexagon, at=at, kind=kind, locality=locality)
        for hexagon, at, kind, locality, decisions in work.session.connection().execute(query).all()
        if hexagon and not incidents.second_report(decisions)
    ]


def _mark(work: Work, hexagon: str, band: str) -> str:
    return mark_of(work, "hotspot", f"{hexagon}:{band}")


def _planned(work: Work, found: Iterable[Spot]) -> dict[str, Task]:
    """The live planned tasks of flagged places, by the place's mark."""
    marks = [_mark(work, spot.hexagon, spot.band) for spot in found if spot.flags]
    query = (
        select(IncidentMark.mark, Task)
        .join(TaskIncident, col(TaskIncident.incident_id) == col(IncidentMark.incident_id))
        .join(Task, col(Task.id) == col(TaskIncident.task_id))
        .where(col(IncidentMark.mark).in_(marks), is_live())
    )
    return dict(work.session.exec(query).all())


def approve(work: Work, *, hexagon: str, band: str, note: str, localities: Sequence[str], actor: str) -> Task:
    """Turn a flag into planned work: a task that is only possible, has no clock but its own, and expires.

    Raises NotFound for a place that is not listed, Conflict where nothing flags it now or its work is planned already.
    """
    policy = work.policy.book.rulebook.hotspots
    zone = work.partnership.zone
    events = _events(work, policy, localities) if policy else []
    known = hotspots.spots(policy, events, now=work.now, zone=zone) if policy else []
    spot = next((spot for spot in known if (spot.hexagon, spot.band) == (hexagon, band)), None)
    if policy is None or spot is None:
        raise NotFound("no incident is known in this hexagon and band of the day")
    if not spot.flags:
        raise Conflict("nothing flags this place now, so there is nothing to approve")
    hold(work.session, f"hotspot {hexagon} {band}")
    planned = _planned(work, [spot])
    if planned:
        raise Conflict(f"work is planned there already: {next(iter(planned.values())).code}")
    return _plan(work, policy, spot, note=note, actor=actor)


def _plan(work: Work, policy: PlacePolicy, spot: Spot, *, note: str, actor: str) -> Task:
    why = "; ".join(flag.reason for flag in spot.flags)
    lat, lon = hotspots.middle(spot.hexagon)
    where = f"around the middle of hexagon {spot.hexagon} (H3, resolution {min(policy.hexagon, RESOLUTION)})"
    report = IncidentReport(
        type=TYPE,
        occurred_at=spot.last,
        locality=spot.locality,
        place=Place(lat=round(lat, 6), lon=round(lon, 6), text=where),
        summary=f"Pattern, not a report. {spot.band.replace('_', ' ')}: {why}. {note}".strip(),
        attributes={"certainty": Certainty.POSSIBLE.value, "band": spot.band, "count": spot.count},
    )
    located = Located(locality=spot.locality, why="as most of the incidents there", place=None)
    incident = incidents.add(
        work,
        tell(work, report, partner=POLICY, located=located, derived=True),
        key_id=incidents.PATTERNS,
        content=incidents.content_of(report),
        derived=True,
        pattern=POLICY,
        hexagon=None,
    )
    incidents.bear(work, incident, _mark(work, spot.hexagon, spot.band))
    decision = Decision(rule=None, pathway=policy.pathway, reason=f"approved by {actor}: {why}")
    book = work.policy.book.rulebook.pathway(policy.pathway)
    team, why_duty = work.partnership.team_for(book.team, locality=spot.locality, place=None)
    task = tasks.open_task(
        work,
        pathway=policy.pathway,
        policy=book,
        incident=incident,
        team=team,
        why_duty=why_duty,
        reason=decision.reason,
        certainty=Certainty.POSSIBLE,
    )
    timeline.note(work, task, "pattern, not a report", f"{spot.band.replace('_', ' ')}: {why}", actor=actor)
    if note:
        timeline.note(work, task, "note", note, actor=actor)
    incidents.keep_decisions(incident, [incidents.decided(decision, "opened", task=task)])
    work.record("hotspot.approved", incident.id, actor=actor, task=task.id, hexagon=spot.hexagon, band=spot.band)
    return task
