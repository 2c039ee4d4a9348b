"""Everything that happens to the service, in any order: Hypothesis chooses, and shortens what fails."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from notifiers.base import Channel, Message, ReceiptState
from rules.rotation import Override, OverrideKind
from rules.sla import MilestoneName
from service.flows import actions, replies, rostering
from service.models.tasks import TaskState
from tests.fakes.carrier import Fate
from tests.model.city import SHIPPED, SUPERVISOR, WORKERS, City
from tests.model.promises import Promises

KINDS = ["weapon_in_school", "hospital_stabbing", "late_night_hotspot", "peer_conflict", "never_heard_of"]
LOCALITIES = ["north", "east-central", "south", None]
TEAMS = ["education-inclusion-south", "hospital-navigators-riverside", "outreach-north", "conflict-resolution"]
WORDS = [
    "take", "Ok.", "yes", "1", "pass", "no at the dentist", "contact", "met", "done contact_made", "done handled", "done",
    "more", "list", "?", "off", "on", "stop", "start", "help", "hm", "Automatic reply: I am away",
]  # fmt: skip
ANSWERS = ["take", "take", "take Sam is with me", "pass", "pass", "contact", "more", "done contact_made", "off", "stop"]
HOLDERS = [
    "take",
    "pass",
    "contact",
    "contact",
    "done contact_made",
    "done met_engaged",
    "done deployed",
    "done handled",
]
LOST = ["take", "take", "pass", "contact", "off", "hm"]
ACTS = [
    "acknowledge", "decline", "assign", "assign", "contact", "complete", "cancel", "pause", "pause briefly", "resume",
    "escalate", "note",
]  # fmt: skip
CHANGES = [*OverrideKind, "leave", "gone", "gone", "another number", "as it was"]
STOPS, STARTS = ("stop",), ("start", "yes")
STRANGER = "+447700900999"
PICK = st.integers(0, 40)


class CityLife(RuleBasedStateMachine):
    """One city from its first incident on. `fresh` opens a sandbox's database that nobody else has."""

    def __init__(self, fresh: Callable[[], AbstractContextManager[str]]) -> None:
        super().__init__()
        self._fresh = fresh
        self._held = ExitStack()

    @initialize(kind=st.sampled_from(KINDS))
    def a_city_begins(self, kind: str) -> None:
        self.city = City(self._held.enter_context(self._fresh()))
        self._held.callback(self.city.close)
        self.promises = Promises(self.city)
        self._held.callback(self.promises.the_audit_holds)
        self.incidents = 0
        self.incident(kind=kind, locality="south", place=1, drill=False, again=False)

    def teardown(self) -> None:
        self._held.close()

    # What partners do.

    @rule(
        kind=st.sampled_from(KINDS),
        locality=st.sampled_from(LOCALITIES),
        place=st.sampled_from([None, 0, 1]),
        drill=st.sampled_from([False, False, False, True]),
        again=st.sampled_from([False, False, False, True]),
    )
    def incident(self, kind: str, locality: str | None, place: int | None, drill: bool, again: bool) -> None:
        self.incidents += not (again and self.incidents)
        self._happened()
        self.city.report(kind, locality=locality, place=place, drill=drill, number=self.incidents)

    # What phones do.

    @rule(worker=st.sampled_from(WORKERS), word=st.sampled_from(WORDS), code=PICK, twice=st.booleans())
    def anybody_texts(self, worker: str, word: str, code: int, twice: bool) -> None:
        """With a code of any task, with one that points nowhere, or with none."""
        codes = [task.code for task in self.city.tasks()] + ["Z9", ""]
        self._texts(worker, word, codes[code % len(codes)], twice=twice)

    @rule(word=st.sampled_from(ANSWERS), pick=PICK, coded=st.booleans())
    def somebody_paged_texts(self, word: str, pick: int, coded: bool) -> None:
        paged = self.city.paged()
        if paged:
            task, worker = paged[-1 - pick % len(paged)]
            self._texts(worker, word, task.code if coded else "")

    @rule(word=st.sampled_from(HOLDERS), pick=PICK)
    def a_holder_texts(self, word: str, pick: int) -> None:
        held = [task for task in self.city.tasks() if task.state == TaskState.ACKNOWLEDGED]
        if held:
            task = held[pick % len(held)]
            self._texts(str(task.assignee), word, task.code)

    @rule(sender=st.sampled_from([STRANGER, "+447700900998"]), word=st.sampled_from(WORDS))
    def a_stranger_texts(self, sender: str, word: str) -> None:
        before = self.promises.fingerprint()
        self.city.text(sender, word)
        assert self.promises.fingerprint() == before, "a stranger's text changed something"

    @rule(word=st.sampled_from(LOST), pick=PICK, found=st.booleans())
    def a_text_is_lost(self, word: str, pick: int, found: bool) -> None:
        """Our own address is away; later, or at once, the carrier is asked."""
        paged = self.city.paged()
        if paged:
            task, worker = paged[-1 - pick % len(paged)]
            self.city.text_lost(
                self.city.number_of(worker) or STRANGER, word if word in ("off", "hm") else f"{word} {task.code}"
            )
        if found:
            self._happened()
            replies.ask_for_texts(self.city.runtime)

    @rule(pick=PICK, key=st.sampled_from(["1", "2", "*", ""]))
    def a_key_is_pressed(self, pick: int, key: str) -> None:
        calls = [each for each in self.city.carrier.taken.values() if each.message.channel is Channel.VOICE]
        if calls:
            self._happened()
            assert self.city.press(calls[-1 - pick % len(calls)], key)

    def _texts(self, worker: str, word: str, code: str, *, twice: bool = False) -> None:
        sender = self.city.number_of(worker)
        if sender is None:
            return
        verb, _, rest = word.partition(" ")
        opted_out = True if word in STOPS else False if word in STARTS else None
        answers = self.promises.answers_to(worker)
        self._happened()
        meaning = self.city.text(sender, f"{verb} {code} {rest}".strip(), opted_out=opted_out, twice=twice)
        given = self.promises.answers_to(worker) - answers
        assert given == 1 or (given == 0 and meaning in ("unreadable", "stop")), f"{meaning}: {given} answers"

    # What supervisors do.

    @rule(act=st.sampled_from(ACTS), worker=st.sampled_from(WORKERS), pick=PICK)
    def a_supervisor_acts(self, act: str, worker: str, pick: int) -> None:
        found = self.city.tasks()
        if found:
            self._happened()
            self._act(act, worker, found[-1 - pick % len(found)].id)

    def _act(self, act: str, worker: str, task: str) -> None:
        city, runtime = self.city, self.city.runtime
        soon = city.clock.now() + timedelta(minutes=20)
        city.may(
            {
                "acknowledge": lambda: actions.acknowledge(runtime, SUPERVISOR, task, worker),
                "decline": lambda: actions.decline(runtime, SUPERVISOR, task, worker),
                "assign": lambda: actions.assign(runtime, SUPERVISOR, task, worker),
                "contact": lambda: actions.milestone(runtime, SUPERVISOR, task, MilestoneName.CONTACT),
                "complete": lambda: actions.complete(runtime, SUPERVISOR, task, "contact_made"),
                "cancel": lambda: actions.cancel(runtime, SUPERVISOR, task, "called off"),
                "pause": lambda: actions.pause(runtime, SUPERVISOR, task, "waiting", None),
                "pause briefly": lambda: actions.pause(runtime, SUPERVISOR, task, "waiting", soon),
                "resume": lambda: actions.resume(runtime, SUPERVISOR, task),
                "escalate": lambda: actions.escalate(runtime, SUPERVISOR, task),
                "note": lambda: actions.note(runtime, SUPERVISOR, task, "seen"),
            }[act]
        )

    @rule(
        what=st.sampled_from(CHANGES),
        team=st.sampled_from(TEAMS),
        worker=st.sampled_from(WORKERS),
        hours=st.sampled_from([1, 12, 48]),
    )
    def people_change(self, what: str, team: str, worker: str, hours: int) -> None:
        """Rotas, leave, and the partnership file."""
        runtime, now = self.city.runtime, self.city.clock.now()
        until = now + timedelta(hours=hours)
        self._happened()
        if isinstance(what, OverrideKind):
            with runtime.reading() as work:
                on_call = [*rostering.on_call(work, SUPERVISOR, team, now)["on_call"], None][0]
            change = Override(
                kind=what,
                worker=on_call or worker if what is OverrideKind.REMOVE else worker,
                instead_of=on_call if what is OverrideKind.REPLACE else None,
                starts_at=now,
                ends_at=until,
            )
            self.city.may(lambda: rostering.override(runtime, SUPERVISOR, team, change))
        elif what == "leave":
            self.city.may(lambda: rostering.add_leave(runtime, SUPERVISOR, worker, now, until))
        elif what == "gone":
            self.city.apply(lambda file: without(file, worker))
        elif what == "another number":
            self.city.apply(lambda file: renumbered(file, worker))
        else:
            self.city.apply(lambda file: file.update(json.loads(SHIPPED)))

    # What providers do.

    @rule(fate=st.sampled_from([*Fate, "away"]), by=st.sampled_from([0, 0, 1, 2]))
    def a_provider_has_trouble(self, fate: str, by: int) -> None:
        """With its next message; or until it is back."""
        provider = self.city.providers[by]
        if fate == "away":
            provider.away = True
        else:
            provider.fates.append(Fate(fate))

    @precondition(lambda self: any(provider.away for provider in self.city.providers))
    @rule()
    def every_provider_is_back(self) -> None:
        for provider in self.city.providers:
            provider.away = False

    @rule(state=st.sampled_from([*ReceiptState, ReceiptState.DELIVERED]), opted_out=st.booleans(), pick=PICK)
    def a_receipt_comes(self, state: ReceiptState, opted_out: bool, pick: int) -> None:
        """Of any message ever taken: late, again, or out of order."""
        handed = self.city.handed()
        if handed:
            self._happened()
            failed = state is ReceiptState.FAILED
            self.city.receipt(*handed[-1 - pick % len(handed)], state, opted_out=opted_out and failed)

    @rule()
    def all_receipts_come(self) -> None:
        self._happened()
        awaited = self.promises.awaiting_receipts()
        for carrier, handed in self.city.handed():
            if handed.message.reference in awaited:
                self.city.receipt(carrier, handed, ReceiptState.DELIVERED)

    @rule(
        what=st.sampled_from(["delivered", "failed", "take", "pass", "off", "cancel", "pause", "assign", "complete"]),
        worker=st.sampled_from(WORKERS),
    )
    def something_happens_before_the_next_answer(self, what: str, worker: str) -> None:
        """Between the provider's taking a message and its answer to us."""
        self.city.carrier.meanwhile = lambda message: self._meanwhile(message, what, worker)

    def _meanwhile(self, message: Message, what: str, worker: str) -> None:
        self.promises.overtaken()
        if what in ("delivered", "failed"):
            carrier, handed = next(
                found for found in self.city.handed() if found[1].message.reference == message.reference
            )
            self.city.receipt(carrier, handed, ReceiptState(what))
        elif what in ("take", "pass", "off"):
            self.city.text(message.to, what)
        elif task := self.promises.task_of(message.reference):
            self._act(what, worker, task)

    # What time and machines do.

    @rule()
    def everything_due_is_done(self) -> None:
        self.settled = self.city.advance(timedelta(0))

    @rule()
    def the_next_thing_falls_due(self) -> None:
        self.settled = self.city.advance(self.city.next_due())

    @rule(minutes=st.sampled_from([1, 3, 6, 12]))
    def minutes_pass(self, minutes: int) -> None:
        self.settled = self.city.advance(timedelta(minutes=minutes))

    @precondition(
        lambda self: not any(provider.away for provider in self.city.providers)
    )  # every message tries twice a minute
    @rule(minutes=st.sampled_from([31, 75, 130]))
    def hours_pass(self, minutes: int) -> None:
        self.settled = self.city.advance(timedelta(minutes=minutes))

    @rule()
    def the_process_is_restarted(self) -> None:
        self.city.restart()

    def _happened(self) -> None:
        self.settled = False

    # What must hold after each of them.

    @invariant()
    def what_callout_promises_holds(self) -> None:
        self.promises.hold(settled=self.settled)


def without(file: dict[str, Any], worker: str) -> None:
    """A partnership file without one of its workers."""
    file["workers"] = [each for each in file["workers"] if each["slug"] != worker]
    for team in file["teams"]:
        team["rota"]["workers"] = [each for each in team["rota"]["workers"] if each != worker]
        team["lead"] = None if team["lead"] == worker else team["lead"]
    file["duty"]["workers"] = [each for each in file["duty"]["workers"] if each != worker]


def renumbered(file: dict[str, Any], worker: str) -> None:
    """A partnership file in which one worker has another number."""
    for each in file["workers"]:
        if each["slug"] == worker:
            each["phone"] = each["phone"][:-3] + f"{(int(each['phone'][-3:]) + 200) % 1000:03}"
