"""Rotas as they stand: the partnership file's, with the shifts of calendars kept elsewhere and the changes made since."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import col, select

from rules import rotation
from rules.layers import ImportedSpec, LayeredSpec
from rules.rotation import Override, OverrideKind, Rota, RotaSpec, Shift
from rules.turns import LONGEST_SHIFT
from service.asking import Question, columns_of
from service.database import UtcDateTime, hold
from service.errors import NotFound
from service.models.ids import new_id
from service.models.people import OverrideRow
from service.models.rotas import ImportedShift, Leave
from service.partnership import DUTY_TEAM
from service.records import rota_changes
from service.work import Work

MOMENT = timedelta(microseconds=1)
ON_LEAVE = Question(
    select(Leave.worker).where(
        col(Leave.starts_at) <= bindparam("at", type_=UtcDateTime),
        col(Leave.ends_at) > bindparam("at", type_=UtcDateTime),
    )
)
CHANGES = Question(
    select(*columns_of(OverrideRow))
    .where(
        col(OverrideRow.starts_at) <= bindparam("end", type_=UtcDateTime),
        col(OverrideRow.ends_at) > bindparam("start", type_=UtcDateTime),
    )
    .order_by(col(OverrideRow.made_at), col(OverrideRow.id))
)


def spec_of(work: Work, team: str) -> RotaSpec | LayeredSpec | None:
    """A team's rota as the file writes it; the duty manager may have one or just a list."""
    if team == DUTY_TEAM:
        return work.partnership.duty.rota
    spec = work.partnership.team_by_slug.get(team)
    return spec.rota if spec else None


def rota_of(work: Work, team: str, start: datetime, end: datetime) -> Rota | None:
    """A team's rota, ready to be asked about a period."""
    spec = spec_of(work, team)
    if spec is None:
        return None
    if isinstance(spec, RotaSpec) or not any(isinstance(layer, ImportedSpec) for layer in spec.layers):
        return rotation.ready(spec)
    shifts: dict[str, list[Shift]] = {}
    for row in imported(work, team, start - LONGEST_SHIFT, end + LONGEST_SHIFT):
        if row.worker:
            shift = Shift(worker=row.worker, starts_at=row.starts_at, ends_at=row.ends_at)
            shifts.setdefault(row.layer, []).append(shift)
    return rotation.ready(spec, shifts)


def imported(work: Work, team: str, start: datetime, end: datetime) -> Sequence[ImportedShift]:
    """The events of a team's calendars that touch a period, as they were last read."""
    query = select(ImportedShift).where(
        ImportedShift.team == team, col(ImportedShift.starts_at) < end, col(ImportedShift.ends_at) > start
    )
    return work.session.exec(query.order_by(col(ImportedShift.starts_at), col(ImportedShift.id))).all()


def unknown_events(work: Work, team: str, start: datetime, end: datetime) -> list[ImportedShift]:
    """The events of a team's calendars that touch a period and name nobody who is known."""
    spec = spec_of(work, team)
    layers = [layer.name or "" for layer in spec.layers] if isinstance(spec, LayeredSpec) else []
    return (
        [row for row in imported(work, team, start, end) if row.worker is None and row.layer in layers]
        if layers
        else []
    )


def override_rows(work: Work, team: str, start: datetime, end: datetime) -> Sequence[OverrideRow]:
    """The changes to a team's rota that touch a period, in the order in which they were made."""
    query = select(OverrideRow).where(
        OverrideRow.team == team, col(OverrideRow.starts_at) <= end, col(OverrideRow.ends_at) > start
    )
    return work.session.exec(query.order_by(col(OverrideRow.made_at), col(OverrideRow.id))).all()


def as_change(row: OverrideRow) -> Override:
    """A kept change as a value."""
    return Override(
        kind=OverrideKind(row.kind),
        worker=row.worker,
        instead_of=row.instead_of,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )


def overrides_of(work: Work, team: str, start: datetime, end: datetime) -> list[Override]:
    """The changes to a team's rota that touch a period, or a moment; those of all teams are read at once."""
    every = work.session.once(("changes", start, end), lambda: _changes(work, start, end), of=[OverrideRow])
    return every.get(team, [])


