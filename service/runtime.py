"""The composition root: built once from the settings and passed to whoever needs a part of it."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from notifiers.base import TO_WORKERS, Channel, Notifier
from notifiers.registry import build
from service.clock import Clock, SandboxClock, SystemClock
from service.database import Database
from service.metrics import Metrics
from service.models.people import Preference
from service.numbers import e164
from service.privacy import Keyring
from service.records import audit, inforce
from service.records.claims import Claimed
from service.rows import Session
from service.secret import secret_of
from service.settings import Settings
from service.standing import Standing
from service.work import PageTest, SetUp, Work

CLOCK_PREFERENCE = "sandbox-clock"


@dataclass
class Signal:
    """Tells whoever listens that something was committed: the engine in this process, and the open boards."""

    count: int = 0  # of the changes so far, each counted before anybody hears of it
    _listeners: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Be called on every change, from any thread; the answer stops it."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._forget(listener)

    def _forget(self, listener: Callable[[], None]) -> None:
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def fire(self) -> None:
        """Something was committed."""
        with self._lock:
            self.count += 1
            listeners = list(self._listeners)
        for listener in listeners:
            listener()


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a transaction wrote to be sent: what was taken of it, and whether anything is left to be looked for."""

    claimed: Sequence[Claimed] = ()
    rest: bool = False


class Hands(Protocol):
    """Whoever in this process sends at once what a transaction wrote."""

    def take(self, work: Work) -> Load:
        """Have what a transaction has just written, before it is stored."""
        ...

    def put_back(self, load: Load, why: BaseException) -> None:
        """The transaction failed: there is nothing to be sent, or it is not known whether there is."""
        ...

    def send(self, load: Load) -> None:
        """It was committed."""
        ...


