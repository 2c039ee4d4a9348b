"""Due messages → claimed → handed to a provider outside any transaction → settled; and what providers report of them later.

A channel's providers are tried in order and in one go, so that an outage costs seconds. One that left us in doubt is asked
before the next is tried. rules/handover.py decides; here it is done and written down.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from notifiers.base import Accepted, Asks, Listens, Notifier, Receipt, ReceiptState, SendError, Speaks
from rules import handover
from rules.handover import Came, Try
from service.metrics import FIRST_PAGE
from service.models.outbox import MessageState, OutboxMessage
from service.models.tasks import Task
from service.records import bundles, claims, failures, outbox, settling
from service.records.claims import Claimed
from service.runtime import Runtime
from service.work import Measured, Work

log = structlog.get_logger()

ASKED_AGAIN = timedelta(seconds=1)
NOBODY = "no provider for this channel is configured"


def claim(runtime: Runtime, limit: int) -> list[Claimed]:
    """Take up to `limit` due messages for this sender."""
    with runtime.transaction() as work:
        return claims.claim(work, limit, settle=timedelta(seconds=runtime.settings.gather_seconds))


def due_now(runtime: Runtime) -> bool:
    """Whether anything waits to be sent; a read, so that an idle service writes nothing."""
    with runtime.reading() as work:
        first = claims.first_at(work)
        return first is not None and first <= work.now


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
    """Hand one message to a provider, outside any transaction, and settle what came of it."""
    if runtime.clock.now() >= claimed.until:
        log.warning("not sent: the lease is over", message=claimed.message.reference)
        return
    channel = claimed.message.channel
    providers = {each.name: each for each in runtime.notifiers.get(channel, ())}
    sending = Sending(claimed=claimed, notifiers=providers, tries=claimed.tries)
    waits = _ask(runtime, sending) or _hand_over(runtime, sending)
    with runtime.transaction() as work:
        row = settling.held(work, claimed, sending.tries)
        if row is not None:
            _settle(runtime, work, row, sending, waits=waits)


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


def _hand_over(runtime: Runtime, sending: Sending) -> bool:
    """Try the providers in order until one takes the message; whether to ask, later, one that left us in doubt."""
    if sending.accepted:
        return False
    for name in handover.in_order(list(sending.notifiers), sending.tries):
        notifier = sending.notifiers[name]
        try:
            sending.accepted = notifier.send(sending.claimed.message)
        except SendError as error:
            log.warning("not taken", message=sending.claimed.message.reference, provider=name, reason=error.reason)
            asks = error.unknown and isinstance(notifier, Asks)
            came = Came.UNKNOWN if asks else Came.REFUSED if error.permanent else Came.FAILED
            sending.note(notifier, came, runtime.clock.now(), error)
            if error.bad_address or error.opted_out:
                return False
            if asks and _ask(runtime, sending):
                return True
        else:
            sending.note(notifier, Came.TAKEN, runtime.clock.now())
        if sending.accepted:
            return False
    return False


def _settle(runtime: Runtime, work: Work, row: OutboxMessage, sending: Sending, *, waits: bool) -> None:
    for each in bundles.carried(work, row):
        failures.say_tries(work, each, sending.fresh, sending.notifiers)
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
        wait = ASKED_AGAIN if waits else settling.backoff(row.attempts, error.retry_after)
        lost = not settling.put_off(row, error.reason, provider=name, until=work.now + wait)
    if lost:
        for each in bundles.carried(work, row):
            failures.failed_for_good(work, each, opted_out=error.opted_out)


def _sent(runtime: Runtime, work: Work, row: OutboxMessage, by: Notifier, accepted: Accepted) -> None:
    runtime.metrics.sent(row.channel, "sent")
    log.info("sent", message=row.id, channel=row.channel, provider=by.name)
    settling.sent(work, row, provider=by.name, provider_id=accepted.provider_id)
    if accepted.delivered:
        row.state = MessageState.DELIVERED.value
    for each in bundles.carried(work, row):
        failures.say(work, each, "sent", "" if each is row else "together with others")
        if not accepted.delivered and isinstance(by, Listens | Speaks):
            outbox.expect_receipt(work, each, within=timedelta(seconds=runtime.settings.receipt_seconds))
        task = work.session.get(Task, each.task_id) if each.task_id else None
        if task and each.purpose == outbox.PAGE and each.written_at == task.first_paged_at:
            seconds = (work.now - task.opened_at).total_seconds()
            work.measured.append(Measured(figure=FIRST_PAGE, seconds=seconds))


def take_receipt(runtime: Runtime, receipt: Receipt) -> None:
    """A provider says how far a message got."""
    with runtime.transaction() as work:
        error = " ".join(part for part in (receipt.code, receipt.reason) if part) or None
        row = settling.receipt(
            work, receipt.state, reference=receipt.reference, provider_id=receipt.provider_id, error=error
        )
        if row is None:
            return
        runtime.metrics.sent(row.channel, receipt.state.value)
        for each in bundles.carried(work, row):
            if receipt.state is ReceiptState.FAILED:
                failures.failed_for_good(work, each, opted_out=receipt.opted_out)
                continue
            failures.say(work, each, receipt.state.value, "")
            if receipt.state is ReceiptState.DELIVERED:
                outbox.expect_no_receipt(work, each)
