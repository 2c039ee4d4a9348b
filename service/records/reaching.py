"""By which channels and numbers a worker is reached, in the order that they set, and which of them are left in peace now."""

from dataclasses import dataclass

from notifiers.base import Channel
from service.numbers import PhoneSpec, is_quiet
from service.partnership import WorkerSpec
from service.records import contacts, preferences
from service.work import Work


@dataclass(frozen=True)
class Way:
    """One way to reach a worker."""

    channel: Channel
    address: str
    quiet: bool = False


def ways(work: Work, spec: WorkerSpec) -> list[Way]:
    """Every way that counts now, the first to be tried first. Quiet numbers come last; they come as if they were not
    quiet where no other number is left, because an email wakes nobody.

    A number from which STOP came is not texted. A number that nobody has proven counts only while none of theirs is proven.
    One that no provider serves doesn't count.
    """
    numbers = _counting(work, spec)
    quiet = {phone.number for phone in numbers if is_quiet(phone.quiet, work.now, work.partnership.zone)}
    if len(quiet) == len(numbers):
        quiet = set()
    found = [
        Way(channel, address, address in quiet)
        for channel in preferences.order(work, spec)
        if channel in work.channels
        for address in (
            [spec.email]
            if channel is Channel.EMAIL
            else [phone.number for phone in numbers if channel in phone.channels]
        )
        if address and not (channel is Channel.SMS and contacts.stopped_since(work, address))
    ]
    return sorted(found, key=lambda way: way.quiet)


def address(work: Work, spec: WorkerSpec, channel: Channel) -> str | None:
    """Where a channel finds a worker best now."""
    return next((way.address for way in ways(work, spec) if way.channel is channel), None)


def _counting(work: Work, spec: WorkerSpec) -> list[PhoneSpec]:
    served = [phone for phone in preferences.numbers(work, spec) if not work.channels.isdisjoint(phone.channels)]
    if len(served) <= 1 or spec.verified:
        return served
    proven = contacts.proven_numbers(work)
    return [phone for phone in served if proven.counts(spec, phone.number)] or served
