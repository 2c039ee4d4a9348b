"""Bundles: what is due for one phone in a burst leaves as one text or one call.

Each message stays a row of its own, so that its receipt, its failure and its task's timeline stay right; in state `bundled`
it points to its carrier, the row that is handed over. A carrier is put into words when it leaves, with what is still wanted.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import col, or_, select, union_all

from notifiers import wording
from notifiers.base import Channel
from rules.handover import Came
from service.database import hold, skip_locked
from service.models.ids import new_id
from service.models.outbox import UNSENT, MessageState, OutboxMessage, is_unsent
from service.models.tasks import Task
from service.records import outbox, summaries
from service.work import Work

MINUTE = timedelta(minutes=1)
LONGEST_HOLD = timedelta(seconds=30)
LATELY = timedelta(minutes=10)
MOST = 100

TEXTS, CALLS, SEVERAL = "pages", "calls", "_several"
TOGETHER = frozenset(
    name.removesuffix(SEVERAL)
    for name in wording.names()
    if name.endswith(SEVERAL) and name.removesuffix(SEVERAL) in wording.names()
)


@dataclass(frozen=True, order=True, kw_only=True)
class Kind:
    """What may leave together: for one worker's phone, by one channel, pages or one sort of news, drills for themselves."""

    worker: str
    channel: str
    purpose: str
    news: str
    address: str
    drill: bool

    @property
    def template(self) -> str:
        """The words for several."""
        if self.purpose == outbox.PAGE:
            return CALLS if self.channel == Channel.VOICE else TEXTS
        return self.news + SEVERAL


@dataclass(frozen=True, kw_only=True)
class _Beside:
    """What there is for some workers beside the messages that are due, by worker: what left `lately` or is on its way, and
    what is `waiting`, held or not yet looked at."""

    lately: defaultdict[str, list[OutboxMessage]] = field(default_factory=lambda: defaultdict(list))
    waiting: defaultdict[str, list[OutboxMessage]] = field(default_factory=lambda: defaultdict(list))


def together(work: Work, rows: Sequence[OutboxMessage], *, settle: timedelta) -> list[OutboxMessage]:
    """Of messages that are due and wanted, those that leave now, the bundled ones in their carriers' place.

    The first to a phone leaves at once. What follows within a minute waits for `settle`, twice as long for each further
    text of that minute, and leaves together; a call waits until the minute is over. Zero switches bundling off.
    """
    kinds: defaultdict[Kind, list[OutboxMessage]] = defaultdict(list)
    leaving = []
    for row in rows:
        if is_carrier(row) and row.state == MessageState.PENDING and not _still_wanted(work, row):
            row.state = MessageState.CANCELLED.value
            continue
        kind = _kind(row) if settle else None
        if kind:
            kinds[kind].append(row)
        else:
            leaving.append(row)
    # Two replicas that send to one phone at once would not see each other's text.
    for worker in sorted({kind.worker for kind in kinds}):
        hold(work.session, f"phone of {worker}")
    beside = _beside(work, [row for due in kinds.values() for row in due])
    for kind in sorted(kinds):
        leaving += _of_kind(work, kind, kinds[kind], beside, settle)
    return sorted(leaving, key=lambda row: (row.urgency, row.due_at))


def _kind(row: OutboxMessage) -> Kind | None:
    """None: it leaves for itself, because it is of a sort that does, or because a provider may have it as it is."""
    news = "" if row.purpose == outbox.PAGE else (row.template or "").removesuffix(SEVERAL)
    # Nobody who calls for help waits for a minute to be over.
    alarm = (row.template or "").startswith(outbox.ALARM)
    alone = alarm or row.purpose == outbox.ANSWER or (row.purpose == outbox.NOTICE and news not in TOGETHER)
    by_phone = row.channel in (Channel.SMS, Channel.VOICE)
    if alone or not by_phone or not row.worker or not (row.task_id or is_carrier(row)):
        return None
    if row.state == MessageState.SENDING or any(kept["came"] == Came.UNKNOWN for kept in row.tried or ()):
        return None
    return Kind(
        worker=row.worker,
        channel=row.channel,
        purpose=row.purpose,
        news=news,
        address=row.address,
        drill=row.text.startswith(wording.DRILL),
    )


def _beside(work: Work, due: Sequence[OutboxMessage]) -> _Beside:
    """For the workers of some messages, read at once; locked is what may go with them."""
    if not due:
        return _Beside()
    others = (
        col(OutboxMessage.worker).in_({row.worker for row in due}),
        col(OutboxMessage.id).not_in([row.id for row in due]),
    )
    # Two questions, because no index serves both: with OR every message that a worker ever got was read.
    young = select(OutboxMessage.id).where(*others, col(OutboxMessage.written_at) > work.now - LATELY)
    on_its_way = young.where(is_unsent(), OutboxMessage.state == MessageState.SENDING.value)
    left = young.where(col(OutboxMessage.carrier_id).is_(None), col(OutboxMessage.sent_at) > work.now - MINUTE)
    lately = select(OutboxMessage).where(col(OutboxMessage.id).in_(union_all(on_its_way, left)))
    # What a provider put off waits for its time.
    waiting = (
        select(OutboxMessage)
        .where(
            *others,
            is_unsent(),
            OutboxMessage.state == MessageState.PENDING.value,
            or_(col(OutboxMessage.attempts) == 0, col(OutboxMessage.due_at) <= work.now),
        )
        .order_by(col(OutboxMessage.written_at))
        .limit(MOST)
    )
    found = _Beside()
    for row in work.session.exec(lately).all():
        found.lately[row.worker or ""].append(row)
    rows = work.session.exec(skip_locked(waiting)).all()
    outbox.look_up_tasks(work, rows)
    outbox.look_up_pages(work, rows)
    for row in rows:
        found.waiting[row.worker or ""].append(row)
    return found


