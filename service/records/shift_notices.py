"""A worker is told of a shift before it begins, at the hour they chose; and of whatever changes about it after that."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from sqlmodel import col, select

from rules.calendar import wall_clock
from rules.cover import Held
from service.models.rotas import ShiftNotice
from service.partnership import DUTY_TEAM, LONGEST_NOTICE
from service.records import coverage, notices, paging
from service.work import Work

A_DAY = timedelta(days=1)
LOOKED_AHEAD = LONGEST_NOTICE + A_DAY  # by then the daily check has come again
LONGEST_TEAM = 34


def look(work: Work, team: str) -> list[datetime]:
    """Tell those of a team whose hour has come, and those whose shift is another one now; the hours that are ahead."""
    told = list(_told(work, team))
    wanting = {slug for slug, spec in work.partnership.worker_by_slug.items() if spec.notice is not None}
    if (not told and not wanting) or (team != DUTY_TEAM and team not in work.partnership.team_by_slug):
        return []
    ahead = [
        duty
        for duty in coverage.held(work, work.now, work.now + LOOKED_AHEAD, [team])
        if duty.worker in work.partnership.worker_by_slug and duty.ends_at > work.now
    ]
    for row in told:
        _compare(work, row, ahead)
    return list(_hours_ahead(work, team, [duty for duty in ahead if duty.worker in wanting]))


def _hours_ahead(work: Work, team: str, duties: Sequence[Held]) -> Iterator[datetime]:
    known = {(row.worker, row.starts_at) for row in _told(work, team)}
    for duty in duties:
        if duty.starts_at <= work.now or (duty.worker, duty.starts_at) in known:
            continue
        hour = hour_of(work, duty)
        if hour > work.now:
            yield hour
        else:
            note(work, team, duty.worker, duty.starts_at, duty.ends_at)
            notices.tell(work, duty.worker, "shift", **_times(work, duty.team, duty.starts_at, duty.ends_at))


def hour_of(work: Work, duty: Held) -> datetime:
    """When a worker wants to be told of a shift: so long before it, or when the clocks last show a time before it."""
    chosen = work.partnership.worker_by_slug[duty.worker].notice
    if isinstance(chosen, time):
        day, zone = duty.starts_at.astimezone(work.partnership.zone).date(), work.partnership.zone
        same = wall_clock(day, chosen, zone)
        return same if same < duty.starts_at else wall_clock(day - A_DAY, chosen, zone)
    return duty.starts_at - (chosen or timedelta(0))


def note(work: Work, team: str, worker: str, starts_at: datetime, ends_at: datetime) -> None:
    """Remember that a worker knows of a shift."""
    work.session.merge(ShiftNotice(team=team, worker=worker, starts_at=starts_at, ends_at=ends_at, told_at=work.now))
    work.session.flush()


def _compare(work: Work, row: ShiftNotice, duties: Sequence[Held]) -> None:
    """A shift that was told of, with the shifts as they stand: gone, changed, or as it was."""
    same = [duty for duty in duties if duty.worker == row.worker and duty.starts_at < row.ends_at]
    now_is = next((duty for duty in same if duty.ends_at > row.starts_at), None)
    if now_is is not None and (now_is.starts_at == row.starts_at or row.starts_at <= work.now):
        if now_is.ends_at != row.ends_at and now_is.ends_at < work.now + LOOKED_AHEAD:
            row.ends_at = now_is.ends_at
            work.session.add(row)
            notices.tell(work, row.worker, "shift", **_times(work, row.team, row.starts_at, row.ends_at))
        return
    work.session.delete(row)
    work.session.flush()
    if now_is is None and row.ends_at > work.now:
        notices.tell(work, row.worker, "shift_off", **_times(work, row.team, row.starts_at, row.ends_at))


def _told(work: Work, team: str) -> Sequence[ShiftNotice]:
    query = select(ShiftNotice).where(ShiftNotice.team == team).order_by(col(ShiftNotice.starts_at))
    return work.session.exec(query).all()


def _times(work: Work, team: str, starts_at: datetime, ends_at: datetime) -> dict[str, Any]:
    zone = work.partnership.zone
    return {
        "team": work.partnership.team_name(team)[:LONGEST_TEAM].rstrip(" ,"),
        "since": paging.clock_time(starts_at, zone),
        "until": paging.clock_time(ends_at, zone),
    }
