"""The moment or the period that a question about rotas is asked about."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime

from api.access import NowDep
from service.errors import Fault, Invalid

LONGEST = timedelta(days=92)
FORTNIGHT = timedelta(days=14)
# Beyond these a calendar has no holidays and a date no neighbours.
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Period:
    """From one instant up to another."""

    start: datetime
    end: datetime


def within_reason(moment: datetime, pointer: str) -> datetime:
    """A moment that a rota can be asked about. Raises Invalid."""
    if not FIRST <= moment <= LAST:
        raise Invalid("the moment is wrong", (Fault(pointer, "must lie between the years 2000 and 2200"),))
    return moment


def _period(
    now: NowDep,
    start: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to")] = None,
) -> Period:
    start = within_reason(start or now, "/query/from")
    end = end or start + FORTNIGHT
    if not start < end <= start + LONGEST:
        raise Invalid("the period is wrong", (Fault("/query/to", "must lie after from, by at most 92 days"),))
    return Period(start=start, end=end)


def _moment(now: NowDep, at: AwareDatetime | None = None) -> datetime:
    return within_reason(at or now, "/query/at")


PeriodDep = Annotated[Period, Depends(_period)]
MomentDep = Annotated[datetime, Depends(_moment)]
