"""Claimed messages → handed to a provider outside any transaction → settled; and what providers report of them later.

A channel's providers are tried in order and in one go, so that an outage costs seconds. One that left us in doubt is asked
before the next is tried. rules/handover.py decides; here it is done and written down.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from notifiers.base import (
    Accepted,
    Asks,
    Channel,
    Notifier,
    Rationed,
    Receipt,
    ReceiptState,
    Reports,
    SendError,
)
from rules import handover
from rules.handover import Came, Try
from service.away import is_away
from service.metrics import FIRST_PAGE
from service.models.outbox import MessageState, OutboxMessage
from service.models.tasks import Task
from service.records import bundles, carriers, claims, failures, outbox, people, settling
from service.records import providers as provider_rows
from service.records.claims import Claimed
from service.repeating import repeated
from service.runtime import Runtime
from service.work import Measured, Work

log = structlog.get_logger()

ASKED_AGAIN = timedelta(seconds=1)
OUT_AFTER = 2  # tries in vain, about two seconds apart: no blip any more
SOON = timedelta(seconds=5)
NOBODY = "no provider for this channel is configured"
TOO_MANY = "the networks let no more texts through to this number in this hour"


@dataclass(kw_only=True)
class Sending:
    """One message on its way: what its providers said, with what was known before and what is new."""

    claimed: Claimed
    notifiers: Mapping[str, Notifier]
    tries: tuple[Try, ...]
    fresh: list[Try] = field(default_factory=list)
    by: Notifier | None = None
    accepted: Accepted | None = None
    error: SendError | None = None
    waits: bool = False  # nobody else is to be tried yet
    too_many: bool = False  # for the number, in this hour
    turned: dict[str, str | None] = field(default_factory=dict)  # who went down, and why, or came back up

    def note(self, notifier: Notifier, came: Came, at: datetime, error: SendError | None = None) -> None:
        """Remember what a provider said."""
        new = Try(provider=notifier.name, came=came, at=at, why=error.reason if error else "")
        known = len(self.tries)
        self.tries = handover.added(self.tries, new)
        if len(self.tries) > known:
            self.fresh.append(new)
        self.by, self.error = notifier, error or self.error

    @property
    def doubts(self) -> list[tuple[Notifier, datetime]]:
        """Who may have the message, and since when nobody knows."""
        found = [(each, handover.doubted_since(self.tries, name)) for name, each in self.notifiers.items()]
        return [(each, since) for each, since in found if since]


def send(runtime: Runtime, claimed: Claimed) -> None:
    """Hand one message to a provider, and settle what came of it."""
    sending = hand_over(runtime, claimed)
    if sending is not None:
        settle(runtime, [sending])


def hand_over(runtime: Runtime, claimed: Claimed) -> Sending | None:
    """Hand one message to a provider, outside any transaction; None when its lease was over before it could be."""
    if runtime.clock.now() >= claimed.until:
        log.warning("not sent: the lease is over", message=claimed.message.reference)
        return None
    providers = {each.name: each for each in runtime.notifiers.get(claimed.message.channel, ())}
    sending = Sending(claimed=claimed, notifiers=providers, tries=claimed.tries)
    sending.waits = _ask(runtime, sending) or _ration(runtime, sending) or _hand_over(runtime, sending)
    return sending


@repeated
def settle(runtime: Runtime, sendings: list[Sending]) -> None:
    """Write down what came of some messages, in one transaction; by task, as everybody locks who locks several."""
    with runtime.transaction() as work:
        rows = settling.held(work, [each.claimed for each in sendings])
        if not all(each.accepted for each in sendings):
            outbox.look_up_pages(work, rows.values())
        for sending in sorted(sendings, key=lambda each: (each.claimed.task_id or "", each.claimed.message.reference)):
            row = rows.get(sending.claimed.message.reference)
            if row is not None:
                row.tried = claims.as_kept(sending.tries) if sending.tries else row.tried
                _settle(runtime, work, row, sending)
            for name, why in sending.turned.items():
                provider_rows.note(work, sending.claimed.message.channel, name, up=why is None, why=why)


def _ask(runtime: Runtime, sending: Sending) -> bool:
    """Ask whoever may have the message already; whether to go on asking before anybody else is tried."""
    asked = [each for each, _ in sending.doubts]
    if sending.claimed.again:
        asked = list(sending.notifiers.values())
    for notifier in asked:
        if isinstance(notifier, Asks) and _found(runtime, sending, notifier):
            return False
    patience = timedelta(seconds=runtime.settings.doubt_seconds)
    return handover.waits_on((since for _, since in sending.doubts), runtime.clock.now(), patience)


def _found(runtime: Runtime, sending: Sending, notifier: Asks) -> bool:
    """Whether a provider says that it has the message."""
    try:
        sending.accepted = notifier.find(sending.claimed.message)
    except SendError as error:
        sending.note(notifier, Came.UNKNOWN, runtime.clock.now(), error)
        return False
    if sending.accepted:
        sending.note(notifier, Came.TAKEN, runtime.clock.now())
    elif handover.doubted_since(sending.tries, notifier.name):
        sending.note(notifier, Came.ABSENT, runtime.clock.now())
    return sending.accepted is not None


def _ration(runtime: Runtime, sending: Sending) -> bool:
    """Pass over who may give this number no more texts in this hour; whether the message waits for that, as news do."""
    claimed = sending.claimed
    if sending.accepted or claimed.message.channel is not Channel.SMS or claimed.worker is None:
        return False
    for notifier in sending.notifiers.values():
        if not isinstance(notifier, Rationed):
            continue
        if _is_full(runtime, claimed, notifier):
            sending.too_many = True
            came = Came.REFUSED if claimed.is_page else Came.FAILED
            sending.note(notifier, came, runtime.clock.now(), SendError(TOO_MANY))
    return sending.too_many and not claimed.is_page


def _is_full(runtime: Runtime, claimed: Claimed, notifier: Rationed) -> bool:
    try:
        with runtime.reading() as work:
            return carriers.is_full(work, claimed, notifier.name, notifier.per_number)
    except SQLAlchemyError as error:
        if not is_away(error):
            raise
        return False  # a text too many does less harm than a page that waits for the database


def _hand_over(runtime: Runtime, sending: Sending) -> bool:
    """Try the providers in order until one takes the message; whether to ask, later, one that left us in doubt."""
    if sending.accepted:
        return False
    resting = runtime.standing.avoided(sending.claimed.message.channel)
    for name in handover.in_order(list(sending.notifiers), sending.tries, avoided=resting):
        notifier = sending.notifiers[name]
        error = _try(runtime, sending, notifier)
        if error is None or error.bad_address or error.opted_out:
            return False
        if error.unknown and isinstance(notifier, Asks):
            if _ask(runtime, sending):
                return True
            if sending.accepted:
                return False
    return False


def _try(runtime: Runtime, sending: Sending, notifier: Notifier) -> SendError | None:
    """One call to one provider, noted and measured; what it says against the message, if anything."""
    channel, key = sending.claimed.message.channel, (sending.claimed.message.channel, notifier.name)
    began, error = time.monotonic(), None
    runtime.standing.spend(notifier.name)
    try:
        sending.accepted = notifier.send(sending.claimed.message)
        came = Came.TAKEN
    except SendError as refusal:
        error = refusal
        asks = error.unknown and isinstance(notifier, Asks)
        came = Came.UNKNOWN if asks else Came.REFUSED if error.permanent else Came.FAILED
        log.warning("not taken", message=sending.claimed.message.reference, provider=notifier.name, reason=error.reason)
    runtime.metrics.handed(channel.value, notifier.name, came.value, time.monotonic() - began)
    sending.note(notifier, came, runtime.clock.now(), error)
    # A provider that refuses a message is there, and does its work.
    works = error is None or error.permanent
    if runtime.standing.worked(key) if works else runtime.standing.failed(key):
        sending.turned[notifier.name] = error.reason if error and not works else None
    return error


def _settle(runtime: Runtime, work: Work, row: OutboxMessage, sending: Sending) -> None:
    if untaken := failures.worth_saying(sending.fresh):
        for each in bundles.carried(work, row):
            failures.say_tries(work, each, untaken, sending.notifiers)
    if sending.too_many and row.worker and sending.claimed.is_page:
        carriers.tell_of_too_many(work, row.worker)
    name = sending.by.name if sending.by else None
    if sending.accepted and sending.by:
        _sent(runtime, work, row, sending.by, sending.accepted)
        return
    error = sending.error or SendError(NOBODY, permanent=True)
    final = error.bad_address or error.opted_out or not handover.in_order(list(sending.notifiers), sending.tries)
    log.warning("send failed", message=row.id, reason=error.reason, permanent=final)
    runtime.metrics.sent(row.channel, "refused" if final else "retried")
    if final:
        lost = settling.failed(row, error.reason, provider=name)
    else:
        usual = settling.backoff(row.attempts, error.retry_after)
        pause = carriers.HELD if sending.too_many else ASKED_AGAIN
        wait = pause if sending.waits else usual
        lost = not settling.put_off(row, error.reason, provider=name, until=work.now + wait)
        if not lost and _is_out(runtime, row, sending, wait):
            for each in bundles.carried(work, row):
                failures.goes_on_meanwhile(work, each)
    if lost:
        for each in bundles.carried(work, row):
            failures.failed_for_good(work, each, opted_out=error.opted_out, bad_number=error.bad_address)


def _is_out(runtime: Runtime, row: OutboxMessage, sending: Sending, wait: timedelta) -> bool:
    """Whether no provider of a page's channel works now: not for one blip, nor while one of them is still being asked."""
    if sending.waits:
        return False
    channel = sending.claimed.message.channel
    resting = all(runtime.standing.is_open((channel, name)) for name in sending.notifiers)
    return resting or row.attempts >= OUT_AFTER or wait > SOON


