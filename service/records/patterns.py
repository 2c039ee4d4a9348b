"""What single reports do not show: earlier incidents that, with a new one, complete a pattern of the rulebook's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlmodel import col, func, select

from rules import patterns
from rules.incident import IncidentReport, Person, Place, facts
from rules.patterns import Recurrence, Seen, Watch
from service.database import hold
from service.models.incidents import Incident, IncidentMark
from service.records import incidents
from service.records.incidents import Located
from service.work import Work

# A place with more than this in one window is beyond any threshold; the newest are enough to say so.
MOST = 1000


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What the incidents of a pattern have in common: the marks under which they are found, and how a report says it."""

    marks: frozenset[str]
    report: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Raised:
    """A derived incident that was recorded, and what it was recorded from."""

    incident: Incident
    report: IncidentReport
    located: Located


def completed(
    work: Work, incident: Incident, report: IncidentReport, located: Located, values: Mapping[str, Any]
) -> Iterator[Raised]:
    """Record a derived incident for each pattern that an incident completes.

    Drills, derived incidents and second reports of one event are not counted. Two transactions that complete a pattern
    at the same moment: the second waits for the first, and then finds it raised.
    """
    if incident.drill or incident.derived or incidents.is_second_report(incident):
        return
    new = Seen(incident=incident.id, occurred_at=incident.occurred_at, at=_point(report))
    earlier = Earlier(work=work)
    for watch in work.policy.patterns:
        if not watch.fits(values):
            continue
        for shared in _shared(work, watch, report, located):
            hold(work.session, f"pattern {watch.spec.id}")
            if _said_already(work, watch, new, shared):
                continue
            found = patterns.recurrence(watch.spec, new, _others(earlier, watch, new, shared))
            if found:
                yield _raise(work, watch, found, shared, report, located)


@dataclass(frozen=True, kw_only=True)
class Doubted:
    """A derived incident of which a parent was retracted; `left` of its parents still stand, `needed` were asked for.
    `needed` is None where the rulebook in force has no such pattern any more."""

    incident: Incident
    left: int
    needed: int | None

    @property
    def falls(self) -> bool:
        """Whether what is left would not have raised it."""
        return self.needed is not None and self.left < self.needed


def doubted(work: Work, parent: Incident) -> list[Doubted]:
    """The derived incidents that stand on an incident which was just retracted."""
    query = (
        select(Incident)
        .join(IncidentMark, col(IncidentMark.incident_id) == col(Incident.id))
        .where(IncidentMark.mark == incidents.mark_of(work, "parent", parent.id), col(Incident.retracted_at).is_(None))
    )
    at_least = {watch.spec.id: watch.spec.at_least for watch in work.policy.patterns}
    found = []
    for row in work.session.exec(query).all():
        standing = select(func.count()).where(
            col(Incident.id).in_(row.parents or []), col(Incident.retracted_at).is_(None)
        )
        left = work.session.exec(standing).one()
        found.append(Doubted(incident=row, left=left, needed=at_least.get(row.pattern or "")))
    return found


