"""The day's duty list: at a set hour each lead hears who is on call in their teams in the next twenty-four hours."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from notifiers.base import Channel
from rules.calendar import next_daily
from service.models.errands import Errand, ErrandKind
from service.partnership import DUTY_TEAM
from service.records import answers, coverage, errands, notices, outbox, paging, people, reaching
from service.work import Work

A_DAY = timedelta(days=1)
DUTIES_ROOM = 84


def next_at(work: Work) -> datetime | None:
    """When the list goes out next; None: the partnership does without."""
    at = work.partnership.daily.duty_list
    return next_daily(work.now, at, work.partnership.zone) if at else None


def send(work: Work, _errand: Errand) -> None:
    """Write to every lead, by email where they have an address, and to the duty manager about all teams."""
    again = next_at(work)
    if again is None:
        return
    errands.put(work, ErrandKind.DUTY_LIST, again)
    teams = [*work.partnership.team_by_slug, DUTY_TEAM]
    theirs: dict[str, list[str]] = {}
    for team in work.partnership.team_by_slug:
        lead = people.lead_of(work, team)
        if lead:
            theirs.setdefault(lead, []).append(team)
    theirs |= dict.fromkeys(people.available_duty(work)[:1], teams)
    for lead, led in theirs.items():
        _write(work, lead, [line for team in led for line in _lines(work, team)])
    work.record("duty_list.sent", work.partnership.partnership, actor="callout", leads=len(theirs))


def _lines(work: Work, team: str) -> Iterator[str]:
    name, zone = work.partnership.team_name(team), work.partnership.zone
    duties = coverage.held(work, work.now, work.now + A_DAY, [team])
    for duty in duties:
        since = f"from {paging.clock_time(duty.starts_at, zone)} " if duty.starts_at > work.now else ""
        who = notices.name(work, duty.worker)
        yield f"{name}: {who} {since}to {paging.clock_time(duty.ends_at, zone)}"
    if not duties and team != DUTY_TEAM:
        yield f"{name}: nobody"


def _write(work: Work, lead: str, lines: list[str]) -> None:
    spec = work.partnership.worker_by_slug.get(lead)
    if spec is None or not lines:
        return
    by_email = Channel.EMAIL in work.channels and spec.email is not None
    channel = Channel.EMAIL if by_email else Channel.SMS
    outbox.write(
        work,
        "duty_list",
        worker=lead,
        address=reaching.address(work, spec, channel) or "",
        channel=channel,
        purpose=outbox.NOTICE,
        values={
            "duties": "; ".join(lines) if by_email else answers.fitting(lines, DUTIES_ROOM),
            "link": f"{work.public_url}/board",
        },
    )
