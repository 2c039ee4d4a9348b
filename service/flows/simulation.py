"""A rulebook tried over past incidents, from the database or from a file, against the one in force. Nothing is changed."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlmodel import col, select

from rules import rotation
from rules.escalation import Step, Who
from rules.explain import Explained, explain
from rules.incident import IncidentReport, facts
from rules.places import KnownPlaces
from rules.rulebook import LoadedBook
from rules.simulate import Comparison, Past, Policy
from service.models.incidents import Incident, Purpose
from service.models.tasks import Task
from service.partnership import Partnership
from service.records import incidents
from service.runtime import Runtime

IN_ONE_READ = 1000
MEASURED = 2000


@dataclass(frozen=True)
class Rotas:
    """Who would have been paged, by the partnership's rotas; overrides of the past, and calendars kept elsewhere, are not
    asked about."""

    partnership: Partnership

    def locality_of(self, named: str | None) -> str | None:
        """A locality, if the partnership has it."""
        return named if named in self.partnership.locality_names else None

    def team(self, template: str, locality: str | None, place: str | None) -> str:
        """The team that a pathway's template names."""
        return self.partnership.team_for(template, locality=locality, place=place)[0]

    def paged(self, step: Step, team: str, at: datetime) -> Sequence[str]:
        """The workers that a step pages at a moment."""
        spec = self.partnership.team_by_slug.get(team)
        if step.page is Who.DUTY or spec is None:
            duty = self.partnership.duty
            order = self._order(duty.rota, at) if duty.rota else list(duty.workers)
            return order[:1]
        order = self._order(spec.rota, at)
        return {
            Who.ON_CALL: order[:1],
            Who.BACKUP: order[1:2],
            Who.LEAD: [spec.lead] if spec.lead else [],
            Who.TEAM: self.partnership.members(team),
        }[step.page]

    def _order(self, rota: rotation.AnyRota, at: datetime) -> list[str]:
        return rotation.page_order(rota, [], at=at, zone=self.partnership.zone)


def compare(
    active: LoadedBook,
    candidate: LoadedBook,
    partnership: Partnership,
    past: Iterable[Past],
    *,
    answers: Sequence[float],
) -> dict[str, Any]:
    """Both rulebooks over the same past: what each would have done, and where they differ."""
    staff = Rotas(partnership)
    before, after = (Policy(b, zone=partnership.zone, staff=staff, answers=answers) for b in (active, candidate))
    both = Comparison(active=before, candidate=after)
    for incident in past:
        both.take(incident)
    return both.told()


def explained(book: LoadedBook, partnership: Partnership, report: IncidentReport) -> list[Explained]:
    """What every rule says of a report, and which part of its condition decided."""
    place = KnownPlaces(book.rulebook.places).find(report.place)
    locality = Rotas(partnership).locality_of(report.locality) or (place.locality if place else None)
    values = facts(report, zone=partnership.zone, partner="", locality=locality, place=place, derived=False)
    return explain(book.rulebook, values)


def over_the_database(
    runtime: Runtime, candidate: LoadedBook, *, start: datetime | None, end: datetime | None
) -> dict[str, Any]:
    """A rulebook over what partners have reported, against the one in force. Raises NotSetUp."""
    with runtime.reading() as work:
        active, partnership = work.policy.book, work.partnership
    answers = measured_answers(runtime)
    return compare(active, candidate, partnership, reported(runtime, start=start, end=end), answers=answers)


def reported(runtime: Runtime, *, start: datetime | None, end: datetime | None) -> Iterator[Past]:
    """What partners have reported, in the order in which it happened, a page at a time: each report as it stands now, so that
    a revised one is judged once, in its last form."""
    after: tuple[datetime, str] | None = None
    while True:
        query = select(Incident).where(
            col(Incident.derived).is_(False),
            col(Incident.retracted_at).is_(None),
            Incident.purpose == Purpose.RESPONSE.value,
        )
        if start:
            query = query.where(col(Incident.occurred_at) >= start)
        if end:
            query = query.where(col(Incident.occurred_at) < end)
        if after:
            moment, last = after
            later = (col(Incident.occurred_at) > moment) | (
                (col(Incident.occurred_at) == moment) & (col(Incident.id) > last)
            )
            query = query.where(later)
        query = query.order_by(col(Incident.occurred_at), col(Incident.id)).limit(IN_ONE_READ)
        with runtime.reading() as work:
            rows = list(work.session.exec(query).all())
        for row in rows:
            report = IncidentReport.model_validate_json(row.body)
            counts = not incidents.is_second_report(row)
            yield Past(id=row.id, report=report, partner=row.partner, counts=counts, judged=not row.history)
        if len(rows) < IN_ONE_READ:
            return
        after = (rows[-1].occurred_at, rows[-1].id)


def measured_answers(runtime: Runtime) -> list[float]:
    """How many minutes the latest tasks took to be taken."""
    query = (
        select(Task.opened_at, Task.acknowledged_at)
        .where(
            col(Task.acknowledged_at).is_not(None), col(Task.drill).is_(False), Task.purpose == Purpose.RESPONSE.value
        )
        .order_by(col(Task.opened_at).desc())
        .limit(MEASURED)
    )
    with runtime.reading() as work:
        return [(taken - opened).total_seconds() / 60 for opened, taken in work.session.exec(query).all() if taken]


@dataclass(frozen=True, kw_only=True)
class BadLine:
    """A line of a file that is no report."""

    number: int
    problem: str


def from_lines(lines: Iterable[str], bad: Callable[[BadLine], None]) -> Iterator[Past]:
    """Reports from JSON lines, as partners send them. A line that is none is told, and harms no other."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            report = IncidentReport.model_validate(json.loads(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the line"
            bad(BadLine(number=number, problem=f"{where}: {first['msg'].removeprefix('Value error, ')}"))
        except (ValueError, RecursionError):
            bad(BadLine(number=number, problem="this is not JSON"))
        else:
            yield Past(id=report.source_ref or f"line {number}", report=report)
