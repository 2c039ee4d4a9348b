"""Whose number or address is known to be theirs: it says so in the partnership file, or they answered a code."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import col, select

from notifiers.base import Channel
from service.asking import Question
from service.errors import Conflict, TooSoon
from service.models.people import ContactPoint, StoppedNumber
from service.partnership import WorkerSpec
from service.privacy import Keyring
from service.records import people, rota_changes
from service.work import Work

CODE_LIVES = timedelta(minutes=10)
TRIES = 5
SENT_AN_HOUR = 3
HOUR = timedelta(hours=1)
PROVEN = Question(
    select(ContactPoint.worker, ContactPoint.mark).where(
        ContactPoint.channel != Channel.EMAIL, col(ContactPoint.verified_at).is_not(None)
    )
)
VERIFIED = Question(select(ContactPoint.worker, ContactPoint.mark).where(col(ContactPoint.verified_at).is_not(None)))
STOPPED = Question(select(StoppedNumber.mark, StoppedNumber.since))


class Proof(StrEnum):
    """What came of an answer to a code."""

    RIGHT = "right"
    WRONG = "wrong"
    OVER = "over"  # none was sent, or it is too old, or it was guessed at too often


@dataclass(frozen=True, kw_only=True)
class Proven:
    """Which telephone numbers count. Only those that are asked for are looked at, because a partnership has many."""

    keyring: Keyring
    marks: frozenset[tuple[str, str]]
    answered: frozenset[str]

    def counts(self, spec: WorkerSpec, number: str) -> bool:
        """Whether a number of a worker counts."""
        return spec.verified or (
            spec.slug in self.answered and (spec.slug, _mark_by(self.keyring, number)) in self.marks
        )

    def any_of(self, spec: WorkerSpec) -> bool:
        """Whether one of a worker's numbers counts."""
        return any(self.counts(spec, phone.number) for phone in spec.numbers)


def proven_numbers(work: Work) -> Proven:
    """The telephone numbers that count as this transaction sees it."""
    return work.session.once("proven", lambda: _proven_numbers(work), of=[ContactPoint])


def _proven_numbers(work: Work) -> Proven:
    marks = frozenset((worker, mark) for worker, mark in work.session.ask_once(PROVEN))
    return Proven(keyring=work.keyring, marks=marks, answered=frozenset(worker for worker, _ in marks))


@dataclass(frozen=True)
class Standing:
    """An address of a worker, and whether it counts. `number` says which of their telephone numbers it is, from 1;
    `stopped_since`: since when STOP keeps texts from it."""

    channel: Channel
    number: int | None
    verified: bool
    stopped_since: datetime | None = None


def standing(work: Work, spec: WorkerSpec) -> Iterator[Standing]:
    """Each number and address of a worker, in the order of the partnership file."""
    marks = work.session.once("verified", lambda: set(work.session.ask_once(VERIFIED)), of=[ContactPoint])

    def is_verified(address: str) -> bool:
        return spec.verified or (spec.slug, mark_of(work, address)) in marks

    for place, phone in enumerate(spec.numbers, 1):
        yield Standing(Channel.SMS, place, is_verified(phone.number), stopped_since(work, phone.number))
    if spec.email:
        yield Standing(Channel.EMAIL, None, is_verified(spec.email))


def stopped_since(work: Work, number: str) -> datetime | None:
    """Since when a number is not texted, because STOP came from it as a further number; None: it is texted."""
    stopped = work.session.once("stopped", lambda: _stopped(work), of=[StoppedNumber])
    return stopped.get(mark_of(work, number)) if stopped else None


def _stopped(work: Work) -> Mapping[str, datetime]:
    return {row.mark: row.since for row in work.session.ask_once(STOPPED)}


@dataclass(frozen=True)
class Code:
    """Six digits for a worker, where they go, and until when they count."""

    digits: str
    address: str
    ends_at: datetime


def new_code(work: Work, spec: WorkerSpec, channel: Channel, *, actor: str, number: int = 1) -> Code:
    """A code to be sent to a worker, in place of any sent there before. Raises Conflict where there is nothing to prove,
    and TooSoon."""
    address = _address(spec, channel, number)
    if not address:
        raise Conflict(f"{spec.slug} has no such address for {channel.value} in the partnership file")
    place = None if channel is Channel.EMAIL else number
    if any(each.verified and (each.channel, each.number) == (channel, place) for each in standing(work, spec)):
        raise Conflict("this is verified already")
    mark = mark_of(work, address)
    key = _key(spec, channel, address, mark)
    row = work.session.get(ContactPoint, (spec.slug, key), with_for_update=True)
    if row is None:
        row = ContactPoint(worker=spec.slug, channel=key, mark=mark)
    _count(work, row)
    digits = f"{secrets.randbelow(1_000_000):06}"
    row.mark, row.verified_at, row.tries = mark, None, 0
    row.code_hash, row.code_ends_at = _hash(work, row, digits), work.now + CODE_LIVES
    work.session.add(row)
    work.record("contact.code_sent", spec.slug, actor=actor, channel=channel.value)
    return Code(digits, address, row.code_ends_at)


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
        proves = _channel(row)
        if channel is not None and proves is not channel:
            continue
        in_time = row.code_ends_at is not None and row.code_ends_at > work.now and row.tries < TRIES
        addresses = [spec.email] if proves is Channel.EMAIL else [phone.number for phone in spec.numbers]
        if not in_time or not any(address and row.mark == mark_of(work, address) for address in addresses):
            continue
        row.tries += 1
        work.session.add(row)
        if secrets.compare_digest(row.code_hash or "", _hash(work, row, digits)):
            row.verified_at, row.code_hash, row.code_ends_at = work.now, None, None
            work.record("contact.verified", spec.slug, actor=actor, channel=proves.value)
            rota_changes.of_worker(work, spec.slug)
            if row.mark == mark_of(work, spec.phone):
                people.set_number_works(work, spec.slug)
            return Proof.RIGHT
        result = Proof.WRONG
    return result


def _asked(work: Work, worker: str) -> list[ContactPoint]:
    query = select(ContactPoint).where(ContactPoint.worker == worker, col(ContactPoint.code_hash).is_not(None))
    return list(work.session.exec(query.order_by(col(ContactPoint.channel)).with_for_update()).all())


def _address(spec: WorkerSpec, channel: Channel, number: int) -> str | None:
    if channel is Channel.EMAIL:
        return spec.email
    return spec.numbers[number - 1].number if 1 <= number <= len(spec.numbers) else None


def _key(spec: WorkerSpec, channel: Channel, address: str, mark: str) -> str:
    """What a point is kept by: its channel, and for a further number its mark beside it."""
    return channel.value if address in (spec.phone, spec.email) else f"{channel.value}:{mark[:16]}"


def _channel(row: ContactPoint) -> Channel:
    return Channel(row.channel.partition(":")[0])


def mark_of(work: Work, address: str) -> str:
    """What stands for a number or an address without saying it."""
    return _mark_by(work.keyring, address)


def _mark_by(keyring: Keyring, address: str) -> str:
    return keyring.fingerprint("contact", address.lower())


def _hash(work: Work, row: ContactPoint, digits: str) -> str:
    return work.keyring.fingerprint("code", f"{row.worker} {row.channel} {row.mark} {digits}")
