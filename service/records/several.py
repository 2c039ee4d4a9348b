"""One answer for several tasks: each is taken or passed for itself, and one text says what became of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlmodel import col, select

from rules.reply import Reply, Verb
from service.models.tasks import Page, PageOutcome, Task, TaskState
from service.records import (
    answers,
    codes,
    convenings,
    outbox,
    summaries,
    tasks,
    timeline,
    transitions,
)
from service.records.guards import Refused, Why
from service.work import Work

MEANWHILE = timedelta(minutes=30)


@dataclass(kw_only=True)
class Answered:
    """What became of each task: `done` as asked, `with_others` whom somebody else has, `over` what has ended, and the codes
    that point to nothing of the worker's."""

    done: list[Task] = field(default_factory=list)
    with_others: list[Task] = field(default_factory=list)
    over: list[Task] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def answer_named(work: Work, worker: str, reply: Reply, named: Sequence[str]) -> list[Task]:
    """Act on a text with several codes, and answer it with one text; the tasks that it was about."""
    left = [code for code in named if not convenings.answer(work, worker, code, reply)]
    found = [task for task in (codes.task_of(work, code) for code in left) if task]
    theirs = [task for task in found if tasks.may_answer(work, task, worker)]
    unknown = [code for code in left if code not in summaries.codes_of(theirs)]
    if left:
        _answer(work, worker, reply, theirs, unknown)
    return theirs


def only_one(work: Work, worker: str, reply: Reply) -> str | None:
    """The code of what ALL means where that is one task: it is answered as if the code had been given."""
    wanted = [*tasks.sought(work, worker), *_lost(work, worker, reply)]
    return wanted[0].code if len(wanted) == 1 else None


def answer_all(work: Work, worker: str, reply: Reply) -> list[Task]:
    """Act on ALL: what a worker is being sought for now. What somebody else took a moment before is said too."""
    wanted = [*tasks.sought(work, worker), *_lost(work, worker, reply)]
    if wanted:
        _answer(work, worker, reply, wanted, [])
    else:
        answers.say(work, worker, "nothing_open")
    return wanted


def _lost(work: Work, worker: str, reply: Reply) -> list[Task]:
    return lost_meanwhile(work, worker) if reply.verb is Verb.TAKE else []


def _answer(work: Work, worker: str, reply: Reply, theirs: Sequence[Task], unknown: Sequence[str]) -> None:
    act = take if reply.verb is Verb.TAKE else decline
    answered = act(work, worker, theirs, words=reply.words, channel="sms")
    answered.unknown += unknown
    say(work, worker, reply.verb, answered)


def take(work: Work, worker: str, wanted: Iterable[Task], *, words: str = "", channel: str) -> Answered:
    """A worker takes several tasks: those that somebody else took first stay with them."""

    def act(task: Task) -> None:
        transitions.take(work, task, worker, actor=worker, channel=channel)
        if words:
            timeline.note(work, task, "note", words, actor=worker, channel=channel)

    return _each(work, worker, wanted, Verb.TAKE, act, channel=channel)


def decline(work: Work, worker: str, wanted: Iterable[Task], *, words: str = "", channel: str) -> Answered:
    """A worker passes several tasks: for each the next step is paged at once."""

    def act(task: Task) -> None:
        transitions.decline(work, task, worker, reason=words, actor=worker, channel=channel)

    return _each(work, worker, wanted, Verb.PASS, act, channel=channel)


def _each(
    work: Work, worker: str, wanted: Iterable[Task], verb: Verb, act: Callable[[Task], None], *, channel: str
) -> Answered:
    answered = Answered()
    # In one order for everybody: two workers who take the same tasks at once must not wait for each other.
    for task_id in sorted({task.id for task in wanted}):
        task = tasks.lock(work, task_id)
        timeline.note(work, task, "reply", f"{verb.value}, one of several", actor=worker, channel=channel)
        try:
            act(task)
        except Refused as refused:
            if refused.why is Why.ALREADY_YOURS:
                answered.done.append(task)
            elif refused.why is Why.TAKEN:
                answered.with_others.append(task)
            else:
                answered.over.append(task)
        else:
            answered.done.append(task)
    return answered


def say(work: Work, worker: str, verb: Verb, answered: Answered) -> None:
    """Answer with one text: what is theirs, what is not, and what comes next."""
    done = summaries.in_order(answered.done)
    everything = [*done, *answered.with_others, *answered.over]
    first = summaries.first_due(work, done) if verb is Verb.TAKE else None
    answers.say(
        work,
        worker,
        "taken_several" if verb is Verb.TAKE else "passed_several",
        drill=bool(everything) and all(task.drill for task in everything),
        codes=summaries.codes_of(done),
        count=len(done),
        others=summaries.codes_of(answered.with_others),
        who=summaries.holder(work, answered.with_others),
        over=summaries.codes_of(answered.over),
        unknown=tuple(code[:4] for code in answered.unknown),
        deadline=first,
    )


def lost_meanwhile(work: Work, worker: str) -> list[Task]:
    """The tasks for which a worker was paged a little while ago and that somebody else has taken since, oldest first."""
    paged = select(Page.task_id).where(
        Page.worker == worker,
        col(Page.at) > work.now - MEANWHILE,
        col(Page.outcome).is_distinct_from(PageOutcome.PASSED.value),
    )
    query = (
        select(Task)
        .where(
            col(Task.id).in_(paged),
            Task.state == TaskState.ACKNOWLEDGED.value,
            col(Task.assignee).is_distinct_from(worker),
        )
        .order_by(col(Task.opened_at), col(Task.id))
    )
    return [task for task in work.session.exec(query).all() if not outbox.still_paging(task)]
