"""Incidents flow into two replicas while everything around them fails: each one that was accepted is accounted for.

`make soak` runs the same for an hour: SOAK_SECONDS says how long, SOAK_RATE how many incidents a second.
"""

import os
import random
import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, func, select

from service.flows import setup
from service.models.incidents import Incident
from service.models.outbox import UNSENT, MessageState, OutboxMessage
from service.models.tasks import Task, TaskIncident, TaskState
from service.models.timers import Timer
from service.records.outbox import PAGE
from service.runtime import Runtime, build_runtime
from service.settings import Settings
from tests.chaos.conversation import Partner, StormyTwilio
from tests.chaos.weather import HARSH, Replica, Weather
from tests.fakes import twilio as twilio_fake
from tests.fakes.smtp import running_mail
from tests.live import PUBLIC_URL, environment, switch_on
from tests.postgres import running_server

SECONDS = float(os.environ.get("SOAK_SECONDS", "10"))
RATE = float(os.environ.get("SOAK_RATE", "20"))
EVERY = float(os.environ.get("SOAK_EVERY", "1"))
SEED = int(os.environ.get("SOAK_SEED", "0")) or secrets.randbelow(2**31)
SEND_THREADS = 8
CALM_SECONDS = min(SECONDS, 60.0)
SENT = (MessageState.SENT.value, MessageState.DELIVERED.value)
# What a strike can catch between a provider's answer and our note of it: as many calls as one process makes at a time.
LEAVES_IN_DOUBT = {"kill -9", "frozen", "database restarted", "answers lost", "clock set"}


@dataclass(frozen=True)
class Account:
    """What became of the incidents that were accepted."""

    paged: int
    waiting: int
    lost: list[str]
    taken: int
    texts: set[str]  # that are said to have been sent


@contextmanager
def replicas_in_a_storm(folder: Path) -> Iterator[tuple[Weather, Partner, dict[str, str]]]:
    chance = random.Random(SEED)
    with running_server() as server, running_mail() as mail, stormy_twilio(chance) as twilio:
        settings = environment(server.database("storm"), twilio, mail) | {
            "CALLOUT_RATE_LIMIT": "0",
            "CALLOUT_SEND_THREADS": str(SEND_THREADS),
            # A text for each page: what leaves together is a call that can't go wrong.
            "CALLOUT_GATHER_SECONDS": "0",
        }
        keys = switch_on(settings)
        twilio.replicas = replicas = [Replica(folder, settings) for _ in range(2)]
        for replica in replicas:
            replica.start()
        for replica in replicas:
            replica.await_up()
        try:
            yield Weather(replicas, server, twilio, chance), Partner(replicas, keys["partner"]), settings
        finally:
            for replica in replicas:
                replica.kill()
            twilio.finish()


@contextmanager
def stormy_twilio(chance: random.Random) -> Iterator[StormyTwilio]:
    with twilio_fake.running(StormyTwilio(public_url=PUBLIC_URL, chance=chance)) as started:
        assert isinstance(started, StormyTwilio)
        yield started


