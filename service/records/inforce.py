"""The rulebook and the partnership in force: read once a version, and looked up by every transaction."""

import json
import threading
from dataclasses import dataclass

from sqlmodel import col, select

from rules.match import Judge
from rules.patterns import watches
from rules.places import KnownPlaces
from service.asking import Question
from service.errors import NotFound
from service.models.people import PartnershipRow
from service.models.rulebooks import RulebookVersion
from service.partnership import Partnership, check_partnership
from service.records.rulebooks import load_version
from service.rows import Session
from service.work import Policy

PARTNERSHIP = 1
# Every transaction begins with it.
VERSIONS = Question(
    select(
        select(PartnershipRow.version).where(PartnershipRow.id == PARTNERSHIP).scalar_subquery(),
        select(RulebookVersion.number)
        .where(col(RulebookVersion.activated_at).is_not(None))
        .order_by(col(RulebookVersion.activated_at).desc(), col(RulebookVersion.number).desc())
        .limit(1)
        .scalar_subquery(),
    )
)


class NotSetUp(NotFound):
    """No partnership or no rulebook has been put in force yet."""


@dataclass
class InForce:
    """What was parsed last, with its versions. Parsing is never on the path of a request whose versions are known."""

    _partnership: tuple[int, Partnership] | None = None
    _policy: Policy | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def at(self, session: Session) -> tuple[Partnership, Policy]:
        """The partnership and the policy that this session sees. Raises NotSetUp."""
        (versions,) = session.ask(VERSIONS)
        if versions[0] is None:
            raise NotSetUp("no partnership is in force; apply one with: callout apply FILE")
        if versions[1] is None:
            raise NotSetUp("no rulebook is in force")
        with self._lock:
            partnership = self._partnership_of(session, versions[0])
            if self._policy is None or self._policy.number != versions[1]:
                self._policy = _policy(session.get_one(RulebookVersion, versions[1]))
            return partnership, self._policy

    def partnership(self, session: Session) -> Partnership | None:
        """The partnership alone, with or without a rulebook; None while there is none."""
        ((version, _),) = session.ask(VERSIONS)
        if version is None:
            return None
        with self._lock:
            return self._partnership_of(session, version)

    def _partnership_of(self, session: Session, version: int) -> Partnership:
        if self._partnership is None or self._partnership[0] != version:
            row = session.get_one(PartnershipRow, PARTNERSHIP)
            self._partnership = (row.version, check_partnership(json.loads(row.document)))
        return self._partnership[1]


def _policy(version: RulebookVersion) -> Policy:
    book = load_version(version)
    return Policy(
        name=f"{version.name}@{version.number}",
        number=version.number,
        book=book,
        judge=Judge(book.rulebook),
        places=KnownPlaces(book.rulebook.places),
        patterns=watches(book.rulebook.patterns),
    )