def _changes(work: Work, start: datetime, end: datetime) -> dict[str, list[Override]]:
    found: dict[str, list[Override]] = {}
    for row in work.session.ask_once(CHANGES, start=start, end=end):
        found.setdefault(row.team, []).append(as_change(row))
    return found


def rows_around(work: Work, team: str, start: datetime, end: datetime) -> Sequence[OverrideRow]:
    """The changes that touch a period or the turns at its edges, in the order in which they were made."""
    return override_rows(work, team, start - LONGEST_SHIFT, end + LONGEST_SHIFT)


def changes_around(work: Work, team: str, start: datetime, end: datetime) -> list[Override]:
    """The same as values; those of all teams are read at once."""
    return overrides_of(work, team, start - LONGEST_SHIFT, end + LONGEST_SHIFT)


def teams_with(work: Work, worker: str, start: datetime, end: datetime) -> list[str]:
    """The teams in which a worker may have a shift in a period: their own, and those to whose rota they were added."""
    early, late = start - LONGEST_SHIFT, end + LONGEST_SHIFT
    added = select(OverrideRow.team).where(
        OverrideRow.worker == worker, col(OverrideRow.starts_at) <= late, col(OverrideRow.ends_at) > early
    )
    read = select(ImportedShift.team).where(
        ImportedShift.worker == worker, col(ImportedShift.starts_at) < late, col(ImportedShift.ends_at) > early
    )
    own = [*work.partnership.teams_of(worker), DUTY_TEAM]
    found = {*own, *work.session.exec(added).all(), *work.session.exec(read).all()}
    return [team for team in (*work.partnership.team_by_slug, DUTY_TEAM) if team in found]


def lock(work: Work, team: str) -> None:
    """Wait for other changes to a team's rota to be through: two at once could contradict each other."""
    hold(work.session, f"rota {team}")


def add_override(work: Work, team: str, override: Override, *, actor: str) -> OverrideRow:
    """Change a team's rota for a while."""
    row = OverrideRow(
        id=new_id("ovr", work.now),
        team=team,
        kind=override.kind.value,
        worker=override.worker,
        instead_of=override.instead_of,
        starts_at=override.starts_at,
        ends_at=override.ends_at,
        made_by=actor,
        made_at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    work.record("rota.overridden", team, actor=actor, kind=row.kind, worker=row.worker)
    rota_changes.of_teams(work, [team])
    return row


def withdraw_override(work: Work, team: str, override_id: str, *, actor: str) -> None:
    """Take a change back. Raises NotFound."""
    row = work.session.get(OverrideRow, override_id)
    if row is None or row.team != team:
        raise NotFound("this team's rota has no such change")
    work.session.delete(row)
    work.record("rota.override_withdrawn", team, actor=actor, kind=row.kind, worker=row.worker)
    rota_changes.of_teams(work, [team])


def on_leave(work: Work, at: datetime) -> list[str]:
    """Who is on leave at a moment."""
    return [row.worker for row in work.session.ask_once(ON_LEAVE, at=at)]


def leave_between(work: Work, start: datetime, end: datetime, worker: str | None = None) -> Sequence[Leave]:
    """Who is on leave in some part of a period, by its beginning."""
    query = select(Leave).where(col(Leave.starts_at) < end, col(Leave.ends_at) > start)
    if worker:
        query = query.where(Leave.worker == worker)
    return work.session.exec(query.order_by(col(Leave.starts_at), col(Leave.id))).all()


def add_leave(work: Work, worker: str, starts_at: datetime, ends_at: datetime, *, actor: str) -> Leave:
    """Note that a worker is away for a while."""
    row = Leave(
        id=new_id("lve", work.now),
        worker=worker,
        starts_at=starts_at,
        ends_at=ends_at,
        made_by=actor,
        made_at=work.now,
    )
    work.session.add(row)
    work.record("worker.leave_added", worker, actor=actor)
    rota_changes.of_worker(work, worker)
    return row


def withdraw_leave(work: Work, worker: str, leave_id: str, *, actor: str) -> None:
    """Note that a worker is not away after all. Raises NotFound."""
    row = work.session.get(Leave, leave_id)
    if row is None or row.worker != worker:
        raise NotFound("this worker has no such leave")
    work.session.delete(row)
    work.record("worker.leave_withdrawn", worker, actor=actor)
    rota_changes.of_worker(work, worker)
