"""A rulebook over past incidents: what it would have done, beside what another one would have.

Nothing is kept but tallies and what is still inside some pattern's window, so memory does not grow with the history.
"""

from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from rules import patterns
from rules.calendar import WEEKDAYS
from rules.escalation import Step
from rules.incident import IncidentReport, Place, facts
from rules.match import Judge
from rules.patterns import GRIDS, Seen, Watch
from rules.places import FoundPlace, KnownPlaces, place_keys
from rules.rulebook import TRIAGE, LoadedBook, Rulebook

NIGHT_BEGINS, NIGHT_ENDS = 22, 7
EXAMPLES = 50
TIDY_EVERY = 5_000
USUAL_ANSWER = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Past:
    """An incident of the past. They are taken in the order in which they happened."""

    id: str
    report: IncidentReport
    partner: str = "history"
    counts: bool = True  # False for what patterns leave out: second reports of an event
    judged: bool = True  # False for history: patterns remember it, but it decides and raises nothing


class Staff(Protocol):
    """Who would have been paged."""

    def locality_of(self, named: str | None) -> str | None:
        """A locality, if the partnership has it."""
        ...

    def team(self, template: str, locality: str | None, place: str | None) -> str:
        """The team that a pathway's template names."""
        ...

    def paged(self, step: Step, team: str, at: datetime) -> Sequence[str]:
        """The workers that a step pages at a moment."""
        ...


@dataclass
class Tally:
    """What one rulebook would have done."""

    tasks: Counter[str] = field(default_factory=Counter)
    patterns: Counter[str] = field(default_factory=Counter)
    pages: int = 0
    night_pages: int = 0
    by_worker: Counter[str] = field(default_factory=Counter)
    by_hour: Counter[str] = field(default_factory=Counter)
    breaches: float = 0.0

    def told(self) -> dict[str, Any]:
        """As plain values. Breaches are expected ones: the share of measured answers that came after the deadline."""
        return {
            "tasks": dict(sorted(self.tasks.items())),
            "opened": sum(self.tasks.values()),
            "triage": self.tasks[TRIAGE],
            "patterns": dict(sorted(self.patterns.items())),
            "pages": {
                "total": self.pages,
                "night": self.night_pages,
                "by_worker": dict(self.by_worker.most_common()),
                "by_hour_of_week": dict(self.by_hour.most_common()),
            },
            "expected_breaches": round(self.breaches, 1),
        }


class Policy:
    """One rulebook at work on the past."""

    def __init__(self, book: LoadedBook, *, zone: ZoneInfo, staff: Staff, answers: Sequence[float]) -> None:
        self.tally = Tally()
        self._book: Rulebook = book.rulebook
        self._zone, self._staff = zone, staff
        self._judge, self._places = Judge(book.rulebook), KnownPlaces(book.rulebook.places)
        self._memories = [Memory(watch) for watch in patterns.watches(book.rulebook.patterns)]
        self._answers = sorted(answers)
        self._answer = timedelta(minutes=median(answers)) if answers else USUAL_ANSWER

    def take(self, past: Past) -> list[str]:
        """The pathways that an incident would have opened, those of the patterns that it completes included."""
        report = past.report
        place = self._places.find(report.place)
        locality = self._staff.locality_of(report.locality) or (place.locality if place else None)
        values = self._facts(report, past.partner, locality, place, derived=False)
        if not past.judged:
            for memory in self._memories if past.counts and not report.drill else ():
                memory.keep(past, values, place)
            return []
        # A second report of an event joins the first one's task, so it is judged, and nothing is counted for it.
        silent = report.drill or not past.counts
        opened = self._decide(values, report.occurred_at, locality, place, silent=silent)
        if past.counts and not report.drill:
            for memory in self._memories:
                for kind in memory.take(past, values, place):
                    self.tally.patterns[memory.watch.spec.id] += 1
                    raised = report.model_copy(update={"type": kind, "people": [], "attributes": {}})
                    derived = self._facts(raised, "pattern", locality, place, derived=True)
                    opened += self._decide(derived, report.occurred_at, locality, place, silent=False)
        return opened

    def _facts(
        self, report: IncidentReport, partner: str, locality: str | None, place: FoundPlace | None, *, derived: bool
    ) -> dict[str, Any]:
        return facts(report, zone=self._zone, partner=partner, locality=locality, place=place, derived=derived)

    def _decide(
        self, values: Mapping[str, Any], at: datetime, locality: str | None, place: FoundPlace | None, *, silent: bool
    ) -> list[str]:
        opened = [d.pathway for d in self._judge.judge(values) if d.pathway is not None]
        for name in [] if silent else opened:
            self._count(name, at, locality, place.slug if place else None)
        return opened

    def _count(self, name: str, at: datetime, locality: str | None, place: str | None) -> None:
        pathway, tally = self._book.pathway(name), self.tally
        tally.tasks[name] += 1
        team = self._staff.team(pathway.team, locality, place)
        for step in pathway.escalation:
            if step.after and step.after >= self._answer:
                break
            moment = at + step.after
            local = moment.astimezone(self._zone)
            for worker in self._staff.paged(step, team, moment):
                tally.pages += len(step.by)
                tally.by_worker[worker] += len(step.by)
                tally.by_hour[f"{WEEKDAYS[local.weekday()]} {local.hour:02d}"] += len(step.by)
                if local.hour >= NIGHT_BEGINS or local.hour < NIGHT_ENDS:
                    tally.night_pages += len(step.by)
        within = pathway.sla.acknowledge.within
        if within is not None and self._answers:
            in_time = bisect_right(self._answers, within.total_seconds() / 60)
            tally.breaches += 1 - in_time / len(self._answers)


