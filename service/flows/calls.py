"""A key pressed in a call → the same transition as by text → what the voice says to it."""

from dataclasses import dataclass

import structlog
from sqlalchemy.exc import IntegrityError

from notifiers import wording
from notifiers.base import InboundText, KeyPress
from service.models.outbox import OutboxMessage
from service.models.tasks import Task
from service.records import answers, notices, paging, received, tasks, timeline, transitions
from service.records.guards import Refused
from service.runtime import Runtime
from service.work import Work

log = structlog.get_logger()

TAKE, PASS = "1", "2"
VOICE = "voice"
PROVIDER = "twilio call"


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What the voice says, and whether it waits for a key then."""

    words: str
    waits: bool = False


def pressed(runtime: Runtime, press: KeyPress) -> Spoken:
    """Act on a key: 1 takes, 2 passes, any other hears the facts again. Delivered twice, acted on once."""
    try:
        with runtime.transaction() as work:
            return _pressed(work, press)
    except IntegrityError:
        # The provider delivered it to another replica at the same moment, and that one has acted.
        return Spoken(words="That was noted already. Goodbye.")


def _pressed(work: Work, press: KeyPress) -> Spoken:
    page = work.session.get(OutboxMessage, press.reference)
    if page is None or page.task_id is None or page.worker is None:
        return Spoken(words="This call is not known any more. Goodbye.")
    task = tasks.lock(work, page.task_id)
    if press.key not in (TAKE, PASS):
        return Spoken(
            words=wording.render(paging.SPOKEN, drill=task.drill, **paging.facts(work, task)).text, waits=True
        )
    key = InboundText(
        provider=PROVIDER, provider_id=f"{press.provider_id} {press.key}", sender=page.address, body=press.key
    )
    if not received.is_new(work, key):
        return Spoken(words="That was noted already. Goodbye.")
    meaning = "take" if press.key == TAKE else "pass"
    received.keep(work, key, worker=page.worker, meaning=meaning, task_id=task.id)
    timeline.note(work, task, "reply", meaning, actor=page.worker, channel=VOICE)
    log.info("key pressed", meaning=meaning, code=task.code)
    try:
        return _act(work, task, page.worker, press.key)
    except Refused as refused:
        return Spoken(words=f"{refused.detail}. Goodbye.")


def _act(work: Work, task: Task, worker: str, key: str) -> Spoken:
    if key == PASS:
        transitions.decline(work, task, worker, actor=worker, channel=VOICE)
        return Spoken(words=f"{task.code} is passed on. Goodbye.")
    transitions.take(work, task, worker, actor=worker, channel=VOICE)
    answers.taken(work, task, worker)
    return Spoken(words=f"Thank you, {notices.name(work, worker)}. {task.code} is yours. A text follows. Goodbye.")
