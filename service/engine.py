"""The engine: woken by every commit, and ticked by APScheduler for what falls due while nothing happens.

It sends in one thread and acts on timers and errands in another, so that no page waits for a look at the rotas.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from service.away import is_away
from service.clock import SandboxClock
from service.database import NotHeard
from service.deadman import DeadMansSwitch
from service.flows import claiming, deadlines, delivery, errands, health, providers, replies, rosters, test_pages
from service.outgoing import Outgoing
from service.records import claims, timers
from service.records import errands as errand_rows
from service.records.inforce import NotSetUp
from service.rounds import Rounds
from service.runtime import Runtime

log = structlog.get_logger()

TICK_SECONDS = 1
REST_SECONDS = (
    0.1  # deadlines are minutes away: while commits pour in, looking for them at each would cost more than they do
)
CALENDAR_SECONDS = 5
PROBE_SECONDS = 5
HAND_ON_SECONDS = 5
STANDING_SECONDS = 10
# Others take for gone whom they don't see at two looks half a second apart.
RECONNECT_SECONDS, RECONNECT_SOON = 0.3, 0.1
LAST_SECONDS = 5
STALE_SECONDS = 30
INLINE_BATCH = 50


class Engine:
    """Sends what is due and acts on what is due, in threads of its own."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._stopping = threading.Event()
        self._outgoing = Outgoing(runtime, _say)
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self._acting = Rounds(
            "acting", self._act_on_due, lambda error: _say(error, "acting on what is due failed"), rest=REST_SECONDS
        )
        self._one_post = threading.Lock()
        self._loops: list[threading.Thread] = []
        self._deaf = threading.Event()
        self._listener: threading.Thread | None = None
        self._forget = runtime.changed.listen(self._acting.wake)
        self._deadman = DeadMansSwitch(runtime, lambda: health.is_well(runtime))

    def start(self) -> None:
        """Begin: first of all with what an earlier process left behind."""
        self._scheduler.add_job(self._wake, "interval", seconds=TICK_SECONDS, id="tick")
        every = self._runtime.settings.reconcile_seconds
        self._scheduler.add_job(self._reconcile, "interval", seconds=every, id="reconcile", coalesce=True)
        # In a thread of its own: a calendar that answers slowly must keep no page waiting.
        self._scheduler.add_job(self._read_calendars, "interval", seconds=CALENDAR_SECONDS, id="calendars")
        self._scheduler.add_job(self._probe, "interval", seconds=PROBE_SECONDS, id="probe", coalesce=True)
        self._scheduler.add_job(self._hand_on_at_once, id="hand-on-at-once")
        self._scheduler.add_job(self._hand_on, "interval", seconds=HAND_ON_SECONDS, id="hand-on", coalesce=True)
        self._scheduler.add_job(self._set_standing, "interval", seconds=STANDING_SECONDS, id="standing")
        self._scheduler.start()
        self._outgoing.start()
        self._acting.start()
        if self._runtime.settings.deadman_url.get_secret_value():
            self._loops.append(self._begin(self._deadman.keep_fetching))
        if self._runtime.settings.synthetic_hours:
            self._loops.append(self._begin(self._keep_posting))
        self.follow()

    def follow(self) -> None:
        """Only hear what other processes commit, and tell whoever listens here: a board must be live on every replica."""
        if not self._runtime.database.is_sqlite:
            self._listener = self._begin(self._listen)

    def _begin(self, loop: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=loop, name=loop.__name__.strip("_"), daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Finish the messages in hand and stop; what is not begun stays in its row."""
        self._stopping.set()
        self._deadman.stop()
        self._forget()
        self._acting.stop(LAST_SECONDS)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        for loop in self._loops:
            loop.join(LAST_SECONDS)
        self._outgoing.stop(LAST_SECONDS)
        # Last of all: whom others don't see any more is taken for dead, and what it has in hand is sent by them.
        self._deaf.set()
        if self._listener:
            self._listener.join(LAST_SECONDS)

    @property
    def takes_at_once(self) -> bool:
        """Whether a page that is written now is sent without a look into the outbox: nothing waits before it."""
        return self._outgoing.takes_at_once

    def ticking(self) -> bool:
        """Whether both have come round lately."""
        return all(rounds.has_come_round(STALE_SECONDS) for rounds in (self._outgoing.rounds, self._acting))

    def _wake(self) -> None:
        self._outgoing.rounds.wake()
        self._acting.wake()

    def _reconcile(self) -> None:
        try:
            replies.ask_for_texts(self._runtime)
        except Exception as error:
            # Asked again next time; a database that is away shows in readiness.
            _say(error, "asking for lost texts failed")

    def _act_on_due(self) -> None:
        until = time.monotonic() + TICK_SECONDS
        while deadlines.run_due(self._runtime) + errands.run_due(self._runtime):
            if time.monotonic() > until or self._stopping.is_set():
                self._acting.wake()
                break
        if self._outgoing.rounds.has_come_round(STALE_SECONDS):
            self._deadman.came_round()

    def advance(self, by: timedelta) -> datetime:
        """Move the sandbox's clock: from one due instant to the next, so that everything happens at its own time.

        What is in the senders' hands is finished first: a lease must not run out because the clock jumped.
        """
        clock = self._runtime.clock
        if not isinstance(clock, SandboxClock):
            raise TypeError("only the sandbox's clock can be moved")
        with self._acting.held, self._outgoing.at_rest():
            target = clock.now() + by
            errands.set_standing(self._runtime)
            self._settle()
            while (due := self._next_due()) is not None and due <= target:
                clock.advance_to(due)
                self._settle()
            clock.advance_to(target)
            self._settle()
        self._wake()
        return clock.now()

    def _settle(self) -> None:
        busy = True
        while busy:
            busy = deadlines.run_due(self._runtime) + errands.run_due(self._runtime) + self._post_test() > 0
            while claiming.due_now(self._runtime) and (claimed := claiming.claim(self._runtime, INLINE_BATCH)):
                busy = True
                for message in claimed:
                    delivery.send(self._runtime, message)

    def _next_due(self) -> datetime | None:
        with self._runtime.reading() as work:
            moments = (timers.first_at(work), errand_rows.first_at(work), claims.first_at(work))
        return min((moment for moment in moments if moment), default=None)

    def _keep_posting(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            try:
                self._post_test()
            except NotSetUp:
                continue
            except Exception as error:
                # It is posted again when its lease is over; readiness shows a database that is away.
                _say(error, "posting a test page failed")

    def _post_test(self) -> bool:
        with self._one_post:
            return test_pages.post_due(self._runtime, self._stopping)

    def _probe(self) -> None:
        try:
            providers.probe(self._runtime)
        except NotSetUp:
            return
        except Exception:
            # Asked again in some seconds; a database that is away shows in readiness.
            log.exception("asking providers failed")

    def _read_calendars(self) -> None:
        try:
            rosters.read_due(self._runtime, self._stopping)
        except NotSetUp:
            return
        except Exception as error:
            # What was claimed is due again when its lease ends; readiness shows a database that is away.
            _say(error, "reading calendars failed")

    def _hand_on_at_once(self) -> None:
        """What this process had in hand before it died must not wait for the next look at who is there."""
        for _ in range(20):
            if self._runtime.database.seen_as or self._stopping.wait(0.1):
                break
        self._hand_on()

    def _hand_on(self) -> None:
        try:
            claiming.hand_on(self._runtime, self._stopping.wait)
            self._outgoing.rounds.wake()
        except NotSetUp:
            return
        except Exception as error:
            # A lease ends in any case.
            _say(error, "taking over from others failed")

    def _set_standing(self) -> None:
        try:
            errands.set_standing(self._runtime)
        except NotSetUp:
            return
        except Exception as error:
            # Set the next time; readiness shows a database that is away.
            _say(error, "setting the standing errands failed")

    def _hear(self) -> None:
        self._outgoing.rounds.wake()
        self._runtime.changed.fire()

    def _listen(self) -> None:
        """Be woken by other processes on the same PostgreSQL. A lost notification costs one tick."""
        is_known = False
        while not self._deaf.is_set():
            began = time.monotonic()
            try:
                self._runtime.database.hear_others(self._hear, self._deaf)
            except NotHeard as error:
                lasted = time.monotonic() - began > RECONNECT_SECONDS
                if lasted or not is_known:
                    log.warning("listening failed", reason=str(error))
                is_known = True
                self._deaf.wait(RECONNECT_SOON if lasted else RECONNECT_SECONDS)


def _say(error: Exception, what: str, **about: str) -> None:
    """A database that is away is no surprise, and said in a line; anything else with where it happened."""
    if isinstance(error, SQLAlchemyError) and is_away(error):
        log.warning(what, reason="the database is away", **about)
    else:
        log.error(what, exc_info=error, **about)
