"""The watch over rotas: every day, and after every change, whoever can close a gap of the next days is told of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from rules.calendar import next_daily
from service.database import hold
from service.models.errands import Errand, ErrandKind
from service.models.ids import new_id
from service.models.rotas import RotaGap
from service.partnership import DUTY_TEAM
from service.records import coverage, errands, notices, paging, people, shift_notices
from service.work import Work

AHEAD = timedelta(days=14)
NEAR = timedelta(hours=72)
URGENT = timedelta(hours=4)
TOLD_LATELY = timedelta(hours=12)
LONGEST_TEAM = 34


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A span in which nobody would answer for a team: nobody is on call, or none of those who are can be reached."""

    starts_at: datetime
    ends_at: datetime
    reason: str
    unreachable: bool


def first_check(work: Work) -> datetime:
    """When all rotas are looked at for the first time: at once."""
    return work.now


def _next_check(work: Work) -> datetime:
    return next_daily(work.now, work.partnership.daily.coverage, work.partnership.zone)


def check(work: Work, errand: Errand) -> None:
    """Look at one team's rota; without a team, have every rota looked at as the daily check does."""
    if errand.subject:
        look(work, errand.subject, daily=bool((errand.payload or {}).get("daily")))
        return
    teams = (*work.partnership.team_by_slug, DUTY_TEAM)
    errands.put_each(work, ErrandKind.COVERAGE, teams, payload={"daily": True})
    work.record("coverage.checked", work.partnership.partnership, actor="callout", days=AHEAD.days)
    errands.put(work, ErrandKind.COVERAGE, _next_check(work))


def look(work: Work, team: str, *, daily: bool = False) -> None:
    """Compare a team's rota with the gaps that are known: tell of new ones, close those that are gone, and come back
    when one is near, about to begin, or over."""
    rows = list(open_gaps(work, [team]))
    moments: list[datetime] = []
    for span in missing(work, team, work.now, work.now + AHEAD):
        row = next((row for row in rows if row.starts_at < span.ends_at and row.ends_at > span.starts_at), None)
        if row is not None:
            rows.remove(row)
            _move(work, row, span)
        elif span.starts_at > work.now + NEAR:
            moments.append(span.starts_at - NEAR)
            continue
        else:
            row = _open(work, team, span)
        _tell(work, row, daily=daily)
        moments += [moment for moment in (row.starts_at - URGENT, row.ends_at) if moment > work.now]
    for row in rows:
        _close(work, row)
    moments += shift_notices.look(work, team)
    if moments:
        errands.put(work, ErrandKind.COVERAGE, min(moments), subject=team)


def missing(work: Work, team: str, start: datetime, end: datetime) -> list[Missing]:
    """Where nobody would answer for a team, by the beginning; spans that touch are one."""
    if team != DUTY_TEAM and team not in work.partnership.team_by_slug:
        return []
    found: list[Missing] = []
    for span in sorted(_spans(work, team, start, end), key=lambda span: span.starts_at):
        if found and span.starts_at <= found[-1].ends_at:
            found[-1] = replace(found[-1], ends_at=max(found[-1].ends_at, span.ends_at))
        else:
            found.append(span)
    return found


def _spans(work: Work, team: str, start: datetime, end: datetime) -> Iterator[Missing]:
    for gap in coverage.gaps(work, start, end, [team]):
        yield Missing(starts_at=gap.starts_at, ends_at=gap.ends_at, reason=gap.reason, unreachable=False)
    for risk in coverage.at_risk(work, start, end, [team]):
        if risk.next is None and risk.reason != coverage.NOBODY_BEHIND:
            reason = f"{risk.worker} {risk.reason}, and nobody stands behind them"
            yield Missing(starts_at=risk.starts_at, ends_at=risk.ends_at, reason=reason, unreachable=True)


def open_gaps(work: Work, teams: Sequence[str] | None = None) -> Sequence[RotaGap]:
    """The gaps that were told of and are not closed, by their beginning."""
    query = select(RotaGap).where(col(RotaGap.closed_at).is_(None))
    if teams is not None:
        query = query.where(col(RotaGap.team).in_(teams))
    return work.session.exec(query.order_by(col(RotaGap.starts_at), col(RotaGap.number))).all()


def _open(work: Work, team: str, span: Missing) -> RotaGap:
    hold(work.session, "rota gaps")
    taken = {row.number for row in open_gaps(work)}
    row = RotaGap(
        id=new_id("gap", work.now),
        number=next(number for number in range(1, len(taken) + 2) if number not in taken),
        team=team,
        unreachable=span.unreachable,
        reason=span.reason,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        found_at=work.now,
    )
    work.session.add(row)
    times = {"starts_at": row.starts_at.isoformat(), "ends_at": row.ends_at.isoformat()}
    work.record("coverage.gap_found", team, actor="callout", gap=row.id, **times)
    return row


def _move(work: Work, row: RotaGap, span: Missing) -> None:
    """A gap that is known, as it stands now: one that begins earlier than was said is told again."""
    if span.starts_at > work.now:
        if span.starts_at < row.starts_at:
            row.told_at = None
        row.starts_at = span.starts_at
    row.ends_at, row.reason, row.unreachable = span.ends_at, span.reason, span.unreachable
    work.session.add(row)


def _tell(work: Work, row: RotaGap, *, daily: bool) -> None:
    urgent = row.starts_at <= work.now + URGENT
    newly_urgent = urgent and row.urgent_at is None
    again = daily and row.told_at is not None and row.told_at <= work.now - TOLD_LATELY
    if not (row.told_at is None or newly_urgent or again):
        return
    lead = people.lead_of(work, row.team)
    told = [lead] if lead and lead not in people.away(work) else people.available_duty(work)
    if urgent:
        told = list(dict.fromkeys([*told, *people.available_duty(work)]))
        row.urgent_at = row.urgent_at or work.now
    for person in told:
        notices.tell(work, person, "gap", number=row.number, reachable=not row.unreachable, **times_of(work, row))
    row.told_at, row.told = work.now, list(dict.fromkeys([*row.told, *told]))
    work.session.add(row)
    work.record("coverage.gap_told", row.team, actor="callout", gap=row.id, told=told)


def times_of(work: Work, row: RotaGap) -> dict[str, Any]:
    """A gap's team and times as a text says them; one that has begun is open from now."""
    zone = work.partnership.zone
    return {
        "team": team_in_text(work, row.team),
        "since": paging.clock_time(max(row.starts_at, work.now), zone),
        "until": paging.clock_time(row.ends_at, zone),
    }


def team_in_text(work: Work, team: str) -> str:
    """What a team is called in a text, short enough to leave room for the rest."""
    return work.partnership.team_name(team)[:LONGEST_TEAM].rstrip(" ,")


def _close(work: Work, row: RotaGap) -> None:
    row.closed_at = work.now
    work.session.add(row)
    if row.ends_at <= work.now:
        work.record("coverage.gap_passed", row.team, actor="callout", gap=row.id)
        return
    work.record("coverage.gap_closed", row.team, actor="callout", gap=row.id)
    for person in row.told:
        notices.tell(work, person, "gap_closed", **times_of(work, row))
