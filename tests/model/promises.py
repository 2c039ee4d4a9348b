"""What Callout promises, looked at from outside its records after every step: at the rows, and at what reached a phone."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlmodel import col, func, select

from notifiers.base import Message
from service.flows import setup
from service.models.outbox import UNSENT, MessageState, OutboxMessage
from service.models.tasks import LIVE, Milestone, Page, Taker, Task, TaskState, TimelineEntry
from service.models.timers import Timer, TimerKind
from service.records import claims
from service.records.outbox import ANSWER, PAGE
from service.records.settling import RANK
from service.work import Work
from tests.fakes.carrier import Carrier
from tests.model.city import City

LEGAL = {
    None: {TaskState.OPEN},
    TaskState.OPEN: {*TaskState},
    TaskState.ACKNOWLEDGED: {*TaskState},
    TaskState.COMPLETED: {TaskState.COMPLETED},
    TaskState.CANCELLED: {TaskState.CANCELLED},
}
LONGEST_STEP = timedelta(hours=48)
DEAD = {MessageState.FAILED, MessageState.CANCELLED}
FINAL = {MessageState.DELIVERED, *DEAD}
GONE = {MessageState.SENT, MessageState.DELIVERED}
TASK = (
    Task.id, Task.code, Task.state, Task.assignee, Task.needs, Task.level, Task.next_page_at, Task.overdue_since,
    Task.paused_at, Task.paused_until, Task.acknowledged_at, Task.opened_at, Task.outcome, Task.team,
)  # fmt: skip
MESSAGE = (
    OutboxMessage.id, OutboxMessage.task_id, OutboxMessage.page_id, OutboxMessage.worker, OutboxMessage.purpose,
    OutboxMessage.channel, OutboxMessage.state, OutboxMessage.written_at,
)  # fmt: skip


@dataclass
class Seen:
    """The rows as they stand, without what is sealed in them."""

    tasks: dict[str, Any]
    timers: dict[str, list[Any]]
    pages: dict[str, list[Page]]
    messages: dict[str, Any]
    takers: dict[str, list[str]]

    @classmethod
    def of(cls, work: Work) -> "Seen":
        """Read them."""
        session = work.session
        timers: dict[str, list[Any]] = {}
        for timer in session.exec(select(Timer)):
            timers.setdefault(timer.task_id, []).append(timer)
        pages: dict[str, list[Page]] = {}
        for page in session.exec(select(Page).order_by(col(Page.at))):
            pages.setdefault(page.task_id, []).append(page)
        takers: dict[str, list[str]] = {}
        for taker in session.exec(select(Taker).order_by(col(Taker.at))):
            takers.setdefault(taker.task_id, []).append(taker.worker)
        return cls(
            tasks={row.id: row for row in session.exec(select(*TASK))},
            timers=timers,
            pages=pages,
            messages={row.id: row for row in session.exec(select(*MESSAGE))},
            takers=takers,
        )

    def pages_sent(self) -> list[Any]:
        """The messages that are somebody's page for one task; what carries several of them is none."""
        return [message for message in self.messages.values() if message.purpose == PAGE and message.task_id]


