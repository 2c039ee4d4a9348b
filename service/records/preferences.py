"""How workers want to be reached: the partnership file says it, until somebody sets it otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import select

from notifiers.base import Channel
from rules.windows import Hours, HoursOfDay
from service.asking import Question, columns_of
from service.errors import Fault, Invalid
from service.models.people import ReachingPreference
from service.numbers import PhoneSpec
from service.partnership import WorkerSpec
from service.records import contacts
from service.work import Work

USUAL = (Channel.SMS, Channel.VOICE, Channel.EMAIL)
PREFERENCES = Question(select(*columns_of(ReachingPreference)))
HOURS: TypeAdapter[Hours] = TypeAdapter(HoursOfDay)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is set in place of the file; None: as the file says. `quiet`: hours by the place of a number, from 1."""

    channels: tuple[Channel, ...] | None
    quiet: Sequence[tuple[int, Hours]] | None


def put(work: Work, spec: WorkerSpec, wish: Wish, *, actor: str) -> None:
    """Reach a worker otherwise than the partnership file says, from the next page on. Raises Invalid."""
    faults = (*_channel_faults(spec, wish.channels or ()), *_number_faults(spec, wish.quiet or ()))
    if faults:
        raise Invalid("the preferences are refused", faults)
    row = _held(work, spec) or ReachingPreference(worker=spec.slug, set_by=actor, set_at=work.now)
    row.channels = None if wish.channels is None else [channel.value for channel in wish.channels]
    row.quiet = None if wish.quiet is None else _marked(work, spec, wish.quiet)
    row.set_by, row.set_at = actor, work.now
    work.session.add(row)
    work.session.flush()
    what = [name for name, given in (("channels", wish.channels), ("quiet", wish.quiet)) if given is not None]
    work.record("worker.preferences_set", spec.slug, actor=actor, set=what)


def held(work: Work, spec: WorkerSpec) -> Wish:
    """What is set for a worker now, in the terms of today's file; nobody else sets it before this transaction ends."""
    row = _held(work, spec)
    if row is None:
        return Wish(channels=None, quiet=None)
    channels = None if row.channels is None else tuple(Channel(each) for each in row.channels)
    return Wish(channels=channels, quiet=None if row.quiet is None else hours_of(work, spec))


def hours_of(work: Work, spec: WorkerSpec) -> list[tuple[int, Hours]]:
    """The quiet hours that hold now, by the place of the number, from 1."""
    return [(place, phone.quiet) for place, phone in enumerate(numbers(work, spec), 1) if phone.quiet]


def drop(work: Work, spec: WorkerSpec, *, actor: str) -> None:
    """Reach a worker as the partnership file says again. Where nothing was set, nothing happens."""
    row = _held(work, spec)
    if row is not None:
        work.session.delete(row)
        work.session.flush()
        work.record("worker.preferences_dropped", spec.slug, actor=actor)


def order(work: Work, spec: WorkerSpec) -> list[Channel]:
    """The channels as a worker wants them tried, then those that they did not name."""
    row = _set(work).get(spec.slug)
    named = spec.channels if row is None or row.channels is None else [Channel(each) for each in row.channels]
    return list(dict.fromkeys([*named, *USUAL]))


def numbers(work: Work, spec: WorkerSpec) -> list[PhoneSpec]:
    """All of a worker's numbers, with the hours in which each is to be left in peace."""
    row = _set(work).get(spec.slug)
    if row is None or row.quiet is None:
        return list(spec.numbers)
    hours = {mark: HOURS.validate_python(written) for mark, written in row.quiet.items()}
    return [
        phone.model_copy(update={"quiet": hours.get(contacts.mark_of(work, phone.number))}) for phone in spec.numbers
    ]


def shown(work: Work, spec: WorkerSpec) -> dict[str, Any]:
    """How a worker is reached, and who set it; nobody: the partnership file says so."""
    row = _set(work).get(spec.slug)
    return {
        "channels": [channel.value for channel in order(work, spec)],
        "quiet": [{"number": place, "hours": HOURS.dump_python(hours)} for place, hours in hours_of(work, spec)],
        "set_by": row.set_by if row else None,
        "set_at": row.set_at if row else None,
    }


def _set(work: Work) -> Mapping[str, Any]:
    def read() -> dict[str, Any]:
        return {row.worker: row for row in work.session.ask_once(PREFERENCES)}

    return work.session.once("preferences", read, of=[ReachingPreference])


def _held(work: Work, spec: WorkerSpec) -> ReachingPreference | None:
    return work.session.get(ReachingPreference, spec.slug, with_for_update=True)


def _marked(work: Work, spec: WorkerSpec, quiet: Sequence[tuple[int, Hours]]) -> dict[str, str]:
    return {contacts.mark_of(work, spec.numbers[place - 1].number): HOURS.dump_python(hours) for place, hours in quiet}


def _channel_faults(spec: WorkerSpec, channels: Sequence[Channel]) -> list[Fault]:
    if Channel.EMAIL not in channels or spec.email:
        return []
    place = channels.index(Channel.EMAIL)
    return [Fault(f"/channels/{place}", "the partnership file has no email address for this worker; leave email out")]


def _number_faults(spec: WorkerSpec, quiet: Sequence[tuple[int, Hours]]) -> list[Fault]:
    there = len(spec.numbers)
    have = "one number: 1" if there == 1 else f"{there} numbers: 1 to {there}"
    faults = []
    for place, (number, _) in enumerate(quiet):
        if number > there:
            faults.append(Fault(f"/quiet/{place}/number", f"the partnership file has {have}"))
        elif number in [before for before, _ in quiet[:place]]:
            faults.append(Fault(f"/quiet/{place}/number", f"number {number} is there twice; give it once"))
    return faults
