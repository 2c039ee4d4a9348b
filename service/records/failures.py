"""What follows when a message will never arrive, and what a task's timeline says of its messages."""

from collections.abc import Iterable, Mapping

from notifiers.base import Channel, Notifier
from rules.handover import Came, Try
from service.models.outbox import OutboxMessage
from service.models.tasks import Page, PageOutcome, Task
from service.records import notices, outbox, paging, people, stops, tasks, timeline
from service.work import Work

NOT_TAKEN = {
    Came.REFUSED: "will not take it",
    Came.FAILED: "did not take it",
    Came.UNKNOWN: "may or may not have it",
    Came.ABSENT: "says that it does not have it",
}


def failed_for_good(work: Work, row: OutboxMessage, *, opted_out: bool, bad_number: bool = False) -> None:
    """Page the worker by the next channel, or the next step when there is none left. Who looks after the worker hears,
    once, of a phone that opted out and of a number that is no good."""
    say(work, row, "failed", row.error or "")
    if row.worker and row.channel == Channel.SMS:
        if opted_out and stops.is_further(work, row.worker, row.address):
            stops.note(work, row.worker, row.address)
        elif opted_out and people.set_unreachable(work, row.worker, "opted out"):
            notices.unreachable(work, row.worker)
        elif (
            bad_number
            and not opted_out
            and people.is_first_number(work, row.worker, row.address)
            and people.set_number_failed(work, row.worker, row.error or "refused")
        ):
            notices.unreachable(work, row.worker, "number_failed")
    page = _held(work, row)
    if page is None or paging.page_again(work, page):
        return
    if _nothing_on_its_way(work, page, row):
        page.outcome = PageOutcome.FAILED.value
        work.session.add(page)
        task = work.session.get_one(Task, page.task_id)
        timeline.note(work, task, "page failed", f"{work.partnership.worker_name(page.worker)} can't be reached")
        paging.move_on(work, task)


def goes_on_meanwhile(work: Work, row: OutboxMessage) -> None:
    """No provider takes a page now: its worker is paged by their next channel, and this one goes on being tried. Nothing
    happens where another message of the page is still on its way."""
    page = _held(work, row)
    if page is None:
        return
    others = [other for other in outbox.hopeful(work, page.id) if other.id != row.id]
    if any(outbox.may_arrive_soon(work, other) for other in others):
        return
    if paging.page_again(work, page):
        say(work, row, "channel out", "the next one is tried, and this one again")


def _held(work: Work, row: OutboxMessage) -> Page | None:
    """The page of a message whose worker is still being asked. Its task is held: another message of the page may fail, or
    somebody may take the task, at the same moment."""
    if row.page_id is None or row.purpose != outbox.PAGE:
        return None
    page = work.session.get(Page, row.page_id)
    if page is None:
        return None
    tasks.lock(work, page.task_id)
    work.session.refresh(page)
    return page if page.outcome is None else None


def _nothing_on_its_way(work: Work, page: Page, failed: OutboxMessage) -> bool:
    return not any(other.id != failed.id for other in outbox.hopeful(work, page.id))


def say(work: Work, row: OutboxMessage, event: str, why: str, *, actor: str | None = None) -> None:
    """One line about a message into its task's timeline."""
    task = work.session.get(Task, row.task_id) if row.task_id else None
    if task is None:
        return
    who = work.partnership.worker_name(row.worker) if row.worker else "the team's channel"
    detail = f"{row.purpose} to {who}" + (f": {why}" if why else "")
    timeline.note(work, task, event, detail, actor=actor or row.provider or timeline.SERVICE, channel=row.channel)


def worth_saying(fresh: Iterable[Try]) -> list[Try]:
    """What providers said for the first time, but that they took the message."""
    return [each for each in fresh if each.came in NOT_TAKEN]


def say_tries(work: Work, row: OutboxMessage, untaken: Iterable[Try], notifiers: Mapping[str, Notifier]) -> None:
    """A line for each time that a provider did not take the message."""
    for each in untaken:
        words = f"{notifiers[each.provider].title} {NOT_TAKEN[each.came]}" + (f": {each.why}" if each.why else "")
        say(work, row, "not taken", words, actor=each.provider)
