"""What single reports do not show: earlier incidents that, with a new one, complete a pattern of the rulebook's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlmodel import col, func, select

from rules import patterns
from rules.incident import IncidentReport
from rules.patterns import Recurrence, Seen, Watch
from service.models.incidents import Incident, IncidentMark
from service.records import incidents
from service.records.known import MOST, Known
from service.records.told import Located, Shared, Told, mark_of, point_of, tell
from service.work import Work


@dataclass(frozen=True, kw_only=True)
class Raised:
    """A derived incident that was recorded, and what it tells."""

    incident: Incident
    told: Told


def ask_ahead(told: Sequence[Told], known: Known) -> None:
    """Have all earlier incidents looked up at once that the patterns of some reports will look at."""
    wanted: set[str] = set()
    for one in told:
        new = Seen(incident="", occurred_at=one.report.occurred_at, at=point_of(one.report))
        for watch, shared in one.watched:
            if not _said_already(known, watch, new, shared):
                wanted.update(_newest(known, watch, new, shared))
    known.among(sorted(wanted))


def completed(work: Work, incident: Incident, told: Told, known: Known) -> Iterator[Raised]:
    """Record a derived incident for each pattern that an incident completes.

    Drills, derived incidents and second reports of one event are not counted. Two transactions that complete a pattern
    at the same moment: the second waits for the first, and then finds it raised.
    """
    if incidents.is_second_report(incident):
        return
    new = Seen(incident=incident.id, occurred_at=incident.occurred_at, at=point_of(told.report))
    for watch, shared in told.watched:
        if _said_already(known, watch, new, shared):
            continue
        found = patterns.recurrence(watch.spec, new, _others(known, watch, new, shared))
        if found:
            yield _raise(work, watch, found, shared, told)


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
        .where(IncidentMark.mark == mark_of(work, "parent", parent.id), col(Incident.retracted_at).is_(None))
    )
    at_least = {watch.spec.id: watch.spec.at_least for watch in work.policy.patterns}
    found = []
    # Two parents may be retracted at once, and whichever comes second has to see both.
    held = query.with_for_update(of=Incident).execution_options(populate_existing=True)
    for row in work.session.exec(held).all():
        standing = select(func.count()).where(
            col(Incident.id).in_(row.parents or []), col(Incident.retracted_at).is_(None)
        )
        left = work.session.exec(standing).one()
        found.append(Doubted(incident=row, left=left, needed=at_least.get(row.pattern or "")))
    return found


def _others(known: Known, watch: Watch, new: Seen, shared: Shared) -> list[Seen]:
    return [
        found.seen
        for found in known.among(_newest(known, watch, new, shared))
        if patterns.near(watch.spec, new, found.seen) and watch.fits(found.facts)
    ]


def _newest(known: Known, watch: Watch, new: Seen, shared: Shared) -> list[str]:
    bearers = [bearer for bearer, _ in known.near(shared.marks, new.occurred_at, watch.spec.window).values()]
    newest = sorted(bearers, key=lambda bearer: bearer.occurred_at, reverse=True)
    return [bearer.incident_id for bearer in newest if bearer.incident_id != new.incident][:MOST]


def _said_already(known: Known, watch: Watch, new: Seen, shared: Shared) -> bool:
    lately = [
        raised
        for mark in shared.marks
        for raised in known.raised.get((watch.spec.id, mark), ())
        if abs(raised.occurred_at - new.occurred_at) <= watch.quiet and raised.incident_id != new.incident
    ]
    if not lately or watch.spec.near is None:
        return bool(lately)
    return any(patterns.near(watch.spec, new, seen) for seen in known.places_of({r.incident_id for r in lately}))


def _raise(work: Work, watch: Watch, found: Recurrence, shared: Shared, last: Told) -> Raised:
    report = IncidentReport(
        type=watch.spec.raises,
        occurred_at=found.last,
        locality=last.located.locality,
        setting=last.report.setting,
        summary=found.reason,
        attributes={"pattern": watch.spec.id, "count": len(found.parents)},
        **shared.report,
    )
    where = Located(
        locality=last.located.locality,
        why="as in the report that completed the pattern",
        place=last.located.place,
    )
    told = tell(work, report, partner=f"pattern {watch.spec.id}", located=where, derived=True)
    incident = incidents.add(
        work,
        told,
        key_id=incidents.PATTERNS,
        content=incidents.content_of(report),
        derived=True,
        pattern=watch.spec.id,
        parents=list(found.parents),
    )
    for parent in found.parents:
        incidents.bear(work, incident, mark_of(work, "parent", parent))
    work.record("pattern.completed", incident.id, actor="callout", pattern=watch.spec.id, parents=list(found.parents))
    return Raised(incident=incident, told=told)