@pytest.mark.timeout(SECONDS + 300)
def test_whatever_was_accepted_in_a_storm_is_accounted_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with replicas_in_a_storm(tmp_path) as (weather, partner, settings):
        twilio = weather.twilio
        assert isinstance(twilio, StormyTwilio)
        blowing = threading.Thread(target=weather.blow, args=(EVERY,))
        answering = threading.Thread(target=twilio.answer_pages, args=(weather.over,))
        for thread in (blowing, answering):
            thread.start()
        reporting = threading.Thread(target=partner.report, kwargs={"seconds": SECONDS, "rate": RATE})
        reporting.start()
        reporting.join(SECONDS)
        weather.over.set()
        for thread in (blowing, answering, reporting):
            thread.join()
        twilio.refuse_next.clear()
        twilio.lose_next_answer, twilio.takes_seconds = 0, 0
        runtime = runtime_on(settings)
        try:
            calm(runtime)
            ended = [replica.service.stop() for replica in weather.replicas if replica.service]
            account = account_for(runtime, partner.accepted)
            entries, broken = setup.verify_audit(runtime)
        finally:
            runtime.close()
    doubles = twilio.doubles()
    figures = {
        "seed": SEED,
        "incidents offered": partner.offered,
        "incidents accepted": len(partner.accepted),
        "paged": account.paged,
        "taken by text": account.taken,
        "waiting with a timer or in the outbox": account.waiting,
        "lost": len(account.lost),
        "texts handed over": len(twilio.texts),
        "calls handed over": len(twilio.calls),
        "handed over twice": len(doubles),
        "audit entries that hold": entries,
        **{f"struck: {name}": times for name, times in sorted(weather.struck.items())},
        **{f"answered: {what}": times for what, times in sorted(partner.answers.items(), key=str)},
        "callbacks that nobody took": twilio.lost_calls,
    }
    with capsys.disabled():
        print("\n" + "\n".join(f"{name:<40}{value:>12}" for name, value in figures.items()))
    assert account.lost == []
    assert account.texts <= twilio.references(), "what is said to have been sent was taken by somebody"
    assert account.paged > 0
    assert set(weather.struck) >= HARSH or 2 * len(HARSH) * EVERY > SECONDS, "all of it happened"
    assert broken is None
    assert ended == [0, 0], "each replica still stops when it is asked to"
    assert partner.contradictions == []
    assert set(partner.answers) <= {200, 201, 503, "no answer"}, "never an error that nobody can act on"
    assert len(partner.accepted) == partner.offered > 0
    assert len(doubles) <= SEND_THREADS * sum(weather.struck[name] for name in LEAVES_IN_DOUBT)


def runtime_on(settings: dict[str, str]) -> Runtime:
    values: dict[str, Any] = {name.removeprefix("CALLOUT_").lower(): value for name, value in settings.items()}
    return build_runtime(Settings(**values))


def calm(runtime: Runtime) -> None:
    """Wait a while until nothing is due any more; what a killed replica was sending is due when its lease ends."""
    pause = threading.Event()
    for _ in range(int(CALM_SECONDS / 0.5)):
        with runtime.reading() as work:
            due = select(OutboxMessage.id).where(
                col(OutboxMessage.state) == MessageState.PENDING.value, col(OutboxMessage.due_at) <= work.now
            )
            if work.session.exec(due.limit(1)).first() is None:
                return
        pause.wait(0.5)


def account_for(runtime: Runtime, accepted: dict[str, str]) -> Account:
    """Each incident is paged, or there is a row by which it will be."""
    with runtime.reading() as work:
        session = work.session
        held = dict(session.exec(select(Incident.source_ref, Incident.id)).all())
        behind: dict[str, list[str]] = {}
        for task, incident in session.exec(select(TaskIncident.task_id, TaskIncident.incident_id)):
            behind.setdefault(incident, []).append(task)
        messages = session.exec(select(OutboxMessage.task_id, OutboxMessage.state).where(OutboxMessage.purpose == PAGE))
        states: dict[str | None, Counter[str]] = {}
        for task_id, state in messages:
            states.setdefault(task_id, Counter())[state] += 1
        timed = set(session.exec(select(Timer.task_id)))
        taken = session.exec(select(func.count()).where(Task.state == TaskState.ACKNOWLEDGED)).one()
        sent = select(OutboxMessage.id).where(OutboxMessage.channel == "sms", col(OutboxMessage.state).in_(SENT))
        texts = set(session.exec(sent))
    paged, waiting, lost = 0, 0, []
    for ref, incident in accepted.items():
        tasks = behind.get(incident, [])
        if any(states.get(task, Counter())[state] for task in tasks for state in SENT):
            paged += 1
        elif any(task in timed or any(states.get(task, Counter())[state] for state in UNSENT) for task in tasks):
            waiting += 1
        else:
            lost.append(ref)
        if held.get(ref) != incident and ref not in lost:
            lost.append(ref)
    return Account(paged=paged, waiting=waiting, lost=lost, taken=taken, texts=texts)
