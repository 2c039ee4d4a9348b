"""Due messages → claimed → sent outside any transaction → settled; and what providers report of them later."""

from datetime import timedelta

import structlog

from notifiers.base import Accepted, Asks, Channel, Listens, Notifier, Receipt, ReceiptState, SendError, Speaks
from service.metrics import FIRST_PAGE
from service.models.outbox import MessageState, OutboxMessage
from service.models.tasks import Page, PageOutcome, Task
from service.records import notices, outbox, paging, people, timeline
from service.records.outbox import Claimed
from service.runtime import Runtime
from service.work import Measured, Work

log = structlog.get_logger()


def claim(runtime: Runtime, limit: int) -> list[Claimed]:
    """Take up to `limit` due messages for this sender."""
    with runtime.transaction() as work:
        return outbox.claim(work, limit)


def due_now(runtime: Runtime) -> bool:
    """Whether anything waits to be sent; a read, so that an idle service writes nothing."""
    with runtime.reading() as work:
        first = outbox.first_at(work)
        return first is not None and first <= work.now


def send(runtime: Runtime, claimed: Claimed) -> None:
    """Hand one message to its provider, outside any transaction, and settle what came of it."""
    message = claimed.message
    notifier = runtime.notifiers.get(message.channel)
    try:
        if notifier is None:
            raise SendError(f"no provider for {message.channel.value} is configured", permanent=True)
        accepted = _hand_over(notifier, claimed)
    except SendError as error:
        runtime.metrics.sent(message.channel.value, "refused" if error.permanent else "retried")
        log.warning("send failed", message=message.reference, reason=error.reason, permanent=error.permanent)
        settle_failed(runtime, message.reference, error, provider=notifier.name if notifier else "none")
        return
    runtime.metrics.sent(message.channel.value, "sent")
    log.info("sent", message=message.reference, channel=message.channel.value)
    with runtime.transaction() as work:
        row = outbox.settle_sent(work, message.reference, provider=notifier.name, provider_id=accepted.provider_id)
        if row is not None:
            _say(work, row, "sent", "")
            if accepted.delivered:
                row.state = MessageState.DELIVERED.value
            elif isinstance(notifier, Listens | Speaks):
                outbox.expect_receipt(work, row, within=timedelta(seconds=runtime.settings.receipt_seconds))
            task = work.session.get(Task, row.task_id) if row.task_id else None
            if task and row.purpose == outbox.PAGE and row.written_at == task.first_paged_at:
                seconds = (work.now - task.opened_at).total_seconds()
                work.measured.append(Measured(figure=FIRST_PAGE, seconds=seconds))


def _hand_over(notifier: Notifier, claimed: Claimed) -> Accepted:
    if claimed.again and isinstance(notifier, Asks):
        found = notifier.find(claimed.message)
        if found is not None:
            return found
    return notifier.send(claimed.message)


def settle_failed(runtime: Runtime, message_id: str, error: SendError, *, provider: str) -> None:
    """Put a message off, or, when it will never arrive, page the worker by the next channel or page the next step."""
    with runtime.transaction() as work:
        row = outbox.settle_failed(work, message_id, error, provider=provider)
        if row is not None:
            _failed_for_good(work, row, opted_out=error.opted_out)


def take_receipt(runtime: Runtime, receipt: Receipt) -> None:
    """A provider says how far a message got."""
    with runtime.transaction() as work:
        error = " ".join(part for part in (receipt.code, receipt.reason) if part) or None
        row = outbox.settle_receipt(
            work, receipt.state, reference=receipt.reference, provider_id=receipt.provider_id, error=error
        )
        if row is None:
            return
        runtime.metrics.sent(row.channel, receipt.state.value)
        if receipt.state is ReceiptState.FAILED:
            _failed_for_good(work, row, opted_out=receipt.opted_out)
        else:
            _say(work, row, receipt.state.value, "")
            if receipt.state is ReceiptState.DELIVERED:
                outbox.expect_no_receipt(work, row)


def _failed_for_good(work: Work, row: OutboxMessage, *, opted_out: bool) -> None:
    _say(work, row, "failed", row.error or "")
    if (
        opted_out
        and row.worker
        and row.channel == Channel.SMS
        and people.set_unreachable(work, row.worker, "opted out")
    ):
        notices.unreachable(work, row.worker)
    page = work.session.get(Page, row.page_id) if row.page_id else None
    if page is None or page.outcome is not None or row.purpose != outbox.PAGE:
        return
    if paging.page_again(work, page):
        return
    if _nothing_on_its_way(work, page, row):
        page.outcome = PageOutcome.FAILED.value
        work.session.add(page)
        task = work.session.get(Task, page.task_id, with_for_update=True)
        if task is not None:
            timeline.note(work, task, "page failed", f"{work.partnership.worker_name(page.worker)} can't be reached")
            paging.move_on(work, task)


def _nothing_on_its_way(work: Work, page: Page, failed: OutboxMessage) -> bool:
    return not any(other.id != failed.id for other in outbox.hopeful(work, page.id))


def _say(work: Work, row: OutboxMessage, event: str, why: str) -> None:
    task = work.session.get(Task, row.task_id) if row.task_id else None
    if task is None:
        return
    who = work.partnership.worker_name(row.worker) if row.worker else ""
    what = {outbox.PAGE: "page", outbox.ANSWER: "answer", outbox.NOTICE: "notice"}[row.purpose]
    detail = f"{what} to {who}" + (f": {why}" if why else "")
    timeline.note(work, task, event, detail, actor=row.provider or timeline.SERVICE, channel=row.channel)
