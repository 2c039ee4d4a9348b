"""One test of the whole way of a page, from our own POST to its receipt: how far it is, and the credential that it carries."""

import hmac
from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict
from sqlmodel import col, select

from notifiers.base import Channel
from rules.match import Decision
from rules.own_pathways import OWN_PATHWAYS, TEST_PAGE
from service.errors import Conflict
from service.models.errands import Errand, ErrandKind
from service.models.ids import new_id
from service.models.incidents import Incident
from service.models.outbox import OutboxMessage
from service.models.tasks import TaskIncident
from service.partnership import DUTY_TEAM
from service.privacy import Keyring
from service.records import errands, incidents, outbox, paging, tasks
from service.records.ourselves import OURSELVES
from service.work import Work

TYPE = "test_page"
TEMPLATE = "test_page"
PREFIX = "ct_"
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=1), timedelta(seconds=10)
LEASE = timedelta(seconds=60)  # longer than one POST takes


class Trial(BaseModel):
    """A test under way, as its errand keeps it. `since`: when what is waited for now began to be; `post_at`: when its report
    is to be posted (again); `why`: why that was not taken so far; `again`: nothing is known of the one before."""

    model_config = ConfigDict(frozen=True)

    id: str
    number: str
    since: datetime
    post_at: datetime
    posted_at: datetime | None = None
    accepted_at: datetime | None = None
    why: str = ""
    again: bool = False

    def but(self, **changed: object) -> Self:
        """The same, further on."""
        return self.model_copy(update=changed)


def begun(work: Work, number: str, *, again: bool = False) -> Trial:
    """A test whose report is to be posted now."""
    return Trial(id=new_id("tst", work.now), number=number, since=work.now, post_at=work.now, again=again)


def of(errand: Errand | None) -> Trial | None:
    """The test that an errand is about; None between two tests."""
    return Trial.model_validate(errand.payload) if errand and "id" in errand.payload else None


def keep(work: Work, trial: Trial, due_at: datetime) -> None:
    """Write down how far a test is, and when it is looked at next."""
    errands.put(work, ErrandKind.TEST_PAGE, due_at, payload=trial.model_dump(mode="json"))


def is_to_post(work: Work) -> bool:
    """Whether a report waits to be posted."""
    trial = of(errands.get(work, ErrandKind.TEST_PAGE))
    return trial is not None and _waits(work, trial)


def _waits(work: Work, trial: Trial) -> bool:
    return trial.accepted_at is None and trial.post_at <= work.now


def claim(work: Work) -> Trial | None:
    """Take the report that waits to be posted, so that nobody else posts it meanwhile."""
    errand = errands.held(work, ErrandKind.TEST_PAGE)
    trial = of(errand)
    if errand is None or trial is None or not _waits(work, trial):
        return None
    claimed = trial.but(post_at=work.now + LEASE, posted_at=trial.posted_at or work.now)
    keep(work, claimed, errand.due_at)
    return claimed


def posted(work: Work, claimed: Trial, why: str | None) -> None:
    """Write down what came of posting: it was taken, or why it was not."""
    errand = errands.held(work, ErrandKind.TEST_PAGE)
    trial = of(errand)
    if errand is None or trial is None or trial.id != claimed.id or trial.accepted_at:
        return
    if why is None:
        keep(work, trial.but(accepted_at=work.now, since=work.now, why=""), work.now)
    else:
        wait = min(LONGEST_RETRY, max(FIRST_RETRY, work.now - trial.since))
        keep(work, trial.but(post_at=work.now + wait, why=why), errand.due_at)


def credential(keyring: Keyring, trial_id: str) -> str:
    """What a test's POST carries in place of a key."""
    return f"{PREFIX}{trial_id}.{keyring.vouch('test page', trial_id)}"


def named_by(keyring: Keyring, text: str) -> str | None:
    """The id of the test that a credential was made for; None for anything else."""
    trial_id, _, mark = text.removeprefix(PREFIX).partition(".")
    good = text.startswith(PREFIX) and hmac.compare_digest(mark.encode(), keyring.vouch("test page", trial_id).encode())
    return trial_id if good else None


def under_way(work: Work, trial_id: str) -> Trial:
    """The test that a report was posted for, while it is under way. Raises Conflict."""
    trial = of(errands.held(work, ErrandKind.TEST_PAGE))
    if trial is None or trial.id != trial_id:
        raise Conflict("this test is over")
    return trial


def open_for(work: Work, incident: Incident, trial: Trial) -> None:
    """Open the task of a test whose report was taken, and write the text that goes to the test number."""
    reason = "a test page is due"
    task = tasks.open_task(
        work,
        pathway=TEST_PAGE,
        policy=OWN_PATHWAYS[TEST_PAGE],
        incident=incident,
        team=DUTY_TEAM,
        why_duty=None,
        reason=reason,
    )
    decision = incidents.decided(Decision(None, TEST_PAGE, reason), "opened", task=task)
    incidents.keep_decisions(incident, [decision])
    outbox.write(
        work,
        TEMPLATE,
        worker=None,
        address=trial.number,
        channel=Channel.SMS,
        purpose=outbox.PAGE,
        task=task,
        values={"code": task.code, "at": paging.clock_time(work.now, work.partnership.zone)},
    )


def text_of(work: Work, trial: Trial) -> OutboxMessage | None:
    """The text of a test; None until its report was taken."""
    query = (
        select(OutboxMessage)
        .join(TaskIncident, col(TaskIncident.task_id) == col(OutboxMessage.task_id))
        .join(Incident, col(Incident.id) == col(TaskIncident.incident_id))
        .where(Incident.key_id == OURSELVES, Incident.idempotency_key == trial.id, OutboxMessage.template == TEMPLATE)
    )
    return work.session.exec(query).first()
