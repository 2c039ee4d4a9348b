"""Further numbers from which STOP came: no text goes there any more, and the worker is reached by what is left."""

from notifiers.base import Channel, InboundText
from rules.reply import Verb
from service.models.outbox import OutboxMessage
from service.models.people import StoppedNumber
from service.numbers import e164
from service.records import contacts, notices, outbox, paging, people, reaching, rota_changes, tasks
from service.work import Work


def is_further(work: Work, worker: str, number: str) -> bool:
    """Whether STOP from a number, in E.164, leaves its worker another one."""
    return not people.is_first_number(work, worker, number)


def heard(work: Work, worker: str, text: InboundText, verb: Verb) -> bool:
    """Take STOP or START from a number; whether that was all, because it was a further one that stopped. To a provider YES
    is START too, whatever it was meant to say."""
    number = e164(text.sender)
    if verb is Verb.START or text.opted_out is False:
        _clear(work, worker, number)
    if verb is not Verb.STOP or not is_further(work, worker, number):
        return False
    note(work, worker, number)
    _go_on(work, worker, number)
    return True


def note(work: Work, worker: str, number: str) -> None:
    """Text a number no more, and tell who looks after its worker, once."""
    mark = contacts.mark_of(work, number)
    if work.session.get(StoppedNumber, mark) is None:
        work.session.add(StoppedNumber(mark=mark, worker=worker, since=work.now))
        work.session.flush()
        work.record("worker.number_stopped", worker, actor=worker)
        rota_changes.of_worker(work, worker)
        notices.unreachable(work, worker, "number_stopped", left=_is_still_texted(work, worker))


def _go_on(work: Work, worker: str, number: str) -> None:
    """What went there and has no answer yet goes out by the worker's next way at once."""
    for task in tasks.sought(work, worker):
        page = next((each for each in reversed(paging.pages_of(work, task)) if each.worker == worker), None)
        newest = max(outbox.of_page(work, page.id), key=lambda row: row.id, default=None) if page else None
        if page and newest and _went_to(newest, number):
            paging.page_again(work, page)


def _clear(work: Work, worker: str, number: str) -> None:
    row = work.session.get(StoppedNumber, contacts.mark_of(work, number))
    if row is not None:
        work.session.delete(row)
        work.session.flush()
        work.record("worker.number_started", worker, actor=worker)
        rota_changes.of_worker(work, worker)


def _is_still_texted(work: Work, worker: str) -> bool:
    """Whether texts to another number of a worker's still can arrive."""
    spec, state = work.partnership.worker_by_slug[worker], people.state_of(work, worker)
    if state.unreachable_since:
        return False
    texted = {way.address for way in reaching.ways(work, spec) if way.channel is Channel.SMS}
    return bool(texted - {spec.phone} if state.number_failed_since else texted)


def _went_to(row: OutboxMessage, number: str) -> bool:
    return row.channel == Channel.SMS and row.address == number