def _sent(runtime: Runtime, work: Work, row: OutboxMessage, by: Notifier, accepted: Accepted) -> None:
    runtime.metrics.sent(row.channel, "sent")
    log.info("sent", message=row.id, channel=row.channel, provider=by.name)
    settling.sent(work, row, provider=by.name, provider_id=accepted.provider_id)
    if accepted.delivered:
        row.state = MessageState.DELIVERED.value
        _reached(work, row)
    for each in bundles.carried(work, row):
        failures.say(work, each, "sent", "" if each is row else "together with others")
        if not accepted.delivered and isinstance(by, Reports):
            outbox.expect_receipt(work, each, within=timedelta(seconds=runtime.settings.receipt_seconds))
        task = work.session.get(Task, each.task_id) if each.task_id else None
        if task and each.purpose == outbox.PAGE and each.written_at == task.first_paged_at:
            seconds = (work.now - task.opened_at).total_seconds()
            work.measured.append(Measured(figure=FIRST_PAGE, seconds=seconds))


@repeated
def take_receipt(runtime: Runtime, receipt: Receipt, *, by: str | None = None) -> None:
    """A provider says how far a message got. `by`: its name, for a receipt that is quicker than the answer to our call."""
    with runtime.transaction() as work:
        error = " ".join(part for part in (receipt.code, receipt.reason) if part) or None
        row = settling.receipt(
            work, receipt.state, reference=receipt.reference, provider_id=receipt.provider_id, error=error
        )
        if row is None:
            return
        row.provider = row.provider or by
        runtime.metrics.sent(row.channel, receipt.state.value)
        if receipt.state is ReceiptState.DELIVERED:
            _reached(work, row)
        carried = bundles.carried(work, row)
        for each in carried:
            if receipt.state is ReceiptState.FAILED:
                failures.failed_for_good(work, each, opted_out=receipt.opted_out, bad_number=receipt.permanent)
            else:
                failures.say(work, each, receipt.state.value, "")
        if receipt.state is ReceiptState.DELIVERED:
            outbox.expect_no_receipts(work, carried)


def _reached(work: Work, row: OutboxMessage) -> None:
    # A call that got through says nothing of texts.
    if row.worker and row.channel == Channel.SMS and people.is_first_number(work, row.worker, row.address):
        people.set_number_works(work, row.worker)
