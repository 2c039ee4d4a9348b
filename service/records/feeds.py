"""Partners' feeds: how often each is expected to speak, and what is done when one falls silent or is always refused."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlmodel import Session, col, func, select, update

from rules.calendar import NeverOpenError
from rules.rhythm import Rhythm
from rules.rulebook import TRIAGE, Pathway
from service.models.access import AccessKey, FeedRhythm
from service.models.errands import Errand, ErrandKind
from service.models.incidents import Incident, RefusedReport
from service.partnership import DUTY_TEAM
from service.records import errands, ourselves
from service.work import Work

log = structlog.get_logger()

REFUSED_RUN = 5  # so many refusals with nothing taken between them: the feed is broken, not one report
MARKED = timedelta(minutes=1)  # a feed that repeats itself writes at most so often
LOOKED_AGAIN, LOOKED_AT_LEAST = timedelta(minutes=15), timedelta(hours=1)
CALENDAR_ENDED = timedelta(days=1)
LABELS = {"feed_silent": "Feed silent", "feed_refused": "Feed refused"}


def expect(work: Work, key: AccessKey, rhythm: Rhythm) -> None:
    """Expect a feed to speak at least so often, counted from now."""
    row = work.session.get(FeedRhythm, key.id, with_for_update=True)
    if row is None:
        row = FeedRhythm(key_id=key.id, every_seconds=0, heard_at=work.now, taken_at=work.now)
    written = rhythm.model_dump(mode="json")
    row.every_seconds, row.heard_at = rhythm.every.total_seconds(), work.now
    row.during, row.weekdays, row.hours = written["during"], written["weekdays"], written["hours"]
    work.session.add(row)
    errands.put(work, ErrandKind.FEED, _next_look(work, row), subject=key.id)


def expect_nothing(work: Work, key_id: str) -> bool:
    """Nothing is expected of a feed any more, and what was opened for it is called off; False when nothing was."""
    errands.clear(work, ErrandKind.FEED, key_id)
    row = work.session.get(FeedRhythm, key_id, with_for_update=True)
    if row is None:
        return False
    for task_id in (row.silent_task, row.refused_task):
        ourselves.over(work, task_id, "nothing is expected of this feed any more")
    work.session.delete(row)
    return True


def is_news(work: Work, key_id: str) -> bool:
    """Whether something is expected of a feed, and it was last heard some time ago."""
    row = work.session.get(FeedRhythm, key_id)
    return row is not None and row.taken_at <= work.now - MARKED


def heard(work: Work, key_ids: Iterable[str]) -> None:
    """Feeds said something that can be taken and leaves no row of its own, such as a report that is held already."""
    keys = list(key_ids)
    if keys:
        late = col(FeedRhythm.taken_at) <= work.now - MARKED
        marked = update(FeedRhythm).where(col(FeedRhythm.key_id).in_(keys), late)
        work.session.exec(marked.values(heard_at=work.now, taken_at=work.now))


def look(work: Work, errand: Errand) -> None:
    """Whether a feed has spoken in time, and whether anything of what it says can be taken."""
    row = work.session.get(FeedRhythm, errand.subject, with_for_update=True)
    key = work.session.get(AccessKey, errand.subject)
    if row is None or key is None or key.revoked_at is not None:
        expect_nothing(work, errand.subject)
        return
    refused = _listen(work, row)
    due_at = _due_at(work, row)
    if due_at > work.now:
        ourselves.over(work, row.silent_task, "the feed speaks again")
        row.silent_since, row.silent_task = None, None
    elif row.silent_task is None:
        row.silent_since = due_at
        row.silent_task = _tell(
            work, key, "feed_silent", f"{key.name} has sent nothing since {_clock(work, row.heard_at)}"
        )
    if refused < REFUSED_RUN:
        ourselves.over(work, row.refused_task, "what the feed sends is taken again")
        row.refused_task = None
    elif row.refused_task is None:
        since = f"all of {refused} reports since {_clock(work, row.taken_at)}"
        row.refused_task = _tell(work, key, "feed_refused", f"what {key.name} sends is refused, {since}")
    work.session.add(row)
    errands.put(work, ErrandKind.FEED, _next_look(work, row), subject=key.id)


def _listen(work: Work, row: FeedRhythm) -> int:
    """Bring up to date when a feed spoke; how many reports were refused since one was taken."""
    newest = (
        select(Incident.received_at).where(Incident.key_id == row.key_id).order_by(col(Incident.id).desc()).limit(1)
    )
    row.taken_at = max(work.session.exec(newest).first() or row.taken_at, row.taken_at)
    refused = select(func.max(RefusedReport.at), func.count()).where(
        RefusedReport.key_id == row.key_id, col(RefusedReport.at) > row.taken_at
    )
    last, number = work.session.exec(refused).one()
    row.heard_at = max(row.heard_at, row.taken_at, last or row.taken_at)
    return number


def _due_at(work: Work, row: FeedRhythm) -> datetime:
    try:
        due_at = _rhythm(row).due_at(row.heard_at, work.policy.book.rulebook.calendars, work.partnership.zone)
    except NeverOpenError:
        due_at = None
    if due_at is None:
        log.warning("a feed's calendar has no open day", key=row.key_id, calendar=row.during)
        return work.now + CALENDAR_ENDED
    return due_at


def _rhythm(row: FeedRhythm) -> Rhythm:
    every = timedelta(seconds=row.every_seconds)
    return Rhythm.model_validate({"every": every, "during": row.during, "weekdays": row.weekdays, "hours": row.hours})


def _next_look(work: Work, row: FeedRhythm) -> datetime:
    """When its time is over; while it is, soon, and less and less often; in any case within the hour, for what is refused."""
    late = work.now - _due_at(work, row)
    wait = max(LOOKED_AGAIN, late / 24) if late >= timedelta(0) else min(-late, LOOKED_AT_LEAST)
    return work.now + wait


def _tell(work: Work, key: AccessKey, kind: str, reason: str) -> str:
    # Not a copy: that would keep the snapshot, and with it the label, of the pathway that it was copied from.
    triage = work.policy.book.rulebook.pathway(TRIAGE).snapshot | {"sms_label": LABELS[kind]}
    task = ourselves.report(
        work,
        kind=kind,
        pathway=TRIAGE,
        policy=Pathway.model_validate(triage),
        team=DUTY_TEAM,
        locality=key.localities[0] if len(key.localities) == 1 else None,
        summary=f"{reason}. Please ask them; what was refused is at /v1/incidents/refused.",
        reason=reason,
    )
    return task.id


def views(session: Session) -> dict[str, dict[str, Any]]:
    """What is expected of feeds, by key, and how they stood when they were looked at last."""
    return {
        row.key_id: {
            "every": timedelta(seconds=row.every_seconds),
            "during": row.during,
            "weekdays": row.weekdays,
            "hours": row.hours,
            "silent_since": row.silent_since,
            "heard_at": row.heard_at,
            "state": "silent" if row.silent_task else "refused" if row.refused_task else "speaking",
            "task": row.silent_task or row.refused_task,
        }
        for row in session.exec(select(FeedRhythm)).all()
    }


def _clock(work: Work, moment: datetime) -> str:
    return f"{moment.astimezone(work.partnership.zone):%H:%M %a %d %b}"
