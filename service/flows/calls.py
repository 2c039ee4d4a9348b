"""A key pressed in a call → the same transition as by text → what the voice says to it."""

from dataclasses import dataclass

import structlog

from notifiers import wording
from notifiers.base import InboundText, KeyPress
from rules.reply import Verb
from service.models.outbox import OutboxMessage
from service.models.tasks import Task
from service.records import answers, bundles, notices, paging, received, several, tasks, timeline, transitions
from service.records.guards import Refused
from service.repeating import repeated
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


@repeated
def pressed(runtime: Runtime, press: KeyPress) -> Spoken:
    """Act on a key: 1 takes, 2 passes, any other hears the facts again. Delivered twice, acted on once."""
    with runtime.transaction() as work:
        return _pressed(work, press)


def _pressed(work: Work, press: KeyPress) -> Spoken:
    page = work.session.get(OutboxMessage, press.reference)
    read_out = sorted({each.task_id for each in bundles.carried(work, page) if each.task_id}) if page else []
    if page is None or page.worker is None or not read_out:
        return Spoken(words="This call is not known any more. Goodbye.")
    if len(read_out) > 1:
        return _pressed_for_several(work, press, page, page.worker, read_out)
    task = tasks.lock(work, read_out[0])
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


def _pressed_for_several(work: Work, press: KeyPress, call: OutboxMessage, worker: str, read_out: list[str]) -> Spoken:
    """A key is about whatever was read out in its call."""
    if press.key not in (TAKE, PASS):
        return Spoken(words=call.text, waits=True)
    key = InboundText(
        provider=PROVIDER, provider_id=f"{press.provider_id} {press.key}", sender=call.address, body=press.key
    )
    if not received.is_new(work, key):
        return Spoken(words="That was noted already. Goodbye.")
    verb = Verb.TAKE if press.key == TAKE else Verb.PASS
    received.keep(work, key, worker=worker, meaning=verb.value, task_id=read_out[0])
    log.info("key pressed for several", meaning=verb.value, tasks=len(read_out))
    wanted = [work.session.get_one(Task, task_id) for task_id in read_out]
    act = several.take if verb is Verb.TAKE else several.decline
    answered = act(work, worker, wanted, channel=VOICE)
    several.say(work, worker, verb, answered)
    became = "yours" if verb is Verb.TAKE else "passed on"
    return Spoken(words=f"{len(answered.done)} of {len(wanted)} are {became}. A text follows. Goodbye.")


def _act(work: Work, task: Task, worker: str, key: str) -> Spoken:
    if key == PASS:
        transitions.decline(work, task, worker, actor=worker, channel=VOICE)
        return Spoken(words=f"{task.code} is passed on. Goodbye.")
    transitions.take(work, task, worker, actor=worker, channel=VOICE)
    answers.taken(work, task, worker)
    return Spoken(words=f"Thank you, {notices.name(work, worker)}. {task.code} is yours. A text follows. Goodbye.")