@dataclass
class Senders:
    """Who sends in this process, while anybody does."""

    hands: Hands | None = None


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Everything a flow needs."""

    settings: Settings
    database: Database
    clock: Clock
    keyring: Keyring
    notifiers: Mapping[Channel, tuple[Notifier, ...]]
    metrics: Metrics
    standing: Standing
    changed: Signal
    senders: Senders
    in_force: inforce.InForce

    @contextmanager
    def transaction(self, *, quietly: bool = False) -> Iterator[Work]:
        """Write: the audit is chained last, all of it commits at the end or none, then what was written is sent, and the engine
        and boards wake; `quietly`: nobody has to hear of it."""
        hands: Hands | None = None
        load = Load()
        try:
            with self.database.transaction() as session:
                work = self._work(session)
                yield work
                # Asked for only now: a sandbox's clock may have begun to be moved meanwhile, with all hands off.
                hands = self.senders.hands
                load = hands.take(work) if hands else load
                audit.append(session, work.audit, work.now, self.keyring)
                if not quietly:
                    self.database.tell_others(session)
        except BaseException as error:
            if hands:
                hands.put_back(load, error)
            raise
        if hands:
            hands.send(load)
        for measured in work.measured:
            self.metrics.took(measured.figure, measured.seconds)
        if not quietly:
            self.changed.fire()

    @contextmanager
    def setting_up(self) -> Iterator[SetUp]:
        """Write what must be there before any work: the partnership, the rulebook, keys."""
        with self.database.setting_up() as session:
            setup = SetUp(session=session, now=self.clock.now(), keyring=self.keyring)
            yield setup
            audit.append(session, setup.audit, setup.now, self.keyring)
        self.changed.fire()

    @contextmanager
    def reading(self) -> Iterator[Work]:
        """Read: nothing is kept."""
        with self.database.reading() as session:
            yield self._work(session)

    @contextmanager
    def reading_at_one_moment(self) -> Iterator[Work]:
        """The same, of what must agree with itself or is read some rows at a time."""
        with self.database.reading_at_one_moment() as session:
            yield self._work(session)

    @contextmanager
    def looking(self) -> Iterator[SetUp]:
        """Read what needs neither the rulebook nor the partnership: whether anything is due."""
        with self.database.reading() as session:
            yield SetUp(session=session, now=self.clock.now(), keyring=self.keyring)

    def _work(self, session: Session) -> Work:
        partnership, policy = self.in_force.at(session)
        return Work(
            session=session,
            now=self.clock.now(),
            partnership=partnership,
            policy=policy,
            keyring=self.keyring,
            public_url=self.settings.public_url,
            channels=frozenset(self.notifiers),
            test_page=_test_page(self.settings),
        )

    def close(self) -> None:
        """Give back connections."""
        for notifier in self.providers:
            notifier.close()
        self.database.close()

    @property
    def providers(self) -> list[Notifier]:
        """Every provider once, whatever channels it serves."""
        every = (each for providers in self.notifiers.values() for each in providers)
        return list({id(each): each for each in every}.values())


def _test_page(settings: Settings) -> PageTest | None:
    if not settings.synthetic_hours:
        return None
    within = timedelta(seconds=settings.synthetic_seconds)
    every = timedelta(hours=settings.synthetic_hours)
    return PageTest(number=e164(settings.synthetic_number), every=every, within=within)


def build_runtime(settings: Settings) -> Runtime:
    """Open the database and the providers that the settings name. Raises SettingsWrong."""
    settings.checked()
    keyring = Keyring(secret_of(settings))
    database = Database(settings.database_url, keyring, direct_url=settings.database_direct_url)
    return Runtime(
        settings=settings,
        database=database,
        clock=SandboxClock() if settings.sandbox else SystemClock(),
        keyring=keyring,
        notifiers=build_notifiers(settings),
        metrics=Metrics(),
        standing=Standing(settings.paces),
        changed=Signal(),
        senders=Senders(),
        in_force=inforce.InForce(),
    )


def build_notifiers(settings: Settings) -> dict[Channel, tuple[Notifier, ...]]:
    """The providers of each channel, in the order in which they are tried.

    In sandbox mode the on-screen phones serve the channels that have no other.
    """
    built: list[Notifier] = []
    if settings.has_notify:
        built.append(_notify(settings))
    if settings.has_twilio:
        built += _twilio(settings)
    if settings.has_mail_server:
        built.append(build("smtp", {"smtp_url": settings.smtp_url, "sender": settings.smtp_from}))
    phones = (build("sandbox", {}),) if settings.sandbox else ()
    serving = {channel: _in_order(built, channel, settings) or phones for channel in TO_WORKERS}
    serving[Channel.TEAM] = (build("apprise", {}),)
    return {channel: providers for channel, providers in serving.items() if providers}


def _in_order(built: list[Notifier], channel: Channel, settings: Settings) -> tuple[Notifier, ...]:
    found = {each.name: each for each in built if channel in each.channels}
    return tuple(found[name] for name in settings.providers_of(channel) if name in found)


def _twilio(settings: Settings) -> list[Notifier]:
    account = {
        "account_sid": settings.twilio_account_sid,
        "auth_token": settings.twilio_auth_token,
        "from_number": settings.twilio_from,
        "api_base": settings.twilio_api_base,
        "public_url": settings.public_url,
    }
    # A sender's name can't ring anybody.
    kinds = ["twilio", "twilio-voice"] if settings.twilio_from.startswith("+") else ["twilio"]
    return [build(kind, account) for kind in kinds]


def _notify(settings: Settings) -> Notifier:
    return build(
        "notify",
        {
            "api_key": settings.notify_api_key,
            "callback_token": settings.notify_callback_token,
            "sms_template": settings.notify_sms_template,
            "email_template": settings.notify_email_template,
            "api_base": settings.notify_api_base,
        },
    )


def restore_clock(runtime: Runtime) -> None:
    """Put the sandbox's clock where it stood before the restart."""
    if isinstance(runtime.clock, SandboxClock):
        with runtime.database.reading() as session:
            kept = session.get(Preference, CLOCK_PREFERENCE)
        if kept:
            ahead = timedelta(seconds=float(str(kept.value["offset_seconds"])))
            runtime.clock.set_to(runtime.clock.now() + ahead)
        elif runtime.settings.sandbox_clock:
            runtime.clock.set_to(runtime.settings.sandbox_clock)
