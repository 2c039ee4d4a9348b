"""No sequence of events leaves an open task without a pending timer or a page on its way: a machine tries them all."""

import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlmodel import col, select

from notifiers.base import InboundText
from rules.incident import IncidentReport, Place
from rules.sla import MilestoneName
from service.engine import Engine
from service.errors import Conflict, Invalid
from service.flows import actions, intake, replies
from service.flows.actions import Scope
from service.models.ids import new_id
from service.models.outbox import UNSENT, OutboxMessage
from service.models.tasks import LIVE, Milestone, Page, Task, TaskState
from service.models.timers import Timer, TimerKind
from service.records import audit
from service.records.judging import Submission
from tests.running import build_sandbox

SUPERVISOR = Scope(actor="supervisor")
KINDS = ["weapon_in_school", "hospital_stabbing", "late_night_hotspot", "peer_conflict", "never_heard_of"]
WORKERS = ["amina", "ben", "grace", "dana", "priya", "owen", "farah", "tomasz", "leroy", "rosa", "sian"]
WORDS = [
    "take",
    "pass",
    "contact",
    "done contact_made",
    "done handled",
    "more",
    "list",
    "off",
    "on",
    "stop",
    "start",
    "hm",
]


class TaskLife(RuleBasedStateMachine):
    """Incidents, replies, supervisors and time in any order, on a real database."""

    @initialize()
    def start(self) -> None:
        self.refusals = 0
        self.folder = tempfile.TemporaryDirectory()
        self.runtime = build_sandbox(f"sqlite:///{Path(self.folder.name)}/life.db")
        self.engine = Engine(self.runtime)

    def teardown(self) -> None:
        if hasattr(self, "runtime"):
            self.runtime.close()
            self.folder.cleanup()

    @rule(kind=st.sampled_from(KINDS), locality=st.sampled_from(["north", "south", None]), drill=st.booleans())
    def incident(self, kind: str, locality: str | None, drill: bool) -> None:
        report = IncidentReport(
            type=kind,
            occurred_at=self.runtime.clock.now(),
            locality=locality,
            place=Place(hospital="riverside") if kind == "hospital_stabbing" else None,
            drill=drill,
        )
        intake.accept(self.runtime, [Submission(report=report, key_id="key_x", partner="partner")])

    @rule(worker=st.sampled_from(WORKERS), word=st.sampled_from(WORDS), coded=st.booleans(), pick=st.integers(0, 50))
    def reply(self, worker: str, word: str, coded: bool, pick: int) -> None:
        with self.runtime.reading() as work:
            phone = work.partnership.worker_by_slug[worker].phone
            codes = [task.code for task in work.session.exec(select(Task).order_by(col(Task.id)))]
        verb, _, rest = word.partition(" ")
        text = f"{verb} {codes[pick % len(codes)]} {rest}" if coded and codes else word
        now = self.runtime.clock.now()
        inbound = InboundText(provider="sandbox", provider_id=new_id("sbx", now), sender=phone, body=text)
        replies.receive(self.runtime, inbound)

    @rule(word=st.sampled_from(["take", "pass", "contact", "more", "done contact_made"]), pick=st.integers(0, 50))
    def holder_replies(self, word: str, pick: int) -> None:
        with self.runtime.reading() as work:
            held = list(work.session.exec(select(Task).where(col(Task.state) == TaskState.ACKNOWLEDGED.value)))
            if not held:
                return
            task = held[pick % len(held)]
            phone = work.partnership.worker_by_slug[task.assignee or ""].phone
        verb, _, rest = word.partition(" ")
        body = f"{verb} {task.code} {rest}"
        inbound = InboundText(
            provider="sandbox", provider_id=new_id("sbx", self.runtime.clock.now()), sender=phone, body=body
        )
        replies.receive(self.runtime, inbound)

    @rule(
        act=st.sampled_from(
            ["acknowledge", "decline", "assign", "contact", "complete", "cancel", "pause", "resume", "escalate"]
        ),
        worker=st.sampled_from(WORKERS),
        pick=st.integers(0, 50),
    )
    def supervise(self, act: str, worker: str, pick: int) -> None:
        with self.runtime.reading() as work:
            ids = list(work.session.exec(select(Task.id).order_by(col(Task.id))))
        if not ids:
            return
        task_id = ids[pick % len(ids)]
        doing = {
            "acknowledge": lambda: actions.acknowledge(self.runtime, SUPERVISOR, task_id, worker),
            "decline": lambda: actions.decline(self.runtime, SUPERVISOR, task_id, worker),
            "assign": lambda: actions.assign(self.runtime, SUPERVISOR, task_id, worker),
            "contact": lambda: actions.milestone(self.runtime, SUPERVISOR, task_id, MilestoneName.CONTACT),
            "complete": lambda: actions.complete(self.runtime, SUPERVISOR, task_id, "contact_made"),
            "cancel": lambda: actions.cancel(self.runtime, SUPERVISOR, task_id, "called off"),
            "pause": lambda: actions.pause(self.runtime, SUPERVISOR, task_id, "waiting", None),
            "resume": lambda: actions.resume(self.runtime, SUPERVISOR, task_id),
            "escalate": lambda: actions.escalate(self.runtime, SUPERVISOR, task_id),
        }[act]
        try:
            doing()
        except (Conflict, Invalid):
            self.refusals += 1

    @rule(minutes=st.sampled_from([1, 6, 12, 31, 90, 400, 1500]))
    def time_passes(self, minutes: int) -> None:
        self.engine.advance(timedelta(minutes=minutes))

    @precondition(lambda self: hasattr(self, "runtime"))
    @invariant()
    def nothing_falls_silent(self) -> None:
        with self.runtime.reading() as work:
            for task in work.session.exec(select(Task)):
                kinds = [timer.kind for timer in work.session.exec(select(Timer).where(Timer.task_id == task.id))]
                if task.state not in LIVE:
                    assert not kinds, f"{task.code} has ended and still has timers {kinds}"
                elif task.paused_at:
                    assert kinds == [TimerKind.RESUME]
                elif task.state == TaskState.OPEN:
                    assert TimerKind.STEP in kinds, f"{task.code} is open and nobody will be paged"
                else:
                    unmet = select(Milestone).where(Milestone.task_id == task.id, col(Milestone.met_at).is_(None))
                    watched = set(kinds) & {TimerKind.STEP, TimerKind.BREACH, TimerKind.CHECK}
                    assert watched or not work.session.exec(unmet).first(), f"{task.code} is held and not watched"

    @precondition(lambda self: hasattr(self, "runtime"))
    @invariant()
    def nobody_is_paged_for_what_has_ended(self) -> None:
        with self.runtime.reading() as work:
            unsent = select(OutboxMessage, Task).join(Task, col(Task.id) == col(OutboxMessage.task_id))
            for message, task in work.session.exec(unsent.where(col(OutboxMessage.state).in_(list(UNSENT)))):
                assert message.purpose != "page" or task.state in LIVE

    @precondition(lambda self: hasattr(self, "runtime"))
    @invariant()
    def the_audit_holds(self) -> None:
        with self.runtime.database.reading() as session:
            assert audit.verify(session, self.runtime.keyring)[1] is None

    @precondition(lambda self: hasattr(self, "runtime"))
    @invariant()
    def every_live_task_was_paged_to_somebody(self) -> None:
        with self.runtime.reading() as work:
            for task in work.session.exec(select(Task).where(col(Task.state).in_([s.value for s in LIVE]))):
                assert work.session.exec(select(Page).where(Page.task_id == task.id)).first(), task.code


TaskLife.TestCase.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)
TestTaskLife = TaskLife.TestCase
