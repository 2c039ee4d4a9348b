"""The audit chain: appended at the end of each transaction, and verified link by link."""

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlmodel import col, select

from service.asking import Question
from service.models.audit import AuditEntry, AuditHead
from service.privacy import Keyring
from service.rows import Session
from service.work import AuditLine

BEGINNING = "0" * 64
HEAD = 1
END = Question(select(AuditHead.seq, AuditHead.hash).where(AuditHead.id == HEAD).with_for_update())


@dataclass(frozen=True)
class Broken:
    """Where the chain does not hold, and how that shows."""

    seq: int
    why: str


class Said(NamedTuple):
    """An entry before its link is made."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str


def append(session: Session, lines: Iterable[AuditLine], now: datetime, keyring: Keyring) -> None:
    """Write what waits, and chain entries onto the end. The head's row is locked from here to the commit, so call it last."""
    lines = list(lines)
    if not lines:
        session.flush()
        return
    ((last, link),) = session.flush_and_ask(END)
    for seq, line in enumerate(lines, last + 1):
        detail = json.dumps(line.detail, sort_keys=True, ensure_ascii=False)
        said = Said(seq, now, line.actor, line.action, line.subject, detail)
        link = _link(said, link, keyring)
        session.put(AuditEntry, **said._asdict(), hash=link)
    session.put(AuditHead, replacing=("seq", "hash"), id=HEAD, seq=last + len(lines), hash=link)


def verify(session: Session, keyring: Keyring) -> tuple[int, Broken | None]:
    """How many entries hold, and the first one that was edited, deleted or moved, if any."""
    head = session.get(AuditHead, HEAD)
    previous, expected = BEGINNING, 0
    query = select(AuditEntry).order_by(col(AuditEntry.seq)).execution_options(yield_per=1000)
    with closing(session.exec(query)) as entries:
        for entry in entries:
            expected += 1
            if entry.seq != expected:
                return expected - 1, Broken(expected, f"entry {expected} is missing")
            if entry.hash != _link(entry, previous, keyring):
                return expected - 1, Broken(entry.seq, f"entry {entry.seq} was changed, or moved from another place")
            previous = entry.hash
    if head is None or (head.seq, head.hash) != (expected, previous):
        return expected, Broken(expected + 1, f"entry {expected + 1} is missing: the end of the chain was cut off")
    return expected, None


def _link(entry: AuditEntry | Said, previous: str, keyring: Keyring) -> str:
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    content = [entry.seq, at, entry.actor, entry.action, entry.subject, entry.detail, previous]
    return keyring.chain(json.dumps(content, ensure_ascii=False).encode())
