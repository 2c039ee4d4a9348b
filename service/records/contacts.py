"""Whose number or address is known to be theirs: it says so in the partnership file, or they answered a code."""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import col, select

from notifiers.base import Channel
from service.errors import Conflict, TooSoon
from service.models.people import ContactPoint
from service.partnership import WorkerSpec
from service.records import people, rota_changes
from service.work import Work

CODE_LIVES = timedelta(minutes=10)
TRIES = 5
SENT_AN_HOUR = 3
HOUR = timedelta(hours=1)
PROVEN_BY = (Channel.SMS, Channel.EMAIL)


class Proof(StrEnum):
    """What came of an answer to a code."""

    RIGHT = "right"
    WRONG = "wrong"
    OVER = "over"  # none was sent, or it is too old, or it was guessed at too often


def with_verified_number(work: Work) -> frozenset[str]:
    """The workers whose telephone number counts."""
    query = select(ContactPoint).where(ContactPoint.channel == Channel.SMS, col(ContactPoint.verified_at).is_not(None))
    marks = {row.worker: row.mark for row in work.session.exec(query).all()}
    return frozenset(
        slug
        for slug, spec in work.partnership.worker_by_slug.items()
        if spec.verified or (slug in marks and marks[slug] == _mark(work, spec.phone))
    )


def standing(work: Work, spec: WorkerSpec) -> Iterator[tuple[Channel, bool]]:
    """Each channel that finds a worker by an address of its own, and whether that is verified."""
    for channel in PROVEN_BY:
        address = _address(spec, channel)
        if address:
            row = work.session.get(ContactPoint, (spec.slug, channel.value))
            proven = row is not None and row.verified_at is not None and row.mark == _mark(work, address)
            yield channel, spec.verified or proven


def new_code(work: Work, spec: WorkerSpec, channel: Channel, *, actor: str) -> tuple[str, datetime]:
    """Six digits to be sent to a worker, in place of any sent before, and until when they count. Raises Conflict where
    there is nothing to prove, and TooSoon."""
    address = _address(spec, channel)
    if not address:
        raise Conflict(f"{spec.slug} has no address for {channel.value} in the partnership file")
    if dict(standing(work, spec))[channel]:
        raise Conflict("this is verified already")
    mark = _mark(work, address)
    row = work.session.get(ContactPoint, (spec.slug, channel.value), with_for_update=True)
    if row is None:
        row = ContactPoint(worker=spec.slug, channel=channel.value, mark=mark)
    _count(work, row)
    digits = f"{secrets.randbelow(1_000_000):06}"
    row.mark, row.verified_at, row.tries = mark, None, 0
    row.code_hash, row.code_ends_at = _hash(work, row, digits), work.now + CODE_LIVES
    work.session.add(row)
    work.record("contact.code_sent", spec.slug, actor=actor, channel=channel.value)
    return digits, row.code_ends_at


def _count(work: Work, row: ContactPoint) -> None:
    if row.sent_since is None or work.now >= row.sent_since + HOUR:
        row.sent_since, row.sent = work.now, 0
    if row.sent >= SENT_AN_HOUR:
        wait = (row.sent_since + HOUR - work.now).total_seconds()
        raise TooSoon(f"{SENT_AN_HOUR} codes were sent within an hour; wait before the next", wait)
    row.sent += 1


def is_asked(work: Work, worker: str) -> bool:
    """Whether a code that was sent to a worker still counts."""
    return any(row.code_ends_at and row.code_ends_at > work.now for row in _asked(work, worker))


def prove(work: Work, spec: WorkerSpec, digits: str, *, actor: str, channel: Channel | None = None) -> Proof:
    """Take an answer to a code, that of one channel or of any; what was tried is counted whatever comes of it."""
    result = Proof.OVER
    for row in _asked(work, spec.slug):
        if channel is not None and row.channel != channel.value:
            continue
        address = _address(spec, Channel(row.channel))
        in_time = row.code_ends_at is not None and row.code_ends_at > work.now and row.tries < TRIES
        if not in_time or not address or row.mark != _mark(work, address):
            continue
        row.tries += 1
        work.session.add(row)
        if secrets.compare_digest(row.code_hash or "", _hash(work, row, digits)):
            row.verified_at, row.code_hash, row.code_ends_at = work.now, None, None
            work.record("contact.verified", spec.slug, actor=actor, channel=row.channel)
            rota_changes.of_worker(work, spec.slug)
            if row.channel == Channel.SMS:
                people.set_number_works(work, spec.slug)
            return Proof.RIGHT
        result = Proof.WRONG
    return result


def _asked(work: Work, worker: str) -> list[ContactPoint]:
    query = select(ContactPoint).where(ContactPoint.worker == worker, col(ContactPoint.code_hash).is_not(None))
    return list(work.session.exec(query.order_by(col(ContactPoint.channel)).with_for_update()).all())


def _address(spec: WorkerSpec, channel: Channel) -> str | None:
    return spec.email if channel is Channel.EMAIL else spec.phone


def _mark(work: Work, address: str) -> str:
    return work.keyring.fingerprint("contact", address.lower())


def _hash(work: Work, row: ContactPoint, digits: str) -> str:
    return work.keyring.fingerprint("code", f"{row.worker} {row.channel} {row.mark} {digits}")
