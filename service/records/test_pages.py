"""The test page: now and then a report of our own is posted, and its text to a test number waited for, like any page.

When it is not taken, or its text does not arrive, the duty manager is paged by other ways, once an outage, and hears when
all is well again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlmodel import col, select

from notifiers.base import Channel
from rules.handover import Came, Try
from rules.own_pathways import PAGES_DO_NOT_ARRIVE, REPORTS_NOT_TAKEN
from service.metrics import TEST_ARRIVED, TEST_LOST, TEST_NOT_TAKEN
from service.models.errands import Errand, ErrandKind
from service.models.outbox import MessageState, OutboxMessage
from service.models.people import Preference
from service.models.tasks import LIVE, Task, TimelineEntry
from service.partnership import DUTY_TEAM
from service.records import claims, errands, ourselves, tasks, timeline, transitions, trials
from service.records.trials import Trial
from service.work import Measured, PageTest, Work

STANDS = "test-page"
SOONER = timedelta(minutes=15)  # while pages do not arrive
FIRST_LOOK, LONGEST_LOOK = timedelta(seconds=1), timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class Outage:
    """What a test may show to be broken, and what the duty manager is told to do."""

    kind: str
    pathway: str
    figure: str
    says: str
    what_to_do: str


NOT_TAKEN = Outage(
    kind="reports_not_taken",
    pathway=REPORTS_NOT_TAKEN,
    figure=TEST_NOT_TAKEN,
    says="the report of a test page was not taken",
    what_to_do=(
        "Partners' reports may not reach the service: open CALLOUT_PUBLIC_URL from outside, look at its name, certificate "
        "and proxy and at /readyz, call whoever runs this service, and let partners know that they should ring."
    ),
)
LOST = Outage(
    kind="pages_do_not_arrive",
    pathway=PAGES_DO_NOT_ARRIVE,
    figure=TEST_LOST,
    says="a test page did not arrive",
    what_to_do=(
        "Texts may not reach anybody: ring who is on call, see GET /v1/providers and the provider's own status page, and "
        "call whoever runs this service."
    ),
)


class Steps(BaseModel):
    """When a test got how far; None: it did not."""

    model_config = ConfigDict(frozen=True)

    posted: datetime | None = None
    accepted: datetime | None = None
    handed_over: datetime | None = None
    receipt: datetime | None = None


class Stands(BaseModel):
    """What the tests said so far; a moment is None where that has not been. `seconds`: from before the POST to the receipt;
    `outage`, `why`, `task`: what is broken, and the alarm that was raised for it."""

    model_config = ConfigDict(frozen=True)

    last_at: datetime | None = None
    worked_at: datetime | None = None
    seconds: float | None = None
    steps: Steps = Steps()
    failing_since: datetime | None = None
    outage: str | None = None
    why: str | None = None
    task: str | None = None


def next_at(work: Work) -> datetime | None:
    """When the first test begins; None: the settings do without."""
    return work.now if work.test_page else None


def switched_off(work: Work) -> None:
    """The settings do without test pages now: what they said is forgotten, and an alarm of theirs ends."""
    row = work.session.get(Preference, STANDS)
    if row is not None:
        ourselves.over(work, standing(work).task, "test pages were switched off")
        work.session.delete(row)


def due(work: Work, errand: Errand) -> None:
    """Begin a test, or look how far the one under way is. What is known is judged at once, not when its time is over."""
    if work.test_page is None:
        switched_off(work)
        return
    trial = trials.of(errand)
    if trial is None:
        trials.keep(work, trials.begun(work, work.test_page.number), work.now + FIRST_LOOK)
    elif trial.accepted_at is None:
        _look_for_taking(work, work.test_page, trial)
    else:
        _look_for_receipt(work, work.test_page, trial)


def _look_for_taking(work: Work, test: PageTest, trial: Trial) -> None:
    if work.now < trial.since + test.within:
        _look_again(work, test, trial)
    elif trial.why or trial.again:
        _failed(work, test, trial, NOT_TAKEN, trial.why or "nobody could post it")
    else:
        # Whoever was posting it is no more, which says nothing of the way: once more.
        trials.keep(work, trials.begun(work, test.number, again=True), work.now + FIRST_LOOK)


def _look_for_receipt(work: Work, test: PageTest, trial: Trial) -> None:
    message = trials.text_of(work, trial)
    if message is None:
        _failed(work, test, trial, NOT_TAKEN, "it was answered as taken, but did not come here")
        return
    arrived = _arrived_at(work, message)
    if arrived:
        _arrived(work, test, trial, message, arrived)
    elif message.state == MessageState.FAILED or work.now >= trial.since + test.within:
        why = message.error or ("no receipt came" if message.sent_at else "no provider took it")
        _failed(work, test, trial, LOST, why, message)
    else:
        _look_again(work, test, trial)


def _look_again(work: Work, test: PageTest, trial: Trial) -> None:
    wait = min(LONGEST_LOOK, max(FIRST_LOOK, work.now - trial.since))
    trials.keep(work, trial, min(work.now + wait, trial.since + test.within))


def _arrived_at(work: Work, message: OutboxMessage) -> datetime | None:
    if message.state != MessageState.DELIVERED:
        return None
    told = select(TimelineEntry.at).where(TimelineEntry.task_id == message.task_id, TimelineEntry.event == "delivered")
    # On the sandbox's phones a text arrives as it is sent.
    return work.session.exec(told.order_by(col(TimelineEntry.at)).limit(1)).first() or message.sent_at


def _arrived(work: Work, test: PageTest, trial: Trial, message: OutboxMessage, at: datetime) -> None:
    _end(work, message)
    before = standing(work)
    ourselves.over(work, before.task, "a test page arrived: reports are taken, and texts get through")
    begun_at = trial.posted_at or trial.since
    seconds = (at - begun_at).total_seconds()
    stands = Stands(last_at=begun_at, worked_at=at, seconds=seconds, steps=_steps(trial, message, at))
    _keep(work, stands)
    work.measured.append(Measured(figure=TEST_ARRIVED, seconds=seconds))
    errands.put(work, ErrandKind.TEST_PAGE, work.now + test.every)


def _failed(
    work: Work, test: PageTest, trial: Trial, outage: Outage, why: str, message: OutboxMessage | None = None
) -> None:
    if message:
        _end(work, message)
    before = standing(work)
    begun_at = trial.posted_at or trial.since
    if before.task and before.outage == outage.kind:
        alarm = before.task
    else:
        ourselves.over(work, before.task, f"something else now: {outage.says}")
        alarm = _raise_alarm(work, outage, why, message)
    changed = {
        "last_at": begun_at,
        "steps": _steps(trial, message, None),
        "failing_since": before.failing_since or begun_at,
        "outage": outage.kind,
        "why": f"{outage.says}: {why}",
        "task": alarm,
    }
    _keep(work, before.model_copy(update=changed))
    work.measured.append(Measured(figure=outage.figure, seconds=(work.now - begun_at).total_seconds()))
    errands.put(work, ErrandKind.TEST_PAGE, work.now + min(SOONER, test.every))


def _end(work: Work, message: OutboxMessage) -> None:
    task = tasks.lock(work, message.task_id or "")
    if task.state in LIVE:
        transitions.cancel(work, task, "the test is over", actor=timeline.SERVICE)


def _steps(trial: Trial, message: OutboxMessage | None, arrived: datetime | None) -> Steps:
    handed_over = message.sent_at if message else None
    return Steps(posted=trial.posted_at, accepted=trial.accepted_at, handed_over=handed_over, receipt=arrived)


def _raise_alarm(work: Work, outage: Outage, why: str, message: OutboxMessage | None) -> str:
    what = f"{outage.says}: {why}"
    task = ourselves.report(
        work,
        kind=outage.kind,
        pathway=outage.pathway,
        team=DUTY_TEAM,
        locality=None,
        summary=f"{what[0].upper()}{what[1:]}. {outage.what_to_do}",
        reason=what,
    )
    if message and message.provider:
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
    """How the latest tests went."""
    row = work.session.get(Preference, STANDS)
    return Stands.model_validate(row.value) if row else Stands()


def _keep(work: Work, stands: Stands) -> None:
    row = work.session.get(Preference, STANDS) or Preference(name=STANDS, value={})
    row.value = stands.model_dump(mode="json")
    work.session.add(row)