def _shared(work: Work, watch: Watch, report: IncidentReport, located: Located) -> Iterator[Shared]:
    """A peer group or a person each for itself; a place by all that identifies it."""
    spec = watch.spec
    at = _point(report)
    if spec.near is not None:
        if at is not None:
            cells = patterns.cells_around(at, spec.near)
            marks = frozenset(incidents.mark_of(work, "cell", cell) for cell in cells)
            yield Shared(marks=marks, report={"place": report.place})
        return
    if spec.same == "place":
        marks = frozenset(incidents.place_marks(work, report, located))
        if marks:
            yield Shared(marks=marks, report={"place": report.place})
    if spec.same == "group":
        for group in dict.fromkeys(report.groups):
            yield Shared(marks=frozenset({incidents.mark_of(work, "group", group)}), report={"groups": [group]})
    if spec.same == "person":
        for ref in dict.fromkeys(person.ref for person in report.people):
            about = [Person(ref=ref, role="subject")]
            yield Shared(marks=frozenset({incidents.mark_of(work, "person", ref)}), report={"people": about})


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An earlier incident as patterns see it."""

    seen: Seen
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """Earlier incidents, each unsealed once however many patterns look at it; None for one that does not count."""

    work: Work
    opened: dict[str, Opened | None] = field(default_factory=dict)

    def among(self, ids: Sequence[str]) -> list[Opened]:
        """Those that count."""
        missing = [name for name in ids if name not in self.opened]
        for row in (
            self.work.session.exec(select(Incident).where(col(Incident.id).in_(missing))).all() if missing else ()
        ):
            self.opened[row.id] = self._open(row)
        return [found for name in ids if (found := self.opened.get(name)) is not None]

    def _open(self, row: Incident) -> Opened | None:
        if row.drill or row.derived or row.retracted_at is not None or incidents.is_second_report(row):
            return None
        report = IncidentReport.model_validate_json(row.body)
        seen = Seen(incident=row.id, occurred_at=row.occurred_at, at=_point(report))
        return Opened(seen=seen, facts=_facts(self.work, row, report))


def _shares(shared: Shared, new: Seen, span: timedelta) -> tuple[Any, ...]:
    return (
        col(IncidentMark.mark).in_(sorted(shared.marks)),
        col(IncidentMark.occurred_at) >= new.occurred_at - span,
        col(IncidentMark.occurred_at) <= new.occurred_at + span,
        IncidentMark.incident_id != new.incident,
    )


def _marked(shared: Shared, new: Seen, span: timedelta) -> Any:
    """Which incidents share a mark and happened within a span of the new one, on either side; the newest first."""
    return (
        select(IncidentMark.incident_id)
        .where(*_shares(shared, new, span))
        .group_by(col(IncidentMark.incident_id))
        .order_by(func.max(IncidentMark.occurred_at).desc())
    )


def _others(earlier: Earlier, watch: Watch, new: Seen, shared: Shared) -> list[Seen]:
    ids = earlier.work.session.exec(_marked(shared, new, watch.spec.window).limit(MOST)).all()
    return [
        found.seen
        for found in earlier.among(ids)
        if patterns.near(watch.spec, new, found.seen) and watch.fits(found.facts)
    ]


def _facts(work: Work, incident: Incident, report: IncidentReport) -> dict[str, Any]:
    return facts(
        report,
        zone=work.partnership.zone,
        partner=incident.partner,
        locality=incident.locality,
        place=work.policy.places.find(report.place),
        derived=incident.derived,
    )


def _said_already(work: Work, watch: Watch, new: Seen, shared: Shared) -> bool:
    query = (
        select(Incident)
        .join(IncidentMark, col(IncidentMark.incident_id) == col(Incident.id))
        .where(
            Incident.pattern == watch.spec.id,
            col(Incident.retracted_at).is_(None),
            *_shares(shared, new, watch.quiet),
        )
    )
    for earlier in work.session.exec(query).all():
        at = _point(IncidentReport.model_validate_json(earlier.body))
        if patterns.near(watch.spec, new, Seen(incident=earlier.id, occurred_at=earlier.occurred_at, at=at)):
            return True
    return False


def _raise(
    work: Work, watch: Watch, found: Recurrence, shared: Shared, last: IncidentReport, located: Located
) -> Raised:
    report = IncidentReport(
        type=watch.spec.raises,
        occurred_at=found.last,
        locality=located.locality,
        setting=last.setting,
        summary=found.reason,
        attributes={"pattern": watch.spec.id, "count": len(found.parents)},
        **shared.report,
    )
    where = Located(locality=located.locality, why="as in the report that completed the pattern", place=located.place)
    incident = incidents.add(
        work,
        report,
        located=where,
        key_id=incidents.PATTERNS,
        partner=f"pattern {watch.spec.id}",
        idempotency_key=None,
        content=incidents.content_of(report),
    )
    incident.derived, incident.pattern, incident.parents = True, watch.spec.id, list(found.parents)
    work.session.add(incident)
    for parent in found.parents:
        mark = incidents.mark_of(work, "parent", parent)
        work.session.add(IncidentMark(incident_id=incident.id, mark=mark, occurred_at=incident.occurred_at))
    work.record("pattern.completed", incident.id, actor="callout", pattern=watch.spec.id, parents=list(found.parents))
    return Raised(incident=incident, report=report, located=where)


def _point(report: IncidentReport) -> patterns.Point | None:
    place: Place | None = report.place
    return (place.lat, place.lon) if place and place.lat is not None and place.lon is not None else None
