"""A city in one process: the service's own runtime, flows and database, providers whose luck the test decides, and a clock
that stands still until it is moved."""

import dataclasses
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import yaml
from sqlmodel import col, select

from notifiers.base import Asks, Channel, InboundText, KeyPress, Listens, Notifier, ReceiptState, Remembers
from rules.incident import IncidentReport, Place
from service.clock import SandboxClock
from service.engine import Engine
from service.errors import Conflict, Invalid, NotFound
from service.flows import calls, delivery, intake, replies, setup
from service.flows.actions import Scope
from service.models.ids import new_id
from service.models.tasks import Page, Task
from service.records import inforce
from service.records.judging import Submission
from service.runtime import Runtime
from service.settings import SHIPPED_PARTNERSHIP
from service.work import Policy
from tests.fakes.carrier import Carrier, Handed, Killed, Post
from tests.running import open_sandbox

# A Friday in term, three quarters of an hour before the outreach teams hand over.
BEGINNING = datetime.fromisoformat("2026-11-20T15:15:00+00:00")
MOMENT = timedelta(milliseconds=1)
SUPERVISOR = Scope(actor="supervisor")
SHIPPED = json.dumps(yaml.safe_load(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8")), default=str)
WORKERS = [worker["slug"] for worker in json.loads(SHIPPED)["workers"]]

# The shipped rulebook, which no city here changes, is compiled once for all of them.
_rulebook: dict[str, Policy] = {}


class StandingClock(SandboxClock):
    """No two looks at it show the same instant, and nothing but looking and the test moves it: a course that failed fails
    again."""

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self._moment = moment

    def now(self) -> datetime:
        """This instant, in UTC."""
        self._moment += MOMENT
        return self._moment

    def advance_to(self, moment: datetime) -> None:
        """Jump forward."""
        self._moment = max(self._moment, moment)


class City:
    """Everything that can happen to the service, a method each."""

    def __init__(self, database_url: str) -> None:
        self.clock = StandingClock(BEGINNING)
        self.carrier, self.post = Carrier(), Post()
        self.second = Carrier(name="second", title="The second carrier", channels=frozenset({Channel.SMS}))
        assert isinstance(self.carrier, Asks), "what can't be asked would be sent twice"
        assert isinstance(self.carrier, Listens | Remembers)
        self.providers = (self.carrier, self.second, self.post)
        self.partnership: dict[str, Any] = json.loads(SHIPPED)
        self.refusals = 0
        self.restarts = 0
        self._url = database_url
        self._open()

    def _open(self) -> None:
        notifiers: dict[Channel, tuple[Notifier, ...]] = {
            Channel.SMS: (self.carrier, self.second),
            Channel.VOICE: (self.carrier,),
            Channel.EMAIL: (self.post,),
        }
        opened = open_sandbox(self._url)
        with opened.database.reading() as session:
            known = inforce.InForce(_policy=_rulebook.get("in force"))
            _rulebook["in force"] = known.at(session)[1]
        self.runtime: Runtime = dataclasses.replace(opened, clock=self.clock, notifiers=notifiers, in_force=known)
        self.engine = Engine(self.runtime)

    def close(self) -> None:
        """Give back connections."""
        self.engine.stop()
        self.runtime.close()

    def restart(self) -> None:
        """The process ends and another begins: only what is in rows, and at the providers, is still there."""
        self.restarts += 1
        self.close()
        self._open()

    def advance(self, by: timedelta) -> bool:
        """Time passes; False when the process was killed meanwhile and another one has begun."""
        try:
            self.engine.advance(by)
        except Killed:
            self.restart()
            return False
        return True

    def next_due(self) -> timedelta:
        """How long until something falls due; an hour where nothing will."""
        due = self.engine._next_due()
        return max(due - self.clock.now(), timedelta(0)) if due else timedelta(hours=1)

    def tasks(self) -> list[Task]:
        """All tasks, the first one first."""
        with self.runtime.reading() as work:
            return list(work.session.exec(select(Task).order_by(col(Task.opened_at))))

    def paged(self) -> list[tuple[Task, str]]:
        """Who was paged for what, oldest first."""
        with self.runtime.reading() as work:
            query = select(Task, Page.worker).join(Page, col(Page.task_id) == col(Task.id)).order_by(col(Page.at))
            return list(work.session.exec(query))

    def report(self, kind: str, *, locality: str | None, place: int | None, drill: bool, number: int) -> None:
        """A partner reports something. The same number again is the same report; the same place may be the same event."""
        hospital = "riverside" if place else "northgate"
        where = Place(hospital=hospital) if kind == "hospital_stabbing" else Place(urn=f"10000{place or 0}")
        report = IncidentReport(
            type=kind,
            occurred_at=self.clock.now(),
            source_ref=f"CP-{number}",
            locality=locality,
            place=where if place is not None else None,
            drill=drill,
        )
        intake.accept(self.runtime, [Submission(report=report, key_id="key_x", partner="partner")])

    def number_of(self, worker: str) -> str | None:
        """A worker's telephone number; None when they are not in the partnership any more."""
        found = [each["phone"] for each in self.partnership["workers"] if each["slug"] == worker]
        return found[0] if found else None

    def text(self, sender: str, body: str, *, opted_out: bool | None = None, twice: bool = False) -> str | None:
        """A phone sends a text that reaches us; what it was taken to mean."""
        now = self.clock.now()
        text = InboundText(
            provider="carrier",
            provider_id=new_id("SM", now),
            sender=sender,
            body=body,
            received_at=now,
            opted_out=opted_out,
        )
        self.carrier.texts.append(text)
        callback = self.carrier.forward(text)
        understood = replies.receive(self.runtime, self.carrier.inbound(callback))
        if twice:
            assert replies.receive(self.runtime, self.carrier.inbound(callback)) is None
        return understood.meaning if understood else None

    def text_lost(self, sender: str, body: str) -> None:
        """A phone sends a text, and our own address is away."""
        now = self.clock.now()
        text = InboundText(provider="carrier", provider_id=new_id("SM", now), sender=sender, body=body, received_at=now)
        self.carrier.texts.append(text)

    def press(self, call: Handed, key: str) -> str:
        """A key is pressed in a call; the words that answer it."""
        press = KeyPress(provider_id=call.provider_id, reference=call.message.reference, key=key)
        return calls.pressed(self.runtime, press).words

    def handed(self) -> list[tuple[Carrier, Handed]]:
        """What the carriers took, with which of them did."""
        return [(carrier, each) for carrier in (self.carrier, self.second) for each in carrier.taken.values()]

    def receipt(self, carrier: Carrier, handed: Handed, state: ReceiptState, *, opted_out: bool = False) -> None:
        """A carrier says how far a message got."""
        callback = carrier.report(handed, state, opted_out=opted_out)
        delivery.take_receipt(self.runtime, carrier.receipt(callback))

    def apply(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Edit the partnership file and put it in force; a file that is refused changes nothing."""
        edited: dict[str, Any] = json.loads(json.dumps(self.partnership))
        change(edited)
        if self.may(lambda: setup.apply_partnership(self.runtime, json.dumps(edited), actor="admin")):
            self.partnership = edited

    def may(self, act: Callable[[], object]) -> bool:
        """Do something that the service may refuse; whether it did it."""
        try:
            act()
        except (Conflict, Invalid, NotFound):
            self.refusals += 1
            return False
        return True
