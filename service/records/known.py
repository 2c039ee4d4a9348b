"""What is known already of what a group of reports tells: asked for all of them at once, and kept up with as they are taken,
so that the statements of a transaction don't grow with its reports."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import and_, col, or_, select

from rules.incident import IncidentReport, facts
from rules.patterns import Seen
from service.around import Around, asking_around
from service.asking import Asking, Question
from service.database import UtcDateTime
from service.errors import Conflict
from service.models.incidents import Incident, IncidentMark
from service.models.tasks import LIVE, Task, TaskIncident
from service.records import incidents
from service.records.told import Told, point_of
from service.work import Work

# Under whose key a report came, and its source_ref and Idempotency-Key there.
Names = tuple[str, str | None, str | None]
# A place with more than this in one window is beyond any threshold; the newest are enough to say so.
MOST = 1000
# Few are raised, so they are looked up first: many may bear the mark of a place.
_lately = (
    select(col(Incident.id), col(Incident.pattern), col(Incident.occurred_at))
    .where(
        col(Incident.pattern).in_(bindparam("patterns", expanding=True)),
        col(Incident.retracted_at).is_(None),
        col(Incident.occurred_at) >= bindparam("since", type_=UtcDateTime),
        col(Incident.occurred_at) <= bindparam("until", type_=UtcDateTime),
    )
    .cte("lately")
    .prefix_with("MATERIALIZED")
)
RAISED = Question(
    select(_lately.c.id, _lately.c.pattern, _lately.c.occurred_at, IncidentMark.mark)
    .join(IncidentMark, col(IncidentMark.incident_id) == _lately.c.id)
    .where(col(IncidentMark.mark).in_(bindparam("marks", expanding=True)))
)


@lru_cache(maxsize=100)
def _held(columns: Sequence[str]) -> Question:
    """The incidents with one of some names in the first column under the first key, or in the next one under the next."""
    wanted = [
        and_(
            Incident.key_id == bindparam(f"key_{place}"),
            getattr(Incident, column).in_(bindparam(f"names_{place}", expanding=True)),
        )
        for place, column in enumerate(columns)
    ]
    return Question(select(Incident.id).where(or_(*wanted)))


@dataclass(frozen=True, kw_only=True)
class Bearer:
    """An incident that bears a mark."""

    incident_id: str
    occurred_at: datetime
    key_id: str
    type: str


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An earlier incident as patterns see it."""

    seen: Seen
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Raised:
    """A derived incident that stands, by one of its marks."""

    incident_id: str
    occurred_at: datetime


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a transaction knows. Whatever it takes in must be told to it."""

    work: Work
    held: dict[tuple[str, str, str], Incident] = field(default_factory=dict)
    bearers: dict[str, dict[str, Bearer]] = field(default_factory=dict)
    raised: dict[tuple[str, str], list[Raised]] = field(default_factory=dict)
    opened: dict[str, Opened | None] = field(default_factory=dict)
    places: dict[str, Seen] = field(default_factory=dict)

    def askings(self, keys: Sequence[Names], told: Sequence[Told]) -> list[Asking]:
        """What `ask_held` and `ask_others` will ask."""
        return [*self._about_held(keys), *self._about_marks(told), *self._about_raised(told)]

    def ask_held(self, keys: Sequence[Names]) -> None:
        """Ask for the incidents that came before under a partner's key, with a source_ref or an Idempotency-Key."""
        for question, values in self._about_held(keys):
            if found := [row.id for row in self.work.session.ask_once(question, **values)]:
                held = select(Incident).where(col(Incident.id).in_(found)).with_for_update()
                for incident in self.work.session.exec(held).all():
                    self.hold(incident)

    def _about_held(self, keys: Sequence[Names]) -> list[Asking]:
        names: dict[tuple[str, str], set[str]] = {}
        for key, ref, again in keys:
            for column, name in (("source_ref", ref), ("idempotency_key", again)):
                if name:
                    names.setdefault((key, column), set()).add(name)
        values: dict[str, Any] = {f"key_{place}": key for place, (key, _) in enumerate(names)}
        values |= {f"names_{place}": sorted(given) for place, given in enumerate(names.values())}
        return [(_held(tuple(column for _, column in names)), values)] if names else []

    def hold(self, incident: Incident) -> None:
        """It is held now."""
        if incident.source_ref:
            self.held[incident.key_id, "ref", incident.source_ref] = incident
        if incident.idempotency_key:
            self.held[incident.key_id, "key", incident.idempotency_key] = incident

    def ask_others(self, told: Sequence[Told]) -> None:
        """Ask for those who bear the marks of some reports, near them in time, and for what patterns said of them."""
        for question, values in self._about_marks(told):
            for mark, name, at, key_id, kind in self.work.session.ask_once(question, **values):
                bearer = Bearer(incident_id=name, occurred_at=at, key_id=key_id, type=kind)
                self.bearers.setdefault(mark, {})[name] = bearer
        for question, values in self._about_raised(told):
            for name, pattern, at, mark in self.work.session.ask_once(question, **values):
                self.raised.setdefault((pattern, mark), []).append(Raised(incident_id=name, occurred_at=at))

    def _about_marks(self, told: Sequence[Told]) -> list[Asking]:
        around = [
            Around(mark, one.report.occurred_at - reach, one.report.occurred_at + reach)
            for one in told
            for mark, reach in one.reach(self.work).items()
        ]
        return asking_around(self.work.session, around, MOST)

    def _about_raised(self, told: Sequence[Told]) -> list[Asking]:
        watched = [(one.report.occurred_at, watch, shared) for one in told for watch, shared in one.watched]
        if not watched:
            return []
        values = {
            "patterns": sorted({watch.spec.id for _, watch, _ in watched}),
            "marks": sorted({mark for _, _, shared in watched for mark in shared.marks}),
            "since": min(at - watch.quiet for at, watch, _ in watched),
            "until": max(at + watch.quiet for at, watch, _ in watched),
        }
        return [(RAISED, values)]

    def take(self, incident: Incident, told: Told) -> None:
        """An incident was recorded, or a corrected report put in its place."""
        if incident.revision > 1:
            for found in self.bearers.values():
                found.pop(incident.id, None)
        bearer = Bearer(
            incident_id=incident.id, occurred_at=incident.occurred_at, key_id=incident.key_id, type=incident.type
        )
        for mark in told.marks:
            self.bearers.setdefault(mark, {})[incident.id] = bearer
        if incident.pattern:
            for mark in told.marks:
                raised = Raised(incident_id=incident.id, occurred_at=incident.occurred_at)
                self.raised.setdefault((incident.pattern, mark), []).append(raised)
        counts = not (incident.drill or incident.derived or incidents.is_second_report(incident))
        seen = Seen(incident=incident.id, occurred_at=incident.occurred_at, at=point_of(told.report))
        self.opened[incident.id] = Opened(seen=seen, facts=told.facts) if counts else None

    def near(self, marks: Set[str], at: datetime, span: timedelta) -> dict[str, tuple[Bearer, set[str]]]:
        """Who bears some of these marks within a span of a moment, on either side, and which of them."""
        found: dict[str, tuple[Bearer, set[str]]] = {}
        for mark in marks:
            for name, bearer in self.bearers.get(mark, {}).items():
                if abs(bearer.occurred_at - at) <= span:
                    found.setdefault(name, (bearer, set()))[1].add(mark)
        return found

    def among(self, ids: Sequence[str]) -> list[Opened]:
        """Earlier incidents, each unsealed once however many reports and patterns look at it: those that count."""
        missing = [name for name in ids if name not in self.opened]
        rows = self.work.session.exec(select(Incident).where(col(Incident.id).in_(missing))).all() if missing else ()
        for row in rows:
            self.opened[row.id] = self._open(row)
        return [found for name in ids if (found := self.opened.get(name)) is not None]

    def places_of(self, ids: Set[str]) -> list[Seen]:
        """Where some derived incidents were raised."""
        for name in ids - self.places.keys():
            row = self.work.session.get_one(Incident, name)
            at = point_of(IncidentReport.model_validate_json(row.body))
            self.places[name] = Seen(incident=name, occurred_at=row.occurred_at, at=at)
        return [self.places[name] for name in ids]

    def _open(self, row: Incident) -> Opened | None:
        if row.drill or row.derived or row.retracted_at is not None or incidents.is_second_report(row):
            return None
        report = IncidentReport.model_validate_json(row.body)
        seen = Seen(incident=row.id, occurred_at=row.occurred_at, at=point_of(report))
        values = facts(
            report,
            zone=self.work.partnership.zone,
            partner=row.partner,
            locality=row.locality,
            place=self.work.policy.places.find(report.place),
            derived=row.derived,
        )
        return Opened(seen=seen, facts=values)

    def find(
        self, *, key_id: str, source_ref: str | None, idempotency_key: str | None, content: str
    ) -> Incident | None:
        """The incident that a report is, if it came before. Raises Conflict for a reused key with other content."""
        found = self.held.get((key_id, "key", idempotency_key)) if idempotency_key else None
        if found and incidents.replays(found, content=content, idempotency_key=idempotency_key):
            return found
        if found and found.source_ref != source_ref:
            raise Conflict("this Idempotency-Key was used before with other content; use a new key for a new incident")
        if found:
            raise Conflict("this Idempotency-Key was used before with other content; send a revision with a new key")
        return self.held.get((key_id, "ref", source_ref)) if source_ref else None

    def same_event(self, incident: Incident, pathway: str, told: Told) -> tuple[Task, str] | None:
        """The open task of another agency's report of the same event, and how they were found to be the same."""
        duplicates = self.work.policy.book.rulebook.duplicates
        if duplicates is None or incident.drill:
            return None
        window: timedelta = duplicates.window
        others = {
            name: (bearer, marks)
            for name, (bearer, marks) in self.near(told.event, incident.occurred_at, window).items()
            if bearer.key_id != incident.key_id
        }
        same_kind = {
            name
            for name, (bearer, _) in others.items()
            if "place" in duplicates.same and ("kind" not in duplicates.same or bearer.type == incident.type)
        }
        same_person = {name for name, (_, marks) in others.items() if marks & told.people}
        for task, other in self._live_tasks(pathway, same_kind | same_person):
            how = "the same person" if other in same_person else "the same place and kind"
            return task, f"{how} within {window.total_seconds() / 3600:g} h"
        return None

    def _live_tasks(self, pathway: str, behind: Set[str]) -> Iterator[tuple[Task, str]]:
        if not behind:
            return
        # What they are is looked at here: SQLite would take every task of a pathway for few.
        query = (
            select(Task.id, Task.state, Task.pathway, TaskIncident.incident_id)
            .join(TaskIncident, col(TaskIncident.task_id) == col(Task.id))
            .join(Incident, col(Incident.id) == col(TaskIncident.incident_id))
            .where(
                col(TaskIncident.incident_id).in_(sorted(behind)),
                col(Task.drill).is_(False),
                col(Incident.retracted_at).is_(None),
            )
            .order_by(col(Task.opened_at))
        )
        for task_id, state, of, incident_id in self.work.session.exec(query).all():
            if state in LIVE and of == pathway:
                yield self.work.session.get_one(Task, task_id), incident_id
