"""The watch over rotas: whether anybody is missing in the days to come is looked at every day."""

from datetime import datetime, timedelta

from rules.calendar import next_daily
from service.models.errands import Errand, ErrandKind
from service.records import coverage, errands
from service.work import Work

AHEAD = timedelta(days=14)


def next_check(work: Work) -> datetime:
    """When the rotas are looked at next."""
    return next_daily(work.now, work.partnership.daily.coverage, work.partnership.zone)


def check(work: Work, _errand: Errand) -> None:
    """Look for gaps in the fourteen days to come."""
    found = coverage.gaps(work, work.now, work.now + AHEAD)
    work.record("coverage.checked", work.partnership.partnership, actor="callout", gaps=len(found))
    errands.put(work, ErrandKind.COVERAGE, next_check(work))
