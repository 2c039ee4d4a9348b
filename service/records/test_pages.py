"""The test page: now and then a text goes to a test number by the whole path of a page, and its receipt is waited for.

When it does not come, the duty manager is paged by other ways, once an outage, and hears when texts arrive again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from notifiers.base import Channel
from rules.handover import Came, Try
from rules.own_pathways import PAGES_DO_NOT_ARRIVE, TEST_PAGE
from service.models.errands import Errand, ErrandKind
from service.models.incidents import Purpose
from service.models.outbox import MessageState, OutboxMessage
from service.models.people import Preference
from service.models.tasks import LIVE, Task, TimelineEntry
from service.partnership import DUTY_TEAM
from service.records import claims, errands, ourselves, outbox, paging, tasks, timeline, transitions
from service.work import Work

STANDS = "test-page"
SOONER = timedelta(minutes=15)  # while texts do not arrive
TEMPLATE = "test_page"
WHAT_TO_DO = (
    "Texts may not reach anybody: ring who is on call, see GET /v1/providers and the provider's own status page, and call "
    "whoever runs this service."
)


@dataclass(frozen=True, kw_only=True)
class Stands:
    """What the test pages said so far; a moment is None where that has not been."""

    last_at: datetime | None = None
    worked_at: datetime | None = None
    seconds: float | None = None
    failing_since: datetime | None = None
    task: str | None = None


def next_at(work: Work) -> datetime | None:
    """When the first test page goes out; None: the settings do without."""
    return work.now if work.test_page else None


def due(work: Work, errand: Errand) -> None:
    """Send one, or look what became of the one that was sent."""
    if work.test_page is None:
        return
    message = work.session.get(OutboxMessage, errand.payload.get("message", ""))
    if message is None:
        sent = _send(work, work.test_page.number)
        errands.put(work, ErrandKind.TEST_PAGE, work.now + work.test_page.within, payload={"message": sent})
        return
    works = _judge(work, message)
    errands.put(
        work, ErrandKind.TEST_PAGE, work.now + (work.test_page.every if works else min(SOONER, work.test_page.every))
    )


def _send(work: Work, number: str) -> str:
    task = ourselves.report(
        work,
        kind="test_page",
        pathway=TEST_PAGE,
        team=DUTY_TEAM,
        locality=None,
        summary="a test of the way that pages take",
        reason="a test page is due",
        purpose=Purpose.TEST,
    )
    values: dict[str, object] = {"code": task.code, "at": paging.clock_time(work.now, work.partnership.zone)}
    message = outbox.write(
        work,
        TEMPLATE,
        worker=None,
        address=number,
        channel=Channel.SMS,
        purpose=outbox.PAGE,
        task=task,
        values=values,
    )
    return message.id


def _judge(work: Work, message: OutboxMessage) -> bool:
    """Whether it arrived; either way the test is over, and how it went is written down."""
    task = tasks.lock(work, message.task_id or "")
    arrived = _arrived_at(work, message)
    if task.state in LIVE:
        transitions.cancel(work, task, "the test is over", actor=timeline.SERVICE)
    before = standing(work)
    if arrived is None:
        alarm = before.task or _raise_alarm(work, message)
        _keep(
            work,
            Stands(
                **{
                    **vars(before),
                    "last_at": message.written_at,
                    "task": alarm,
                    "failing_since": before.failing_since or message.written_at,
                }
            ),
        )
        return False
    ourselves.over(work, before.task, "a test page arrived: texts get through again")
    seconds = (arrived - message.written_at).total_seconds()
    _keep(work, Stands(last_at=message.written_at, worked_at=arrived, seconds=seconds))
    return True


def _arrived_at(work: Work, message: OutboxMessage) -> datetime | None:
    if message.state != MessageState.DELIVERED:
        return None
    told = select(TimelineEntry.at).where(TimelineEntry.task_id == message.task_id, TimelineEntry.event == "delivered")
    # On the sandbox's phones a text arrives as it is sent.
    return work.session.exec(told.order_by(col(TimelineEntry.at)).limit(1)).first() or message.sent_at


def _raise_alarm(work: Work, message: OutboxMessage) -> str:
    why = message.error or ("no receipt came" if message.sent_at else "no provider took it")
    task = ourselves.report(
        work,
        kind="pages_do_not_arrive",
        pathway=PAGES_DO_NOT_ARRIVE,
        team=DUTY_TEAM,
        locality=None,
        summary=f"A test page did not arrive: {why}. {WHAT_TO_DO}",
        reason=f"a test page did not arrive: {why}",
    )
    if message.provider:
        _by_another(
            work, task, Try(provider=message.provider, came=Came.ABSENT, at=work.now, why="a test page was lost")
        )
    return task.id


def _by_another(work: Work, task: Task, lost: Try) -> None:
    """Its texts go by another provider first, where there is one: this one has just lost a text."""
    work.session.flush()
    query = select(OutboxMessage).where(OutboxMessage.task_id == task.id, OutboxMessage.channel == Channel.SMS.value)
    for row in work.session.exec(query).all():
        row.tried = claims.as_kept([lost])
        work.session.add(row)


def standing(work: Work) -> Stands:
    """How the latest test pages went."""
    row = work.session.get(Preference, STANDS)
    kept: dict[str, Any] = dict(row.value) if row else {}
    moments = {
        name: datetime.fromisoformat(kept[name]) for name in ("last_at", "worked_at", "failing_since") if kept.get(name)
    }
    return Stands(seconds=kept.get("seconds"), task=kept.get("task"), **moments)


def _keep(work: Work, stands: Stands) -> None:
    row = work.session.get(Preference, STANDS) or Preference(name=STANDS, value={})
    row.value = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in vars(stands).items()
    }
    work.session.add(row)
