"""Errands: set, taken away, and found when they fall due."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, func, select

from service.asking import Question
from service.database import skip_locked
from service.models.errands import Errand, ErrandKind
from service.work import SetUp, Work

LONGEST_DELAY = timedelta(minutes=30)
KINDS = tuple(kind.value for kind in ErrandKind)
FIRST_AT = Question(select(func.min(Errand.due_at).label("at")).where(col(Errand.kind).in_(KINDS)))


def put(
    work: Work, kind: ErrandKind, due_at: datetime, *, subject: str = "", payload: dict[str, Any] | None = None
) -> None:
    """Set an errand, in place of the one of the same kind and subject."""
    errand = held(work, kind, subject) or Errand(kind=kind.value, subject=subject, due_at=due_at)
    errand.due_at, errand.attempts, errand.payload = due_at, 0, payload or {}
    work.session.add(errand)


def put_each(work: Work, kind: ErrandKind, subjects: Iterable[str], *, payload: dict[str, Any]) -> None:
    """Set an errand for each of many subjects, due now."""
    for subject in subjects:
        work.session.put(
            Errand,
            replacing=("due_at", "attempts", "payload"),
            kind=kind.value,
            subject=subject,
            due_at=work.now,
            attempts=0,
            payload=payload,
        )


def get(work: Work, kind: ErrandKind, subject: str = "") -> Errand | None:
    """An errand that is set."""
    return work.session.get(Errand, (kind.value, subject))


def clear(work: Work, kind: ErrandKind, subject: str = "") -> None:
    """Take an errand away, if it is set."""
    errand = held(work, kind, subject)
    if errand is not None:
        work.session.delete(errand)
        work.session.flush()


def held(work: Work, kind: ErrandKind, subject: str = "") -> Errand | None:
    """An errand that is set, as it is once nobody else is running it, held for this transaction."""
    return work.session.held(Errand, (kind.value, subject))


def done(work: Work, key: tuple[str, str], due_at: datetime) -> None:
    """An errand was run: it goes, unless it was put to another time."""
    errand = work.session.get(Errand, key)
    if errand is not None and errand.due_at == due_at:
        work.session.delete(errand)


def next_due(work: Work) -> Errand | None:
    """The errand that has been due for longest, held for this transaction; None: nothing is due. One of a kind that this
    release does not know is left to the replicas of the next one."""
    query = select(Errand).where(col(Errand.due_at) <= work.now, col(Errand.kind).in_(KINDS))
    return work.session.exec(skip_locked(query.order_by(col(Errand.due_at)).limit(1))).first()


def put_off(work: Work, key: tuple[str, str]) -> None:
    """Move an errand whose work failed, further each time: it must not stop the others. One that somebody else has moved
    meanwhile stays there."""
    errand = work.session.held(Errand, key)
    if errand is not None and errand.due_at <= work.now:
        errand.attempts += 1
        errand.due_at = work.now + min(timedelta(seconds=5 * 2**errand.attempts), LONGEST_DELAY)
        work.session.add(errand)


def first_at(work: SetUp) -> datetime | None:
    """When the next errand falls due."""
    first: datetime | None = work.session.ask(FIRST_AT)[0].at
    return first


def waiting(work: Work) -> int:
    """How many errands are set."""
    return work.session.exec(select(func.count()).select_from(Errand)).one()
