"""What a report tells before anybody asks the database: where it belongs, the facts that rules judge, and the marks by
which it finds, and is found by, others."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rules import patterns
from rules.incident import IncidentReport, Person, Place, facts
from rules.match import Decision
from rules.patterns import Watch
from rules.places import FoundPlace, place_keys
from service.work import Work


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where an incident belongs, and how that was found."""

    locality: str | None
    why: str
    place: FoundPlace | None


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What the incidents of a pattern have in common: the marks under which they are found, and how a report says it."""

    marks: frozenset[str]
    report: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Told:
    """A report and what it tells. `decisions`: the rules'; `place`, `people`: its marks that a second report of the same
    event would share; `watched`: the patterns that count it, each with what it may share with others."""

    report: IncidentReport
    partner: str
    located: Located
    facts: Mapping[str, Any]
    decisions: tuple[Decision, ...]
    place: frozenset[str]
    people: frozenset[str]
    context: frozenset[str]
    watched: tuple[tuple[Watch, Shared], ...]

    @property
    def marks(self) -> frozenset[str]:
        """Every mark under which it will be found."""
        return self.place | self.people | self.context

    @property
    def event(self) -> frozenset[str]:
        """The marks of the event itself."""
        return self.place | self.people

    def reach(self, work: Work) -> dict[str, timedelta]:
        """How far from it in time, on either side, others with the same mark matter."""
        duplicates = work.policy.book.rulebook.duplicates
        found = dict.fromkeys(self.event, duplicates.window) if duplicates and not self.report.drill else {}
        for watch, shared in self.watched:
            for mark in shared.marks:
                found[mark] = max(found.get(mark, watch.spec.window), watch.spec.window)
        return found


def tell(
    work: Work, report: IncidentReport, *, partner: str, located: Located | None = None, derived: bool = False
) -> Told:
    """Everything that can be said of a report at once. Drills and derived incidents are counted by no pattern."""
    located = located or locate(work, report)
    values = facts(
        report,
        zone=work.partnership.zone,
        partner=partner,
        locality=located.locality,
        place=located.place,
        derived=derived,
    )
    place = place_marks(work, report, located)
    counted = not (derived or report.drill)
    fitting = [watch for watch in work.policy.patterns if watch.fits(values)] if counted else []
    return Told(
        report=report,
        partner=partner,
        located=located,
        facts=values,
        decisions=tuple(work.policy.judge.judge(values)),
        place=place,
        people=frozenset(mark_of(work, "person", person.ref) for person in report.people),
        context=_context(work, report),
        watched=tuple((watch, shared) for watch in fitting for shared in _shared(work, watch, report, place)),
    )


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


def _shared(work: Work, watch: Watch, report: IncidentReport, place: frozenset[str]) -> Iterator[Shared]:
    """A peer group or a person each for itself; a place by all that identifies it."""
    spec = watch.spec
    if spec.near is not None:
        at = point_of(report)
        if at is not None:
            marks = frozenset(mark_of(work, "cell", cell) for cell in patterns.cells_around(at, spec.near))
            yield Shared(marks=marks, report={"place": report.place})
        return
    if spec.same == "place" and place:
        yield Shared(marks=place, report={"place": report.place})
    if spec.same == "group":
        for group in dict.fromkeys(report.groups):
            yield Shared(marks=frozenset({mark_of(work, "group", group)}), report={"groups": [group]})
    if spec.same == "person":
        for ref in dict.fromkeys(person.ref for person in report.people):
            about = [Person(ref=ref, role="subject")]
            yield Shared(marks=frozenset({mark_of(work, "person", ref)}), report={"people": about})


def place_marks(work: Work, report: IncidentReport, located: Located) -> frozenset[str]:
    """What identifies the place of a report."""
    keys = place_keys(report.place) if report.place else set()
    if located.place and located.place.identity:
        keys = keys | {located.place.identity}
    return frozenset(mark_of(work, "place", key) for key in keys)


def _context(work: Work, report: IncidentReport) -> frozenset[str]:
    """What other events of the same context would share: a peer group, a part of the map."""
    at = point_of(report)
    cells = patterns.cells(at) if at else []
    return frozenset(
        {mark_of(work, "group", group) for group in report.groups} | {mark_of(work, "cell", cell) for cell in cells}
    )


def mark_of(work: Work, kind: str, value: str) -> str:
    """The blind index of a value."""
    return work.keyring.fingerprint(kind, value)


def point_of(report: IncidentReport) -> patterns.Point | None:
    """Where a report says that it was."""
    place: Place | None = report.place
    return (place.lat, place.lon) if place and place.lat is not None and place.lon is not None else None
