"""What goes wrong in a storm: replicas killed and frozen, their clocks set, PostgreSQL restarted, a provider that refuses,
dawdles, loses."""

import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests import running
from tests.fakes.twilio import FakeTwilio
from tests.fakes.twilio_rules import Refusal
from tests.postgres import Server
from tests.running import START_SECONDS, Service, free_port

MACHINE = (sys.executable, str(Path(__file__).with_name("machine.py")))
NO_DATABASE = "callout: the database can't be asked"
FROZEN_SECONDS = 7.0  # longer than PostgreSQL waits for a process that says nothing in a transaction
SLOW_SECONDS = 1.5
AWAY_SECONDS = 1.0
REFUSALS = 40
# By how much a machine's clock is set, ahead of the others' or behind them: beyond the two minutes of a lease, too.
SECONDS_OFF = (-600, -150, -20, 20, 150, 600)
HARSH = {"kill -9", "frozen", "database restarted", "clock set"}


@dataclass
class Replica:
    """One `callout serve` at a port of its own, which is started again whenever it was killed."""

    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    service: Service | None = None

    def __post_init__(self) -> None:
        self.set_clock(0)
        self.environment = self.environment | {"MACHINE_CLOCK": str(self._clock)}

    @property
    def _clock(self) -> Path:
        return self.folder / f"clock-{self.port}"

    def set_clock(self, seconds: int) -> None:
        """Have its clock go so many seconds ahead of this machine's, or behind it."""
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self._clock)

    @property
    def url(self) -> str:
        """Where it listens when it runs."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; it is not ready yet."""
        self.service = running.launch(self.folder, port=self.port, command=MACHINE, **self.environment)

    def keep_up(self) -> None:
        """Start it again, as a platform does, if it ended: without a database it says so and doesn't begin."""
        if self.service and self.service.process.poll() is not None:
            self.service.hush()
            assert any(NO_DATABASE in line for line in self.service.output), "".join(self.service.output)
            self.start()

    def await_up(self) -> None:
        """Wait until it answers. With much still to be sent it is not ready, as it should be."""
        until = time.monotonic() + START_SECONDS
        while True:
            self.keep_up()
            assert self.service
            try:
                return running.await_ready(self.service, path="/healthz")
            except AssertionError:
                if self.service.process.poll() is None or time.monotonic() > until:
                    raise

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self.service and self.service.process.poll() is None:
            self.service.process.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        if self.service:
            self.service.kill()
            self.service = None


@dataclass
class Weather:
    """Strikes one after another, each kind once before any comes again."""

    replicas: list[Replica]
    server: Server
    twilio: FakeTwilio
    chance: random.Random
    struck: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    def blow(self, every: float) -> None:
        """Strike, with a pause of about `every` seconds, until it is over; then let everything run again."""
        strikes: dict[str, Callable[[Replica], None]] = {
            "kill -9": self._kill,
            "frozen": self._freeze,
            "database restarted": self._restart,
            "provider refuses": self._refuse,
            "provider slow": self._slow,
            "answers lost": self._lose,
            "clock set": self._set_clock,
        }
        # However short it is: the harsh ones come first.
        gentle, harsh = sorted(strikes.keys() - HARSH), sorted(HARSH)
        coming = self.chance.sample(gentle, len(gentle)) + self.chance.sample(harsh, len(harsh))
        while not self.over.is_set():
            coming = coming or self.chance.sample(sorted(strikes), len(strikes))
            name = coming.pop()
            self.struck[name] += 1
            strikes[name](self.chance.choice(self.replicas))
            self.over.wait(self.chance.uniform(0.5, 1.5) * every)
            for replica in self.replicas:
                replica.keep_up()
        for replica in self.replicas:
            replica.send(signal.SIGCONT)
            replica.set_clock(0)
        for replica in self.replicas:
            replica.await_up()

    def _later(self, seconds: float, then: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, then)
        timer.daemon = True
        timer.start()

    def _kill(self, replica: Replica) -> None:
        replica.kill()
        replica.start()

    def _freeze(self, replica: Replica) -> None:
        replica.send(signal.SIGSTOP)
        self._later(FROZEN_SECONDS, lambda: replica.send(signal.SIGCONT))

    def _set_clock(self, replica: Replica) -> None:
        replica.set_clock(self.chance.choice(SECONDS_OFF))

    def _restart(self, _replica: Replica) -> None:
        self.server.stop("immediate")
        self.over.wait(AWAY_SECONDS)
        self.server.start()

    def _refuse(self, _replica: Replica) -> None:
        self.twilio.refuse_next.extend([Refusal(503)] * REFUSALS)

    def _slow(self, _replica: Replica) -> None:
        self.twilio.takes_seconds = SLOW_SECONDS
        self._later(2 * SLOW_SECONDS, lambda: setattr(self.twilio, "takes_seconds", 0))

    def _lose(self, _replica: Replica) -> None:
        self.twilio.lose_next_answer += 3
