"""One transaction's work: its session, its moment, and the policy and people in force at that moment."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from notifiers.base import Channel
from rules.match import Judge
from rules.patterns import Watch
from rules.places import KnownPlaces
from rules.rulebook import LoadedBook
from service.partnership import Partnership
from service.privacy import Keyring
from service.rows import Session


@dataclass(frozen=True)
class Policy:
    """A rulebook version ready to judge with. `name` is what incidents keep, such as `bristol@3`."""

    name: str
    number: int
    book: LoadedBook
    judge: Judge
    places: KnownPlaces
    patterns: tuple[Watch, ...]


@dataclass(frozen=True, kw_only=True)
class AuditLine:
    """An entry waiting for the end of its transaction, where the chain is locked only for a moment."""

    actor: str
    action: str
    subject: str
    detail: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A figure for the metrics, counted only if its transaction commits."""

    figure: str
    seconds: float


@dataclass
class Codes:
    """Task codes that one transaction asked for at once: those that were drawn and may be in use, those that it has left, and
    those that it gave to tasks."""

    drawn: list[str] = field(default_factory=list)
    free: list[str] = field(default_factory=list)
    given: set[str] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True)
class SetUp:
    """A transaction before, or beside, any work: what puts a partnership, a rulebook or a key in place."""

    session: Session
    now: datetime
    keyring: Keyring
    audit: list[AuditLine] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    codes: Codes = field(default_factory=Codes)

    def record(self, action: str, subject: str, *, actor: str, **detail: object) -> None:
        """Put an entry into the audit when this transaction commits. `detail` must hold no personal data."""
        self.audit.append(AuditLine(actor=actor, action=action, subject=subject, detail=detail))


@dataclass(frozen=True, kw_only=True)
class PageTest:
    """How often a test page goes to which number, and within what time it must arrive."""

    number: str
    every: timedelta
    within: timedelta


@dataclass(frozen=True, kw_only=True)
class Work(SetUp):
    """What every record function takes. `channels` are those that some notifier serves; `test_page` is None where the
    settings do without.

    `answered_at`: when what is acted on was said, if that reaches us late. Deadlines are met then; whatever follows from
    it (pages, timers, answers) begins now.
    """

    partnership: Partnership
    policy: Policy
    public_url: str
    channels: frozenset[Channel]
    test_page: PageTest | None = None
    answered_at: datetime | None = None

    @property
    def counts_from(self) -> datetime:
        """The moment from which an answer counts."""
        return self.answered_at or self.now
