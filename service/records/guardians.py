"""The list of community guardians, kept by supervisors, and what a guardian's text sets in motion."""

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import col, select

from notifiers.base import Channel, InboundText
from rules import automatic
from rules import reply as grammar
from rules.incident import IncidentReport
from rules.match import Decision
from rules.reply import Verb
from service.database import hold
from service.errors import Conflict, Fault, Invalid, NotFound
from service.models.guardians import Guardian, Trade
from service.models.ids import new_id
from service.models.incidents import Incident, IncidentMark
from service.models.tasks import Task, TaskIncident, is_live
from service.records import incidents, judging, outbox, received, tasks, timeline, transitions
from service.records.judging import Submission
from service.records.told import mark_of, tell
from service.work import Work

CONCERN = "community_concern"
GUARDIANS = "guardian"  # stands for the key of incidents that guardians texted
# A long message arrives in parts, and second thoughts come a little later: they belong to the concern before.
AFTERTHOUGHT = timedelta(minutes=15)
LONGEST = 8000


def add(work: Work, *, name: str, organisation: str, trade: Trade, phone: str, locality: str, actor: str) -> Guardian:
    """Put somebody on the list. `phone` in E.164. Raises Invalid for an unknown locality, Conflict for a number that is
    a worker's or a guardian's already."""
    known = work.partnership.locality_names
    if locality not in known:
        fault = Fault("/locality", f"the partnership has no locality {locality}; one of {', '.join(known)} is needed")
        raise Invalid("the content is wrong", (fault,))
    if phone in work.partnership.worker_by_phone:
        raise Conflict("this number is a worker's, whose texts mean something else")
    mark = work.keyring.fingerprint("phone", phone)
    hold(work.session, f"guardian {mark}")
    if by_phone(work, phone):
        raise Conflict("this number is a guardian's already")
    guardian = Guardian(
        id=new_id("gdn", work.now),
        name=name,
        organisation=organisation,
        trade=trade.value,
        phone=phone,
        phone_mark=mark,
        locality=locality,
        added_by=actor,
        added_at=work.now,
    )
    work.session.add(guardian)
    work.record("guardian.added", guardian.id, actor=actor, locality=locality, trade=trade.value)
    return guardian


def remove(work: Work, guardian_id: str, *, localities: Sequence[str], actor: str) -> None:
    """Take somebody off the list. Raises NotFound."""
    guardian = work.session.get(Guardian, guardian_id)
    if guardian is None or guardian.removed_at or (localities and guardian.locality not in localities):
        raise NotFound("there is no such guardian")
    guardian.removed_at = work.now
    work.session.add(guardian)
    work.record("guardian.removed", guardian.id, actor=actor)


def listed(work: Work, localities: Sequence[str]) -> list[Guardian]:
    """Who is on the list, of some localities (none named: all), the newest first."""
    query = select(Guardian).where(col(Guardian.removed_at).is_(None)).order_by(col(Guardian.id).desc())
    if localities:
        query = query.where(col(Guardian.locality).in_(localities))
    return list(work.session.exec(query).all())


def by_phone(work: Work, phone: str) -> Guardian | None:
    """The guardian with this number."""
    mark = work.keyring.fingerprint("phone", phone)
    query = select(Guardian).where(Guardian.phone_mark == mark, col(Guardian.removed_at).is_(None))
    return work.session.exec(query).first()


def heard(work: Work, guardian: Guardian, text: InboundText) -> str:
    """Take a guardian's text: a concern for triage, unless it is only a word to the provider. What it was taken for.

    Whatever else stands in it, it is kept as a concern: a machine's answer costs the duty manager a glance, and a
    driver who writes "I'm driving a girl who" must not be taken for one.
    """
    alone = len(text.body.split()) == 1
    verb = grammar.parse(text.body).verb
    if text.opted_out is not None or (alone and verb in (Verb.STOP, Verb.START)) or not text.body.strip():
        return _keep(work, text, "guardian: no concern")
    if alone and verb in (Verb.HELP, Verb.LIST):
        _say(work, guardian, "guardian_help")
        return _keep(work, text, "guardian: help")
    hold(work.session, f"guardian {guardian.phone_mark}")
    before = _last_task(work, guardian)
    report = IncidentReport(
        type=CONCERN,
        occurred_at=text.received_at or work.now,
        source_ref=f"{text.provider} {text.provider_id}"[:128],
        locality=guardian.locality,
        setting="community",
        summary=text.body.replace("\x00", "")[:LONGEST],
        attributes={"guardian": guardian.id, "trade": guardian.trade},
    )
    if before and not tasks.is_still_live(work, before):
        before = None
    incident = _afterthought(work, report, before) if before else _concern(work, report)
    mark = mark_of(work, GUARDIANS, guardian.id)
    work.session.put(IncidentMark, incident_id=incident.id, mark=mark, occurred_at=work.now)
    if before is None and not automatic.looks_automatic(text.body):
        _say(work, guardian, "guardian_thanks")
    return _keep(work, text, CONCERN)


def _keep(work: Work, text: InboundText, meaning: str) -> str:
    received.keep(work, text, worker=None, meaning=meaning, task_id=None)
    return meaning


def _concern(work: Work, report: IncidentReport) -> Incident:
    taken = judging.accept_one(work, Submission(report=report, key_id=GUARDIANS, partner=GUARDIANS))
    return work.session.get_one(Incident, taken.incident_id)


def _afterthought(work: Work, report: IncidentReport, task: Task) -> Incident:
    """One more incident behind the task that is open already; whoever has it gets one update."""
    incident = incidents.add(
        work,
        tell(work, report, partner=GUARDIANS),
        key_id=GUARDIANS,
        content=incidents.content_of(report),
    )
    incidents.link(work, incident, task)
    reason = f"joined {task.code}: the same guardian within {AFTERTHOUGHT.seconds // 60} minutes"
    decision = incidents.decided(Decision(None, task.pathway, reason), "joined", task=task)
    incidents.keep_decisions(incident, [decision])
    timeline.note(work, task, "joined", "the same guardian wrote again", actor=GUARDIANS)
    transitions.tell_holders(work, task, "updated")
    return incident


def _last_task(work: Work, guardian: Guardian) -> Task | None:
    """The live task of what this guardian wrote a moment ago."""
    query = (
        select(Task)
        .join(TaskIncident, col(TaskIncident.task_id) == col(Task.id))
        .join(IncidentMark, col(IncidentMark.incident_id) == col(TaskIncident.incident_id))
        .where(
            IncidentMark.mark == mark_of(work, GUARDIANS, guardian.id),
            col(IncidentMark.occurred_at) > work.now - AFTERTHOUGHT,
            is_live(),
        )
        .order_by(col(Task.opened_at).desc())
    )
    return work.session.exec(query).first()


def _say(work: Work, guardian: Guardian, template: str) -> None:
    if Channel.SMS in work.channels and not received.bursting(work, guardian.phone):
        outbox.write(
            work,
            template,
            worker=None,
            address=guardian.phone,
            channel=Channel.SMS,
            purpose=outbox.ANSWER,
            values={},
        )
