"""A calendar of another system read as shifts: recurrence, all-day events and time zones, and whom each event names."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rules.calendar import wall_clock
from rules.layers import Match

if TYPE_CHECKING:
    from icalendar import Calendar, Component, Event

MOST_EVENTS, MOST_SHIFTS = 5_000, 20_000
# What a rota never does, and what would be expanded without end.
TOO_OFTEN = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
MOST_A_DAY = 4
ADDRESS = re.compile(r"[^\s<>(),;]+@[^\s<>(),;]+")
SAID = 120
ONE_DAY = timedelta(days=1)


class NoCalendarError(ValueError):
    """What was read is no calendar, or one too large to be a rota."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A worker whom an event may name."""

    slug: str
    name: str
    email: str | None = None


@dataclass(frozen=True, kw_only=True)
class Rostered:
    """One event of a calendar: whom it names, in their order; nobody where it names none that is known. `said` is its
    summary."""

    workers: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    said: str


@dataclass(frozen=True, kw_only=True)
class Roster:
    """The events of a period by their beginning, and how many could not be read."""

    shifts: tuple[Rostered, ...]
    skipped: int


def read_roster(
    text: str,
    people: Sequence[Known],
    *,
    match: Sequence[Match],
    begins: time,
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
) -> Roster:
    """The events of a calendar that touch a period. An all-day event lasts from `begins` on its first day to the same hour
    on the day after its last. Raises NoCalendarError."""
    import recurring_ical_events  # noqa: PLC0415 - every start would wait for it, and hardly a partnership has such a rota

    calendar = _parsed(text)
    parts = list(calendar.subcomponents)
    calendar.subcomponents = [part for part in parts if part.name != "VEVENT" or _is_readable(part)]
    floating, skipped = _zone_of(calendar) or zone, len(parts) - len(calendar.subcomponents)
    occurrences = recurring_ical_events.of(calendar, skip_bad_series=True).between(start - ONE_DAY, end + ONE_DAY)
    if len(occurrences) > MOST_SHIFTS:
        raise NoCalendarError(f"the calendar has more than {MOST_SHIFTS} events in half a year")
    found = []
    for event in occurrences:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        first, last = (_instant(event[field].dt, begins, zone, floating) for field in ("DTSTART", "DTEND"))
        if first >= last:
            skipped += 1
        elif first < end and last > start:
            said = " ".join(str(event.get("SUMMARY", "")).split())[:SAID]
            found.append(Rostered(workers=named(event, people, match), starts_at=first, ends_at=last, said=said))
    return Roster(shifts=tuple(sorted(found, key=lambda one: (one.starts_at, one.ends_at, one.said))), skipped=skipped)


def _parsed(text: str) -> "Calendar":
    from icalendar import Calendar  # noqa: PLC0415 - as in read_roster

    try:
        calendar = Calendar.from_ical(text)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise NoCalendarError("what came is not an iCalendar file") from error
    if not isinstance(calendar, Calendar):
        raise NoCalendarError("what came is not an iCalendar file")
    if len(calendar.walk("VEVENT")) > MOST_EVENTS:
        raise NoCalendarError(f"the calendar has more than {MOST_EVENTS} events")
    return calendar


def _is_readable(event: "Component") -> bool:
    """Whether an event has a beginning, and repeats, if it does, as shifts do."""
    if "DTSTART" not in event or any(field in ("DTSTART", "DTEND", "DURATION", "RRULE") for field, _ in event.errors):
        return False
    starts: Any = event["DTSTART"]
    ends: Any = event.get("DTEND")
    if ends is not None and _is_before(ends.dt, starts.dt):
        return False
    rules: Any = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        often = {str(frequency).upper() for frequency in rule.get("FREQ", [])}
        if often & TOO_OFTEN or rule.get("BYSECOND", [])[1:] or rule.get("BYMINUTE", [])[1:]:
            return False
        if len(rule.get("BYHOUR", [])) > MOST_A_DAY:
            return False
    return True


