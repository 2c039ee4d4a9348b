"""A worker sets by text which channel is tried first, and the quiet hours of the number that they text from."""

from notifiers.base import Channel
from rules import wishes
from rules.windows import Hours
from service.partnership import WorkerSpec
from service.records import answers, preferences
from service.records.preferences import HOURS, Wish
from service.work import Work

NAMES = {Channel.VOICE: "call", Channel.SMS: "text", Channel.EMAIL: "email"}
EXAMPLE = "22:00-07:00"


def first(work: Work, spec: WorkerSpec, channel: Channel) -> None:
    """Try a channel before all others, which stay in their order, and say what holds now."""
    held = preferences.held(work, spec)
    before = _usable(work, spec)
    why = _against(work, spec, channel)
    if why:
        answers.say(work, spec.slug, "first_not", why=why, order=_named(before))
        return
    rest = [each for each in preferences.order(work, spec) if each is not channel]
    order = [channel, *(each for each in rest if each is not Channel.EMAIL or spec.email)]
    preferences.put(work, spec, Wish(channels=tuple(order), quiet=held.quiet), actor=spec.slug)
    other = next((each for each in before if each is not channel), None)
    back = NAMES[other].upper() if other else None
    answers.say(work, spec.slug, "first", order=_named(_usable(work, spec)), back=back)


def quiet(work: Work, spec: WorkerSpec, number: str, words: str) -> None:
    """Leave a number, in E.164, in peace in the hours that the words say, no more if they say none, and say what holds now."""
    asked = wishes.hours(words)
    held = preferences.held(work, spec)
    place = [phone.number for phone in spec.numbers].index(number) + 1
    hours = dict(preferences.hours_of(work, spec))
    before = hours.pop(place, None)
    if asked:
        hours[place] = asked
    preferences.put(work, spec, Wish(channels=held.channels, quiet=sorted(hours.items())), actor=spec.slug)
    if asked:
        answers.say(work, spec.slug, "quiet", hours=_written(asked), only=len(spec.numbers) == 1)
    else:
        answers.say(work, spec.slug, "quiet_off", hours=_written(before) if before else EXAMPLE)


def _against(work: Work, spec: WorkerSpec, channel: Channel) -> str | None:
    """What stands against trying a channel first, in words that fit a text."""
    if channel is Channel.EMAIL and not spec.email:
        return "no email address is known for you; your lead can add one"
    return None if channel in work.channels else f"no {NAMES[channel]} goes out from here"


def _usable(work: Work, spec: WorkerSpec) -> list[Channel]:
    return [each for each in preferences.order(work, spec) if _against(work, spec, each) is None]


def _named(order: list[Channel]) -> str:
    return ", then ".join(NAMES[each] for each in order)


def _written(hours: Hours) -> str:
    written: str = HOURS.dump_python(hours)
    return written
