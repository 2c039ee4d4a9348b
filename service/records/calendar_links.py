"""Secret addresses of calendars: made, shown once, followed by their hash, revoked."""

import hashlib
import secrets
from collections.abc import Sequence

from sqlmodel import col, select

from service.errors import NotFound
from service.models.ids import new_id
from service.models.rotas import CalendarLink
from service.work import Work

TOKEN_BYTES = 32
UNKNOWN = "there is no such calendar"


def make(work: Work, *, team: str | None = None, worker: str | None = None, actor: str) -> tuple[CalendarLink, str]:
    """A new address for a team's or a worker's shifts: its row, and the address, which is stored nowhere."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = CalendarLink(
        id=new_id("cal", work.now),
        token_hash=_hash(token),
        team=team,
        worker=worker,
        made_by=actor,
        made_at=work.now,
    )
    work.session.add(row)
    work.record("calendar_link.made", team or worker or "", actor=actor, link=row.id)
    return row, f"{work.public_url}/calendars/{token}.ics"


def follow(work: Work, token: str) -> CalendarLink:
    """What a token stands for. Raises NotFound in the same words for one that is unknown and one that was revoked."""
    row = work.session.exec(select(CalendarLink).where(CalendarLink.token_hash == _hash(token))).first()
    if row is None or row.revoked_at is not None:
        raise NotFound(UNKNOWN)
    return row


def listed(work: Work) -> Sequence[CalendarLink]:
    """Every address that still works, oldest first."""
    query = select(CalendarLink).where(col(CalendarLink.revoked_at).is_(None))
    return work.session.exec(query.order_by(col(CalendarLink.made_at), col(CalendarLink.id))).all()


def revoke(work: Work, row: CalendarLink, *, actor: str) -> None:
    """End an address at once."""
    if row.revoked_at is None:
        row.revoked_at = work.now
        work.session.add(row)
        work.record("calendar_link.revoked", row.team or row.worker or "", actor=actor, link=row.id)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
