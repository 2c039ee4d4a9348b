"""A text from a phone → what it means → the same transition that the API and the task page use → an answer by text."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from notifiers.base import Channel, InboundText, Remembers, SendError
from rules import automatic, safety, wishes
from rules import reply as grammar
from rules.reply import Ambiguous, Everything, Meant, Reply, Several, Verb
from rules.sla import MilestoneName
from service.models.tasks import LIVE, Task
from service.numbers import e164
from service.partnership import WorkerSpec
from service.records import (
    answers,
    codes,
    contacts,
    convenings,
    covering,
    going_off,
    guardians,
    lone_workers,
    machines,
    notices,
    people,
    preferring,
    received,
    several,
    stops,
    summaries,
    tasks,
    timeline,
    transitions,
)
from service.records.contacts import Proof
from service.records.guards import Refused
from service.records.policies import policy_of
from service.repeating import repeated
from service.runtime import Runtime
from service.work import Work

log = structlog.get_logger()

YES = Reply(Verb.TAKE, None, "")
ASKED_BACK = timedelta(hours=6)
STRANGER = "unknown number"


@dataclass(frozen=True, kw_only=True)
class Understood:
    """What a text was taken to mean, and the codes of the tasks it was about."""

    meaning: str
    codes: tuple[str, ...] = ()

    @property
    def code(self) -> str | None:
        """The first of the codes."""
        return self.codes[0] if self.codes else None


def receive(runtime: Runtime, text: InboundText) -> Understood | None:
    """Act on a text from a phone; None when this one was acted on before."""
    return _once(runtime, text, _receive)


def ask_for_texts(runtime: Runtime) -> int:
    """Ask the providers for texts that never reached us, because our own address was away; how many there were.

    Each counts from the time at which the provider got it: what a page that went out since would have been spared is
    called off, and the timeline says why.
    """
    late = 0
    for notifier in runtime.providers:
        if not isinstance(notifier, Remembers):
            continue
        try:
            found = notifier.received_since(runtime.clock.now() - ASKED_BACK)
        except SendError as error:
            log.warning("the provider can't be asked for texts", provider=notifier.name, reason=error.reason)
            continue
        with runtime.reading() as work:
            missing = received.new_among(work, found)
        late += sum(_once(runtime, text, _receive_late) is not None for text in missing)
    return late


def _receive_late(work: Work, text: InboundText) -> Understood:
    then = min(text.received_at or work.now, work.now)
    understood = _receive(replace(work, answered_at=then), text)
    at = f"{then.astimezone(work.partnership.zone):%H:%M}"
    detail = f"{understood.meaning}, texted at {at}, reached us only now; it counts from then"
    for task in filter(None, (codes.task_of(work, code) for code in understood.codes)):
        timeline.note(work, task, "answer found late", detail)
    return understood


@repeated
def _once(runtime: Runtime, text: InboundText, act: Callable[[Work, InboundText], Understood]) -> Understood | None:
    """Delivered to two replicas at the same moment, it is new to one of them."""
    with runtime.transaction() as work:
        if not received.is_new(work, text):
            return None
        understood = act(work, text)
    runtime.metrics.replied(understood.meaning)
    log.info("text received", meaning=understood.meaning, codes=understood.codes)
    return understood


def _receive(work: Work, text: InboundText) -> Understood:
    worker = people.by_phone(work, text.sender)
    if worker is None:
        return _not_a_worker(work, text)
    reply = grammar.parse(text.body)
    said = safety.read(text.body)
    if said is None and reply == YES and lone_workers.asked_and_answers(work, worker.slug):
        said = safety.Safe()
    if said is not None:
        meaning = lone_workers.heard(work, worker, said)
        received.keep(work, text, worker=worker.slug, meaning=meaning, task_id=None)
        return Understood(meaning=meaning)
    if text.opted_out:
        reply = Reply(verb=Verb.STOP, code=None, words="")
    if text.opted_out is False and not _takes(work, worker, reply):
        reply = Reply(verb=Verb.START, code=None, words="")
    unknown = reply.verb is Verb.UNKNOWN or (reply.verb is Verb.DIGITS and not contacts.is_asked(work, worker.slug))
    if unknown or machines.speaks(work, worker.slug, text, reply):
        return _unreadable(work, text, worker, "not_understood")
    if reply.verb is Verb.QUIET and not wishes.is_readable(reply.words):
        return _unreadable(work, text, worker, "quiet_which")
    about = [] if stops.heard(work, worker.slug, text, reply.verb) else _handle(work, worker, text, reply)
    received.keep(work, text, worker=worker.slug, meaning=reply.verb.value, task_id=about[0].id if about else None)
    named = (reply.code, *reply.further) if reply.code else ()
    return Understood(meaning=reply.verb.value, codes=summaries.codes_of(about) or named)


def _not_a_worker(work: Work, text: InboundText) -> Understood:
    guardian = guardians.by_phone(work, text.sender)
    if guardian:
        return Understood(meaning=guardians.heard(work, guardian, text))
    received.keep(work, text, worker=None, meaning=STRANGER, task_id=None)
    work.record("text.unknown_number", work.keyring.fingerprint("phone", text.sender), actor="stranger")
    return Understood(meaning=STRANGER)


def _takes(work: Work, worker: WorkerSpec, reply: Reply) -> bool:
    """Whether YES, which providers read as opting in, was meant as TAKE. Either way its sender can be reached again."""
    asked = reply.code or tasks.concerning(work, worker.slug) or convenings.unanswered(work, worker.slug)
    if reply.verb is not Verb.TAKE or not asked:
        return False
    people.set_reachable(work, worker.slug)
    return True


def _unreadable(work: Work, text: InboundText, worker: WorkerSpec, answer: str) -> Understood:
    # An OK may be a person's all the same, who then has to hear that it took nothing.
    answers_us = grammar.parse(text.body).verb is Verb.TAKE and not automatic.names_a_machine(text.body)
    silent = received.bursting(work, text.sender) or (automatic.looks_automatic(text.body) and not answers_us)
    received.keep(work, text, worker=worker.slug, meaning=received.UNREADABLE, task_id=None)
    if not silent:
        answers.say(work, worker.slug, answer)
    return Understood(meaning=received.UNREADABLE)


def _handle(work: Work, worker: WorkerSpec, text: InboundText, reply: Reply) -> list[Task]:
    match reply.verb:
        case Verb.LIST | Verb.HELP:
            answers.listing(work, worker.slug)
        case Verb.COVER:
            covering.answer(work, worker.slug, reply.words)
        case Verb.FIRST:
            preferring.first(work, worker, Channel(reply.words))
        case Verb.QUIET:
            preferring.quiet(work, worker, e164(text.sender), reply.words)
        case Verb.DIGITS:
            proof = contacts.prove(work, worker, reply.words, actor=worker.slug, channel=Channel.SMS)
            answers.say(work, worker.slug, "verified" if proof is Proof.RIGHT else "verify_wrong")
        case Verb.OFF:
            _off(work, worker)
        case Verb.ON | Verb.START:
            _on(work, worker)
        case Verb.STOP:
            _stop(work, worker)
        case Verb.TAKE | Verb.PASS | Verb.CONTACT | Verb.DONE | Verb.MORE:
            return _about_a_task(work, worker, reply)
        case _:
            answers.say(work, worker.slug, "not_understood")
    return []


def _about_a_task(work: Work, worker: WorkerSpec, reply: Reply) -> list[Task]:
    meant = grammar.which(reply, [] if reply.says_which else _open_codes(work, worker, reply))
    match meant:
        case Ambiguous(codes=choice):
            all_of_them = f"{reply.verb.upper()} ALL" if reply.verb in grammar.MAY_BE_SEVERAL else None
            answers.say(work, worker.slug, "which", codes=choice, all_of_them=all_of_them)
            return []
        case Several(codes=named):
            return several.answer_named(work, worker.slug, reply, named)
        case Everything():
            only = several.only_one(work, worker.slug, reply)
            return _about_one(work, worker, reply, only) if only else several.answer_all(work, worker.slug, reply)
        case Meant(code=code):
            return _about_one(work, worker, reply, code)
        case _:
            answers.say(work, worker.slug, "nothing_open")
            return []


def _open_codes(work: Work, worker: WorkerSpec, reply: Reply) -> list[str]:
    """What a text without a code may be about. After a night like no other that is a lot to read, so it is asked for where
    it is needed alone."""
    concerned = [task.code for task in tasks.concerning(work, worker.slug)]
    if reply.verb in (Verb.TAKE, Verb.PASS):
        concerned += convenings.unanswered(work, worker.slug)
    return concerned


def _about_one(work: Work, worker: WorkerSpec, reply: Reply, code: str) -> list[Task]:
    if convenings.answer(work, worker.slug, code, reply):
        return []
    found = codes.task_of(work, code)
    if found is None or not tasks.may_answer(work, found, worker.slug):
        answers.say(work, worker.slug, "unknown_code", code=code[:6])
        return []
    task = tasks.lock(work, found.id)
    timeline.note(work, task, "reply", reply.verb.value, actor=worker.slug, channel="sms")
    try:
        ACTIONS[reply.verb](work, task, worker.slug, reply)
    except Refused as refused:
        answers.refused(work, worker.slug, refused)
    return [task]


def _take(work: Work, task: Task, worker: str, reply: Reply) -> None:
    transitions.take(work, task, worker, actor=worker, channel="sms")
    _keep_words(work, task, worker, reply)
    answers.taken(work, task, worker)


def _pass(work: Work, task: Task, worker: str, reply: Reply) -> None:
    transitions.decline(work, task, worker, reason=reply.words, actor=worker, channel="sms")
    answers.say(work, worker, "passed", task=task, code=task.code)


def _contact(work: Work, task: Task, worker: str, reply: Reply) -> None:
    transitions.meet(work, task, MilestoneName.CONTACT, worker=worker, actor=worker, channel="sms")
    _keep_words(work, task, worker, reply)
    answers.contact_met(work, task, worker)


def _done(work: Work, task: Task, worker: str, reply: Reply) -> None:
    allowed = policy_of(task).outcomes
    outcome, words = grammar.outcome(reply.words, allowed)
    if task.state in LIVE and outcome is None:
        answers.say(
            work,
            worker,
            "outcome_needed",
            task=task,
            code=task.code,
            outcomes=answers.fitting(allowed, answers.OUTCOME_ROOM),
        )
        return
    transitions.complete(work, task, outcome or allowed[0], note=words, worker=worker, actor=worker, channel="sms")
    answers.say(work, worker, "completed", task=task, code=task.code, outcome=outcome)


def _more(work: Work, task: Task, worker: str, _reply: Reply) -> None:
    answers.more(work, task, worker)


def _keep_words(work: Work, task: Task, worker: str, reply: Reply) -> None:
    if reply.words:
        timeline.note(work, task, "note", reply.words, actor=worker, channel="sms")


ACTIONS: dict[Verb, Callable[[Work, Task, str, Reply], None]] = {
    Verb.TAKE: _take,
    Verb.PASS: _pass,
    Verb.CONTACT: _contact,
    Verb.DONE: _done,
    Verb.MORE: _more,
}


def _off(work: Work, worker: WorkerSpec) -> None:
    people.set_off(work, worker.slug)
    going_off.hand_on(work, worker.slug)
    team, covering = answers.cover(work, worker.slug)
    answers.say(work, worker.slug, "off", covering=covering)
    for person in people.told_about(work, worker.slug):
        notices.tell(work, person, "off_notice", worker=notices.name(work, worker.slug), team=team, covering=covering)


def _on(work: Work, worker: WorkerSpec) -> None:
    changed = people.set_on(work, worker.slug)
    answers.say(work, worker.slug, "on")
    if changed:
        team, _ = answers.cover(work, worker.slug)
        for person in people.told_about(work, worker.slug):
            notices.tell(work, person, "on_notice", worker=notices.name(work, worker.slug), team=team)


def _stop(work: Work, worker: WorkerSpec) -> None:
    if people.set_unreachable(work, worker.slug, "opted out"):
        notices.unreachable(work, worker.slug)
    going_off.hand_on(work, worker.slug)
