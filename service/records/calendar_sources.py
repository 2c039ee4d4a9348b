"""Calendars of other systems that are layers of rotas: when each is read again, its last good copy, and its shifts."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy.orm import QueryableAttribute, defer
from sqlmodel import col, delete, select

from rules.layers import ImportedSpec, LayeredSpec
from rules.rosters import Known, Roster
from service.database import hold
from service.models.rotas import CalendarSource, ImportedShift
from service.partnership import DUTY_TEAM
from service.records import rota_changes, rotas
from service.work import Work

LEASE = timedelta(minutes=2)
AGAIN = {True: timedelta(minutes=15), False: timedelta(minutes=1)}  # an address; a file on this machine
AFTER_FAILURE = timedelta(minutes=5)
BEHIND, AHEAD = timedelta(days=35), timedelta(days=200)
# A copy may be two megabytes, and sealed: it is read where it is needed alone.
WITHOUT_COPY = select(CalendarSource).options(defer(cast(QueryableAttribute[str], CalendarSource.document)))


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A calendar to be read now, with what is held of it. Whoever claims it when the lease is over has another `until`."""

    team: str
    spec: ImportedSpec
    mark: str
    until: datetime
    etag: str | None
    modified: str | None
    document: str | None
    people: tuple[Known, ...]

    @property
    def layer(self) -> str:
        """The name of its layer; empty where it has none."""
        return self.spec.name or ""


def specs(work: Work) -> Iterator[tuple[str, ImportedSpec]]:
    """Every layer of the partnership that is kept elsewhere, with its team."""
    for team in (*work.partnership.team_by_slug, DUTY_TEAM):
        rota = rotas.spec_of(work, team)
        if isinstance(rota, LayeredSpec):
            yield from ((team, layer) for layer in rota.layers if isinstance(layer, ImportedSpec))


def is_due(work: Work) -> bool:
    """Whether some calendar is to be read now, or forgotten."""
    wanted = {(team, spec.name or ""): _mark(work, spec) for team, spec in specs(work)}
    rows = work.session.exec(WITHOUT_COPY).all()
    known = {(row.team, row.layer): row.mark for row in rows}
    return known != wanted or any(row.due_at <= work.now for row in rows)


def claim(work: Work) -> Claimed | None:
    """The calendar that has been due for longest, held for a while; None: none is due."""
    hold(work.session, "calendar sources")
    rows = {(row.team, row.layer): row for row in work.session.exec(WITHOUT_COPY).all()}
    wanted = {(team, spec.name or ""): spec for team, spec in specs(work)}
    for key, row in rows.items():
        if key not in wanted:
            _forget(work, row.team, row.layer)
            work.session.delete(row)
    for (team, layer), spec in wanted.items():
        current, mark = rows.get((team, layer)), _mark(work, spec)
        if current is None or current.mark != mark:
            _forget(work, team, layer)
            rows[team, layer] = work.session.merge(CalendarSource(team=team, layer=layer, mark=mark, due_at=work.now))
    due = sorted((row.due_at, key) for key, row in rows.items() if key in wanted and row.due_at <= work.now)
    if not due:
        return None
    key = due[0][1]
    row = rows[key]
    row.due_at = work.now + LEASE
    work.session.add(row)
    return Claimed(
        team=row.team,
        spec=wanted[key],
        mark=row.mark,
        until=row.due_at,
        etag=row.etag,
        modified=row.modified,
        document=row.document,
        people=tuple(_people(work, wanted[key])),
    )


def _people(work: Work, spec: ImportedSpec) -> Iterator[Known]:
    for slug in spec.workers:
        worker = work.partnership.worker_by_slug[slug]
        yield Known(slug=slug, name=worker.name, email=worker.email)


def _mark(work: Work, spec: ImportedSpec) -> str:
    """Stands for where a calendar is, without saying it."""
    return work.keyring.fingerprint("calendar", spec.source.ical)


def _forget(work: Work, team: str, layer: str) -> None:
    work.session.exec(delete(ImportedShift).where(col(ImportedShift.team) == team, col(ImportedShift.layer) == layer))


def _row(work: Work, claimed: Claimed) -> CalendarSource | None:
    """The row of a claim, unless the partnership names another calendar by now, or somebody else has claimed it since."""
    row = work.session.get(CalendarSource, (claimed.team, claimed.layer), with_for_update=True)
    return row if row is not None and (row.mark, row.due_at) == (claimed.mark, claimed.until) else None


def keep(work: Work, claimed: Claimed, *, text: str, roster: Roster, etag: str | None, modified: str | None) -> None:
    """A good copy, and the shifts that stand in it."""
    row = _row(work, claimed)
    if row is None:
        return
    if row.failing_since is not None:
        work.record("calendar.recovered", claimed.team, actor="callout", layer=claimed.layer)
    row.failing_since = row.error = None
    row.etag, row.modified, row.fetched_at = etag, modified, work.now
    if row.document != text:
        row.document = text
    row.due_at = work.now + AGAIN[claimed.spec.source.is_address]
    _fit(work, row, roster)


def fail(work: Work, claimed: Claimed, error: str, roster: Roster | None) -> None:
    """It could not be read: the last good copy goes on, with its shifts of the days to come."""
    row = _row(work, claimed)
    if row is None:
        return
    if row.failing_since is None:
        row.failing_since = work.now
        work.record("calendar.failing", claimed.team, actor="callout", layer=claimed.layer, why=error)
    row.error = error
    row.due_at = work.now + AFTER_FAILURE
    work.session.add(row)
    if roster is not None:
        _fit(work, row, roster)


def _fit(work: Work, row: CalendarSource, roster: Roster) -> None:
    """Put the shifts of a roster in place of those that were there, if they differ."""
    fitted = hashlib.sha256(repr(roster).encode()).hexdigest()
    if row.fitted != fitted:
        row.fitted, row.skipped = fitted, roster.skipped
        rota_changes.of_teams(work, [row.team])
        _forget(work, row.team, row.layer)
        for one in roster.shifts:
            for worker in one.workers or (None,):
                work.session.add(
                    ImportedShift(
                        team=row.team,
                        layer=row.layer,
                        worker=worker,
                        starts_at=one.starts_at,
                        ends_at=one.ends_at,
                        said=None if worker else one.said,
                    )
                )
    work.session.add(row)


def period(work: Work) -> tuple[datetime, datetime]:
    """The period for which shifts are kept. Whole days, so that the same calendar gives the same shifts all day."""
    today = work.now.replace(hour=0, minute=0, second=0, microsecond=0)
    return today - BEHIND, today + AHEAD


def of_teams(work: Work, teams: Sequence[str]) -> Sequence[CalendarSource]:
    """How reading the calendars of some teams goes."""
    query = WITHOUT_COPY.where(col(CalendarSource.team).in_(teams))
    return work.session.exec(query.order_by(col(CalendarSource.team), col(CalendarSource.layer))).all()
