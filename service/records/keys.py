"""Access keys: made, shown once, found by their hash, revoked."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import bindparam
from sqlmodel import col, select

from service.asking import Question, columns_of
from service.errors import Invalid
from service.models.access import AccessKey, Role
from service.models.ids import new_id
from service.rows import Session

PREFIX = "ck_"
BY_HASH = Question(select(*columns_of(AccessKey)).where(AccessKey.secret_hash == bindparam("secret_hash")))


def make(
    session: Session,
    *,
    role: Role,
    name: str,
    localities: list[str],
    now: datetime,
    secret: str | None = None,
    needs_lawful_basis: bool = False,
) -> tuple[AccessKey, str]:
    """A new key and the text that its holder must keep: it is stored nowhere."""
    if not name.strip():
        raise Invalid("a key needs a name that says whose it is")
    text = PREFIX + (secret or secrets.token_urlsafe(32))
    key = AccessKey(
        id=new_id("key", now),
        name=name.strip(),
        role=role.value,
        localities=localities,
        secret_hash=hash_of(text),
        needs_lawful_basis=needs_lawful_basis,
        created_at=now,
    )
    session.add(key)
    return key, text


def find(session: Session, text: str) -> AccessKey | None:
    """The key that a text opens, unless it was revoked. Keys are 256 random bits, so a plain hash can't be guessed."""
    found = session.find(AccessKey, BY_HASH, secret_hash=hash_of(text))
    return next((key for key in found if key.revoked_at is None), None)


def hash_of(text: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(text.encode()).hexdigest()


def listed(session: Session) -> list[AccessKey]:
    """Every key, oldest first."""
    return list(session.exec(select(AccessKey).order_by(col(AccessKey.created_at))).all())
