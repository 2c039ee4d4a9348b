"""Bundles: what is due for one phone in a burst leaves as one text or one call.

Each message stays a row of its own, so that its receipt, its failure and its task's timeline stay right; in state `bundled`
it points to its carrier, the row that is handed over. A carrier is put into words when it leaves, with what is still wanted.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func
from sqlalchemy import select as columns
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


Kinds = dict[Kind, list[OutboxMessage]]
ByWorker = defaultdict[str, list[OutboxMessage]]


def together(work: Work, rows: Sequence[OutboxMessage], *, settle: timedelta) -> list[OutboxMessage]:
    """Of messages that are due and wanted, those that leave now, the bundled ones in their carriers' place.

    The first to a phone leaves at once. What follows within a minute waits for `settle`, twice as long for each further
    text of that minute, and leaves together; a call waits until the minute is over. Zero switches bundling off.
    """
    kinds: Kinds = defaultdict(list)
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
    going = _hold_back(work, kinds, settle)
    waiting = _waiting(work, going)
    for kind in sorted(going):
        beside = [row for row in waiting[kind.worker] if _kind(row) == kind and outbox.wanted(work, row)]
        leaving += _bundle(work, kind, [*going[kind], *beside])
    return sorted(leaving, key=lambda row: (row.urgency, row.due_at))


def _kind(row: OutboxMessage) -> Kind | None:
    """None: it leaves for itself, because it is of a sort that does, or because a provider may have it as it is."""
    news = _news(row.purpose, row.template)
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


def _news(purpose: str, template: str | None) -> str:
    """What sort of news a message is; a page is none."""
    return "" if purpose == outbox.PAGE else (template or "").removesuffix(SEVERAL)


def _hold_back(work: Work, kinds: Kinds, settle: timedelta) -> Kinds:
    """Of what is due, what leaves now. The rest is put off: to its phone something left in the last minute."""
    lately = _lately(work, kinds)
    after = {kind: others for kind in kinds if (others := _of_other_tasks(kind, kinds[kind], lately[kind.worker]))}
    held = _held(work, after)
    going = {}
    for kind, due in kinds.items():
        if kind in after and all(row.due_at == row.written_at for row in due):
            until = _held_until(work, kind, after[kind], held.get(_sort(kind), []), settle)
            for row in due:
                row.due_at = until
        else:
            going[kind] = due
    return going


def _others(kinds: Kinds) -> tuple[ColumnElement[bool], ...]:
    """What is not due and goes to the same workers."""
    due = [row.id for rows in kinds.values() for row in rows]
    return (
        col(OutboxMessage.worker).in_({kind.worker for kind in kinds}),
        col(OutboxMessage.id).not_in(due),
    )


def _lately(work: Work, kinds: Kinds) -> ByWorker:
    """What has left for some workers a moment ago, or is on its way."""
    found: ByWorker = defaultdict(list)
    if kinds:
        # Two questions, because no index serves both: with OR every message that a worker ever got was read.
        young = select(OutboxMessage.id).where(*_others(kinds), col(OutboxMessage.written_at) > work.now - LATELY)
        on_its_way = young.where(is_unsent(), OutboxMessage.state == MessageState.SENDING.value)
        left = young.where(col(OutboxMessage.carrier_id).is_(None), col(OutboxMessage.sent_at) > work.now - MINUTE)
        rows = work.session.exec(select(OutboxMessage).where(col(OutboxMessage.id).in_(union_all(on_its_way, left))))
        for row in rows.all():
            found[row.worker or ""].append(row)
    return found


def _of_other_tasks(kind: Kind, due: Sequence[OutboxMessage], lately: Sequence[OutboxMessage]) -> list[OutboxMessage]:
    about = {row.task_id for row in due}
    return [row for row in lately if _is_like(row, kind) and row.task_id not in about]


def _held(work: Work, kinds: Collection[Kind]) -> dict[tuple[str, ...], list[datetime]]:
    """Until when messages are held already, by what of their kind is not sealed: to open hundreds that wait at each one more took
    longer than to write it."""
    found: dict[tuple[str, ...], list[datetime]] = {}
    if kinds:
        sort = (OutboxMessage.worker, OutboxMessage.channel, OutboxMessage.purpose)
        query = columns(*map(col, sort), col(OutboxMessage.template), func.min(OutboxMessage.due_at)).where(
            col(OutboxMessage.worker).in_({kind.worker for kind in kinds}),
            is_unsent(),
            col(OutboxMessage.state) == MessageState.PENDING.value,
            col(OutboxMessage.attempts) == 0,
            col(OutboxMessage.due_at) > work.now,
        )
        for *of, template, until in work.session.execute(query.group_by(*map(col, sort), col(OutboxMessage.template))):
            found.setdefault((*of, _news(of[-1], template)), []).append(until)
    return found


def _sort(kind: Kind) -> tuple[str, ...]:
    return kind.worker, kind.channel, kind.purpose, kind.news


def _held_until(
    work: Work, kind: Kind, others: Sequence[OutboxMessage], held: Sequence[datetime], settle: timedelta
) -> datetime:
    """Until when messages wait because others left before them."""
    if kind.channel == Channel.VOICE:
        return max(row.sent_at or work.now for row in others) + MINUTE
    longer: timedelta = settle * 2 ** (len(others) - 1)
    return min([work.now + min(longer, LONGEST_HOLD), *held])


def _waiting(work: Work, kinds: Kinds) -> ByWorker:
    """What waits for some workers and may go with what leaves now, held for this transaction. What a provider put off waits for
    its time."""
    found: ByWorker = defaultdict(list)
    if kinds:
        query = (
            select(OutboxMessage)
            .where(
                *_others(kinds),
                is_unsent(),
                OutboxMessage.state == MessageState.PENDING.value,
                or_(col(OutboxMessage.attempts) == 0, col(OutboxMessage.due_at) <= work.now),
            )
            .order_by(col(OutboxMessage.written_at))
            .limit(MOST)
        )
        rows = work.session.exec(skip_locked(query)).all()
        outbox.look_up_tasks(work, rows)
        outbox.look_up_pages(work, rows)
        for row in rows:
            found[row.worker or ""].append(row)
    return found


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