def _of_kind(
    work: Work, kind: Kind, due: list[OutboxMessage], beside: _Beside, settle: timedelta
) -> list[OutboxMessage]:
    waiting = [row for row in beside.waiting[kind.worker] if _kind(row) == kind]
    fresh = all(row.due_at == row.written_at for row in due)
    until = _held_until(work, kind, due, beside, waiting, settle) if fresh else None
    if until:
        for row in due:
            row.due_at = until
        return []
    return _bundle(work, kind, [*due, *(row for row in waiting if outbox.wanted(work, row))])


def _held_until(
    work: Work,
    kind: Kind,
    due: list[OutboxMessage],
    beside: _Beside,
    waiting: Sequence[OutboxMessage],
    settle: timedelta,
) -> datetime | None:
    """Until when messages wait that nobody has held yet; None when no other task's reached this phone in the last minute."""
    about = {row.task_id for row in due}
    others = [row for row in beside.lately[kind.worker] if _is_like(row, kind) and row.task_id not in about]
    if not others:
        return None
    if kind.channel == Channel.VOICE:
        return max(row.sent_at or work.now for row in others) + MINUTE
    held = [row.due_at for row in waiting if row.due_at > work.now]
    longer: timedelta = settle * 2 ** (len(others) - 1)
    return min([work.now + min(longer, LONGEST_HOLD), *held])


def _is_like(row: OutboxMessage, kind: Kind) -> bool:
    """Whether a message that left was of a kind, by itself or as a bundle."""
    same_news = kind.purpose == outbox.PAGE or row.template in (kind.news, kind.template)
    same_phone = row.address == kind.address and row.text.startswith(wording.DRILL) is kind.drill
    return (row.channel, row.purpose) == (kind.channel, kind.purpose) and same_news and same_phone


def _bundle(work: Work, kind: Kind, rows: Sequence[OutboxMessage]) -> list[OutboxMessage]:
    carriers = [row for row in rows if is_carrier(row)]
    bundled = [row for row in rows if not is_carrier(row)]
    bundled += [message for carrier in carriers for message in _still_wanted(work, carrier)]
    tasks = {message.task_id: work.session.get_one(Task, message.task_id) for message in bundled}
    if len(tasks) == 1 and not carriers:
        return bundled
    carrier, *spare = carriers or [_carrier(work, kind, bundled)]
    for empty in spare:
        empty.state = MessageState.CANCELLED.value
    for message in bundled:
        message.state, message.carrier_id = MessageState.BUNDLED.value, carrier.id
        message.attempts = max(message.attempts, 1)
    if len(tasks) == 1:
        carrier.text, carrier.link = bundled[-1].text, bundled[-1].link
    else:
        carrier.text, carrier.link = _words(work, kind, list(tasks.values())), None
    return [carrier]


def _carrier(work: Work, kind: Kind, bundled: Sequence[OutboxMessage]) -> OutboxMessage:
    carrier = OutboxMessage(
        id=new_id("msg", work.now),
        worker=kind.worker,
        team=bundled[0].team,
        purpose=kind.purpose,
        channel=kind.channel,
        address=kind.address,
        text="",
        template=kind.template,
        urgency=min(message.urgency for message in bundled),
        state=MessageState.PENDING.value,
        written_at=work.now,
        due_at=work.now,
        expires_at=work.now + outbox.GIVE_UP_AFTER,
    )
    work.session.add(carrier)
    return carrier


def _words(work: Work, kind: Kind, tasks: Sequence[Task]) -> str:
    """Where the work is, only if every code can be said beside it."""
    facts = summaries.facts(work, tasks)
    worded = wording.render(kind.template, drill=kind.drill, **facts)
    if not all(code in worded.text for code in facts["codes"]):
        worded = wording.render(kind.template, drill=kind.drill, **facts | {"label": None, "locality": None})
    return worded.text


def _still_wanted(work: Work, carrier: OutboxMessage) -> list[OutboxMessage]:
    """What a carrier that has not left is still needed for; the rest is called off."""
    wanted, messages = [], _load(work, carrier)
    outbox.look_up_pages(work, messages)
    for message in messages:
        if outbox.wanted(work, message):
            wanted.append(message)
        else:
            message.state = MessageState.CANCELLED.value
    return wanted


def is_carrier(row: OutboxMessage) -> bool:
    """Whether a message is one that carries others."""
    several = row.template in (TEXTS, CALLS) or (row.template or "").endswith(SEVERAL)
    return several and row.task_id is None and row.purpose != outbox.ANSWER


def carried(work: Work, row: OutboxMessage) -> list[OutboxMessage]:
    """What a message stands for: itself, or what it carries, brought to where the carrier is."""
    if not is_carrier(row):
        return [row]
    messages = _load(work, row)
    for message in messages:
        message.provider = row.provider
        if row.state not in UNSENT:
            message.state, message.sent_at, message.error = row.state, row.sent_at, row.error
    return messages


def _load(work: Work, carrier: OutboxMessage) -> list[OutboxMessage]:
    """In the order of their tasks, which whoever locks several keeps to."""
    query = (
        select(OutboxMessage)
        .where(OutboxMessage.carrier_id == carrier.id, OutboxMessage.state != MessageState.CANCELLED.value)
        .order_by(col(OutboxMessage.task_id), col(OutboxMessage.id))
    )
    messages = list(work.session.exec(query).all())
    outbox.look_up_tasks(work, messages)
    return messages