class Memory:
    """What one pattern remembers: the incidents that fit it, while they are inside its window."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._seen: defaultdict[str, deque[Seen]] = defaultdict(deque)
        self._said: dict[str, Seen] = {}
        self._grid = next((grid for grid in GRIDS if watch.spec.near and grid >= watch.spec.near), None)
        self._taken = 0

    def take(self, past: Past, values: Mapping[str, Any], place: FoundPlace | None) -> list[str]:
        """The incident types that are raised by one more incident."""
        if not self.watch.fits(values):
            return []
        new, looked_up = self._looked_up(past, place)
        raised = [self.watch.spec.raises for keys in looked_up if self._completes(new, keys)]
        self._remember(new, looked_up)
        return raised

    def keep(self, past: Past, values: Mapping[str, Any], place: FoundPlace | None) -> None:
        """Remember an incident that raises nothing itself."""
        if self.watch.fits(values):
            self._remember(*self._looked_up(past, place))

    def _looked_up(self, past: Past, place: FoundPlace | None) -> tuple[Seen, list[list[str]]]:
        report = past.report
        new = Seen(incident=past.id, occurred_at=report.occurred_at, at=_point(report.place))
        return new, self._keys(report, place, new)

    def _remember(self, new: Seen, looked_up: list[list[str]]) -> None:
        self._taken += 1
        if self._taken % TIDY_EVERY == 0:
            self._tidy(new.occurred_at)
        for keys in looked_up:
            # One cell, or each identifier, is enough to be found by.
            for key in keys[-1:] if self._grid else keys:
                self._seen[key].append(new)

    def _keys(self, report: IncidentReport, place: FoundPlace | None, new: Seen) -> list[list[str]]:
        spec = self.watch.spec
        if spec.near is not None:
            own = (
                next((cell for cell in patterns.cells(new.at) if cell.startswith(f"{self._grid}:")), "")
                if new.at
                else ""
            )
            return [[*patterns.cells_around(new.at, spec.near), own]] if new.at else []
        if spec.same == "place":
            found = sorted(place_keys(report.place)) if report.place else []
            found += [place.identity] if place and place.identity else []
            return [found] if found else []
        if spec.same == "group":
            return [[group] for group in dict.fromkeys(report.groups)]
        return [[ref] for ref in dict.fromkeys(person.ref for person in report.people)]

    def _completes(self, new: Seen, keys: list[str]) -> bool:
        for key in set(keys):
            said = self._said.get(key)
            recent = said is not None and new.occurred_at - said.occurred_at <= self.watch.quiet
            if recent and said is not None and patterns.near(self.watch.spec, new, said):
                return False
        others = {seen.incident: seen for key in set(keys) for seen in self._within(key, new.occurred_at)}
        if patterns.recurrence(self.watch.spec, new, list(others.values())) is None:
            return False
        for key in keys[-1:] if self._grid else keys:
            self._said[key] = new
        return True

    def _within(self, key: str, now: datetime) -> Iterable[Seen]:
        kept = self._seen.get(key)
        while kept and kept[0].occurred_at < now - self.watch.spec.window:
            kept.popleft()
        return kept or ()

    def _tidy(self, now: datetime) -> None:
        for key in [key for key in self._seen if not self._within(key, now)]:
            del self._seen[key]
        for key in [key for key, said in self._said.items() if now - said.occurred_at > self.watch.quiet]:
            del self._said[key]


@dataclass
class Comparison:
    """Two rulebooks over the same past."""

    active: Policy
    candidate: Policy
    incidents: int = 0
    differ: int = 0
    first: datetime | None = None
    last: datetime | None = None
    gained: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)

    def take(self, past: Past) -> None:
        """One incident under both."""
        at = past.report.occurred_at
        self.incidents += 1
        self.first, self.last = min(self.first or at, at), max(self.last or at, at)
        before, after = Counter(self.active.take(past)), Counter(self.candidate.take(past))
        if before == after:
            return
        self.differ += 1
        self.gained += after - before
        self.lost += before - after
        if len(self.examples) < EXAMPLES:
            self.examples.append(
                {"incident": past.id, "active": sorted(before.elements()), "candidate": sorted(after.elements())}
            )

    def told(self) -> dict[str, Any]:
        """The comparison as plain values."""
        return {
            "incidents": self.incidents,
            "from": self.first,
            "to": self.last,
            "active": self.active.tally.told(),
            "candidate": self.candidate.tally.told(),
            "differ": self.differ,
            "opened_by_candidate_alone": dict(self.gained),
            "opened_by_active_alone": dict(self.lost),
            "examples": self.examples,
        }


def _point(place: Place | None) -> patterns.Point | None:
    return (place.lat, place.lon) if place and place.lat is not None and place.lon is not None else None
