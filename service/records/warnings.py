"""What a supervisor should know about a change to a rota that was made: nothing of it forbids the change."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from rules.rotation import Override
from service.records import coverage, paging
from service.work import Work

HOUR = timedelta(hours=1)


def about(work: Work, team: str, change: Override) -> list[str]:
    """A line for each gap, each duty at risk, each double duty and each short rest that the change leads to."""
    return list(dict.fromkeys(_lines(work, team, change)))


def _lines(work: Work, team: str, change: Override) -> Iterator[str]:
    start, end, worker = max(change.starts_at, work.now), change.ends_at, change.puts_on
    for gap in coverage.gaps(work, start, end, [team]):
        yield f"{gap.reason} {span(work, gap.starts_at, gap.ends_at)}"
    if worker is None:
        return
    for risk in coverage.at_risk(work, start, end, [team]):
        if risk.worker == worker:
            yield f"{worker}: {risk.reason} {span(work, risk.starts_at, risk.ends_at)}"
    for one in coverage.doubled(work, start, end):
        if one.worker == worker and team in one.teams:
            yield f"{worker} is on call for another team too {span(work, one.starts_at, one.ends_at)}"
    for short in coverage.tired(work, start, end + coverage.longest_rest(work)):
        if short.worker == worker and team in short.teams:
            hours, needed = (short.ends_at - short.starts_at) / HOUR, short.needed / HOUR
            off = span(work, short.starts_at, short.ends_at)
            yield f"{worker} has {hours:g}h off {off}; {needed:g}h are asked for"


def span(work: Work, starts_at: datetime, ends_at: datetime) -> str:
    """From when to when, by the partnership's clocks."""
    zone = work.partnership.zone
    return f"from {paging.clock_time(starts_at, zone)} to {paging.clock_time(ends_at, zone)}"