@dataclass
class Promises:
    """Holds the service to its word over one course of events."""

    city: City
    states: dict[str, str] = field(default_factory=dict)
    reached: dict[str, str] = field(default_factory=dict)
    read_to: int = 0
    said: Counter[tuple[str, str, str | None, datetime | None]] = field(default_factory=Counter)
    in_hand: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for provider in self.city.providers:
            provider.leaving = self.may_leave

    def hold(self, *, settled: bool) -> None:
        """After each step. `settled`: everything that was due has been done."""
        with self.city.runtime.reading() as work:
            seen = Seen.of(work)
            self._read_timelines(work)
            for task_id, task in seen.tasks.items():
                timers = seen.timers.get(task_id, [])
                self._states_are_legal(task, seen.takers.get(task_id, []))
                self._nothing_falls_silent(work, task, timers)
                if settled:
                    self._somebody_is_sought(task, seen)
            self._messages_only_move_forward(seen)
            self._no_page_is_doubled(seen)
            self._timelines_explain_every_page(seen)
            if settled:
                self._what_was_due_was_done(work, seen)

    def overtaken(self) -> None:
        """Something is about to happen while messages are in senders' hands: what it changes comes too late for those."""
        with self.city.runtime.reading() as work:
            query = select(OutboxMessage.id).where(OutboxMessage.state == MessageState.SENDING.value)
            self.in_hand |= set(work.session.exec(query))

    def may_leave(self, message: Message) -> None:
        """A provider is about to take a message: nobody is paged for what is taken, over, paused or passed."""
        for provider in self.city.providers:
            if message.reference in provider.taken:
                # A doubled page beats a lost one: where it was unknown whether somebody had it, and could not be asked.
                asked_in_vain = not isinstance(provider, Carrier) or message.reference in provider.unasked
                assert message.reference in provider.unsaid, (
                    f"{provider.name} said that it had it, and it is sent again"
                )
                assert asked_in_vain, f"{provider.name} has it and was not asked"
        assert message.expires_at is None or message.expires_at > self.city.clock.now(), "it left after its time"
        with self.city.runtime.reading() as work:
            row = work.session.get_one(OutboxMessage, message.reference)
            carried = select(OutboxMessage).where(OutboxMessage.carrier_id == row.id)
            for each in [row, *work.session.exec(carried)]:
                called_off = each.state == MessageState.CANCELLED
                if each.purpose == PAGE and each.task_id and row.id not in self.in_hand and not called_off:
                    self._may_page(work, each)

    def _may_page(self, work: Work, row: OutboxMessage) -> None:
        task = work.session.get_one(Task, row.task_id)
        page = work.session.get_one(Page, row.page_id)
        takers = work.session.exec(select(func.count()).where(Taker.task_id == task.id)).one()
        assert page.outcome is None, f"{page.worker} is paged for a page that is over ({page.outcome})"
        assert page.worker in work.partnership.worker_by_slug, f"{page.worker} has left and is paged"
        assert task.state in LIVE, f"a page left for {task.code}, which was {task.state}"
        assert task.paused_at is None or page.worker == task.assignee, f"a page left for {task.code} in its pause"
        sought = task.state == TaskState.OPEN or task.overdue_since or takers < task.needs
        assert sought, f"a page left for {task.code}, which {task.assignee} has"

    def _states_are_legal(self, task: Any, takers: list[str]) -> None:
        state, before = TaskState(task.state), self.states.get(task.id)
        assert state in LEGAL[TaskState(before) if before else None] or before is None, f"{before} became {state}"
        self.states[task.id] = state
        if state is TaskState.ACKNOWLEDGED:
            assert task.assignee in takers, f"{task.code} is with {task.assignee}, taken by {takers}"
            assert task.acknowledged_at is not None
            assert task.acknowledged_at >= task.opened_at
        if state is TaskState.OPEN:
            assert not takers, f"{task.code} is open and {takers} have it"
        assert (state is TaskState.COMPLETED) == (task.outcome is not None)

    def _nothing_falls_silent(self, work: Work, task: Any, timers: list[Any]) -> None:
        kinds = {timer.kind for timer in timers}
        assert not [timer for timer in timers if timer.attempts], f"{task.code}: acting on a timer failed"
        if task.state not in LIVE:
            assert not kinds, f"{task.code} has ended and still has timers {kinds}"
        elif task.paused_at:
            # Somebody to whom a supervisor gave it meanwhile is paged all the same.
            expected = {TimerKind.RESUME} | ({TimerKind.RECEIPT} & kinds if task.assignee else set())
            assert kinds == expected, f"{task.code} is paused and has timers {kinds}"
        elif task.state == TaskState.OPEN:
            assert TimerKind.STEP in kinds, f"{task.code} is open and nobody will be paged"
        else:
            unmet = select(Milestone).where(Milestone.task_id == task.id, col(Milestone.met_at).is_(None))
            watched = kinds & {TimerKind.STEP, TimerKind.BREACH, TimerKind.CHECK}
            assert watched or not work.session.exec(unmet).first(), f"{task.code} is held and not watched"
        step = next((timer.due_at for timer in timers if timer.kind == TimerKind.STEP), None)
        assert step == task.next_page_at, f"{task.code} says its next page is {task.next_page_at}, its timer {step}"

    def _somebody_is_sought(self, task: Any, seen: Seen) -> None:
        """Of an open task's newest pages one may still be answered, or the chain is at its end and comes again."""
        if task.state != TaskState.OPEN or task.paused_at:
            return
        pages = seen.pages.get(task.id, [])
        current = [page for page in pages if page.level == task.level]
        newest = [page for page in current if page.at == current[-1].at]
        hopeful = {message.page_id for message in seen.messages.values() if message.state not in DEAD}
        for page in newest:
            assert page.outcome or page.id in hopeful, f"{task.code}: {page.worker}'s page is dead and nobody noticed"
        if newest and all(page.outcome for page in newest):
            assert self.at_the_end(task), f"{task.code}: every page of step {task.level + 1} ended, the next one waits"

    def at_the_end(self, task: Any) -> bool:
        """Whether a task's chain is at its last step."""
        with self.city.runtime.reading() as work:
            policy = work.session.get_one(Task, task.id).pathway_policy
        return bool(task.level >= len(policy["escalation"]) - 1)

    def _messages_only_move_forward(self, seen: Seen) -> None:
        assert set(self.reached) <= set(seen.messages), "a message disappeared"
        for message in seen.messages.values():
            now, before = MessageState(message.state), self.reached.get(message.id)
            if before is not None and before != now:
                put_off = (before, now) == (MessageState.SENDING, MessageState.PENDING)
                assert before not in FINAL, f"a message that was {before} became {now}"
                assert put_off or RANK[now] > RANK[MessageState(before)], f"a message that was {before} became {now}"
            self.reached[message.id] = now

    def _no_page_is_doubled(self, seen: Seen) -> None:
        pages = seen.pages_sent()
        for (page, channel), several in Counter((each.page_id, each.channel) for each in pages).items():
            if several > 1:
                # A worker has a new number, while a page to the old one is not answered.
                assert several == self._addresses(page, channel), f"page {page} went out {several} times by {channel}"
        by_step = Counter(
            (page.task_id, page.worker, page.level, page.at) for found in seen.pages.values() for page in found
        )
        for (_, worker, level, _), several in by_step.items():
            assert several == 1, f"{worker} was paged {several} times at once by step {level + 1}"

    def _addresses(self, page: str, channel: str) -> int:
        """To how many addresses a page goes by a channel."""
        with self.city.runtime.reading() as work:
            ways = select(OutboxMessage).where(OutboxMessage.page_id == page, OutboxMessage.channel == channel)
            return len({each.address for each in work.session.exec(ways)})

    def _read_timelines(self, work: Work) -> None:
        query = select(TimelineEntry).where(col(TimelineEntry.id) > self.read_to).order_by(col(TimelineEntry.id))
        for entry in work.session.exec(query):
            self.read_to = entry.id or 0
            at = entry.at if entry.event == "paged" else None
            self.said[(entry.task_id, entry.event, entry.channel, at)] += 1

    def _timelines_explain_every_page(self, seen: Seen) -> None:
        pages = sorted(seen.pages_sent(), key=lambda m: (m.task_id, m.channel))
        for (task, channel), found in groupby(pages, key=lambda m: (m.task_id, m.channel)):
            of_channel = list(found)
            for at, several in Counter(message.written_at for message in of_channel).items():
                assert self.said[(task, "paged", channel, at)] == several, f"a page by {channel} that no timeline tells"
            left = sum(message.state in GONE for message in of_channel)
            told = self.said[(task, "sent", channel, None)] + self.said[(task, "delivered", channel, None)]
            assert told >= left, f"{left} pages left by {channel}, and the timeline tells of {told}"
            failed = sum(message.state == MessageState.FAILED for message in of_channel)
            assert self.said[(task, "failed", channel, None)] >= failed

    def _what_was_due_was_done(self, work: Work, seen: Seen) -> None:
        for timers in seen.timers.values():
            for timer in timers:
                assert timer.due_at > self.city.clock.now() - timedelta(seconds=5), (
                    f"{timer.kind} was due and forgotten"
                )
                assert timer.kind != TimerKind.STEP or timer.due_at <= self.city.clock.now() + LONGEST_STEP
        first = claims.first_at(work)
        assert first is None or first > self.city.clock.now() - timedelta(seconds=5), "a message was due and forgotten"

    def the_audit_holds(self) -> None:
        """The chain leads from its beginning to its end."""
        assert setup.verify_audit(self.city.runtime)[1] is None

    # What the machine asks of the rows.

    def fingerprint(self) -> tuple[Any, ...]:
        """What a text may not change when it comes from nobody we know."""
        with self.city.runtime.reading() as work:
            seen = Seen.of(work)
            told = work.session.exec(select(func.max(TimelineEntry.id))).one()
            return (list(seen.tasks.values()), list(seen.messages.values()), told)

    def answers_to(self, worker: str) -> int:
        """How many answers were written to a worker so far."""
        with self.city.runtime.reading() as work:
            query = select(func.count()).where(OutboxMessage.worker == worker, OutboxMessage.purpose == ANSWER)
            return work.session.exec(query).one()

    def task_of(self, reference: str) -> str | None:
        """The task that a message is about."""
        with self.city.runtime.reading() as work:
            return work.session.get_one(OutboxMessage, reference).task_id

    def awaiting_receipts(self) -> set[str]:
        """The messages that a provider took and nothing says that they arrived."""
        return {message for message, state in self.reached.items() if state not in FINAL and state not in UNSENT}