def _is_before(one: date | datetime, other: date | datetime) -> bool:
    """Whether an end lies before its beginning, or can't be compared with it."""
    try:
        return one < other
    except TypeError:
        return True


def _zone_of(calendar: "Calendar") -> ZoneInfo | None:
    """The zone of times that name none, where the calendar says one."""
    try:
        return ZoneInfo(str(calendar["X-WR-TIMEZONE"]))
    except (KeyError, ValueError, ZoneInfoNotFoundError):
        return None


def _instant(value: date | datetime, begins: time, zone: ZoneInfo, floating: ZoneInfo) -> datetime:
    if not isinstance(value, datetime):
        return wall_clock(value, begins, zone)
    if value.tzinfo is None:
        return wall_clock(value.date(), value.time(), floating)
    return value.astimezone(UTC)


def named(event: "Event", people: Sequence[Known], match: Sequence[Match]) -> tuple[str, ...]:
    """Whom an event names: by the first of the ways in `match` that finds anybody. Attendees who declined are left out,
    and so is a name that two workers share."""
    attendees = list(_attendees(event))
    summary = str(event.get("SUMMARY", ""))
    declined = _by_email([address for address, _, coming in attendees if not coming], people)
    addresses = [address for address, _, coming in attendees if coming] + ADDRESS.findall(summary)
    names = " | ".join([summary, *(called for _, called, coming in attendees if coming)])
    ways = {
        "email": lambda: _by_email(addresses, people),
        "name": lambda: _by_name(names, people),
        "slug": lambda: _by_slug(summary, people),
    }
    for way in match:
        found = [slug for slug in dict.fromkeys(ways[way]()) if slug not in declined]
        if found:
            return tuple(found)
    return ()


def _attendees(event: "Event") -> Iterator[tuple[str, str, bool]]:
    """Each attendee's address and name, and whether they may come."""
    values = event.get("ATTENDEE", [])
    for value in values if isinstance(values, list) else [values]:
        address = re.sub(r"^mailto:", "", str(value), flags=re.IGNORECASE)
        declined = str(value.params.get("PARTSTAT", "")).upper() == "DECLINED"
        yield address, str(value.params.get("CN", "")), not declined


def _by_email(addresses: Sequence[str], people: Sequence[Known]) -> list[str]:
    by_address = {one.email.casefold(): one.slug for one in people if one.email}
    return [by_address[a.casefold()] for a in addresses if a.casefold() in by_address]


def _by_name(text: str, people: Sequence[Known]) -> list[str]:
    """By the whole name, in either order and with or without accents: `Siân Fiction`, `FICTION, Sian`. A longer name is
    looked for first, so that it is not taken for a shorter one inside it."""
    spellings: dict[str, set[str]] = {}
    for one in people:
        words = _plain(one.name).split()
        spellings.setdefault(" ".join(words), set()).add(one.slug)
        if words[1:]:
            spellings.setdefault(f"{words[-1]}, {' '.join(words[:-1])}", set()).add(one.slug)
    rest = _plain(text)
    places: list[tuple[int, str]] = []
    for spelling in sorted(spellings, key=len, reverse=True):
        for hit in re.finditer(rf"(?<!\w){re.escape(spelling)}(?!\w)", rest):
            places += [(hit.start(), slug) for slug in spellings[spelling] if len(spellings[spelling]) == 1]
        rest = re.sub(rf"(?<!\w){re.escape(spelling)}(?!\w)", lambda hit: "_" * len(hit[0]), rest)
    return [slug for _, slug in sorted(places)]


def _by_slug(summary: str, people: Sequence[Known]) -> list[str]:
    """By a slug that stands alone between separators: `On call: ben`, `amina / ben`. In `Ben Other` it does not."""
    known = {one.slug for one in people}
    parts = re.split(r"[:;,/&+()\[\]|]|\s[-\u2013\u2014]\s", summary)
    return [part for part in (_plain(piece) for piece in parts) if part in known]


def _plain(text: str) -> str:
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return " ".join(bare.replace("\u2019", "'").casefold().split())
