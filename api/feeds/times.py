"""The times that partners write: ISO 8601, HL7's own, and whatever a mapping spells out; without an offset, local ones."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ISO = "iso"
NO_DAY = "is no day or hour of the calendar"
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
# HL7 v2.5.1, section 2.A.77 (TS): YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ].
_HL7 = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:\.\d{1,4})?)?([+-]\d{4})?", re.ASCII)
_HL7_DATE = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d))?)?(?:\d{2,6}(?:\.\d{1,4})?)?(?:[+-]\d{4})?", re.ASCII)


# Without one of each, one moment can't be told from another.
NEEDED = (("%d",), ("%m", "%b", "%B"), ("%Y", "%y"), ("%H", "%I"), ("%M",))
SAMPLE = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)


class NoTime(ValueError):
    """A text is no time that can be relied on. The message says what would be right."""


@dataclass(frozen=True)
class Moment:
    """An instant. `twice`: the local time came twice that night, and the first is meant here."""

    at: datetime
    twice: bool = False


def checked_format(form: str) -> str:
    """`iso`, or a format that names a minute of a day. Raises ValueError, which says what would be right."""
    if form == ISO:
        return form
    if not all(any(sign in form for sign in signs) for signs in NEEDED):
        raise ValueError(f"{form!r} must be iso, or say day, month, year, hour and minute such as %d/%m/%Y %H:%M")
    if _by_letters(SAMPLE.strftime(form), form) is None:
        raise ValueError(f"{form!r} must be made of the letters of strptime, such as %d/%m/%Y %H:%M")
    return form


def from_formats(text: str, formats: Sequence[str], zone: ZoneInfo) -> Moment:
    """A time by the first of several formats that fits: `iso`, or the letters of strptime. Raises NoTime."""
    for form in formats:
        found = _by_iso(text) if form == ISO else _by_letters(text, form)
        if found is not None:
            return _instant(found, zone)
    shown = " or ".join("2026-10-24T22:30:00+01:00" if form == ISO else form for form in formats)
    raise NoTime(f"must be a date with a time of day: {shown}")


def _by_iso(text: str) -> datetime | None:
    if not _ISO.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise NoTime(NO_DAY) from None


def _by_letters(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def from_hl7(text: str, zone: ZoneInfo) -> Moment:
    """A time as HL7 v2 writes it, at least to the minute. Raises NoTime."""
    found = _HL7.fullmatch(text)
    if found is None:
        raise NoTime("must be a time to the minute, such as 202610242302 or 20261024230200+0100")
    offset = found[7] or ""
    try:
        moment = datetime.strptime("".join(part or "00" for part in found.groups()[:6]), "%Y%m%d%H%M%S")
        if offset:
            size = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
            moment = moment.replace(tzinfo=timezone(-size if offset[0] == "-" else size))
    except ValueError:
        raise NoTime(NO_DAY) from None
    return _instant(moment, zone)


def age_from_hl7(born: str, at: datetime, zone: ZoneInfo) -> tuple[int | None, str | None]:
    """Whole years at an instant, or a band where only the year or month of birth is known. Raises NoTime."""
    found = _HL7_DATE.fullmatch(born)
    if found is None:
        raise NoTime("must be a date of birth such as 20110317, or its year alone")
    day = at.astimezone(zone)
    year, month, number = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    oldest = day.year - year
    if month and number:
        try:
            datetime(year, month, number, tzinfo=UTC)
        except ValueError:
            raise NoTime(NO_DAY) from None
        oldest -= (day.month, day.day) < (month, number)
    if not 0 <= oldest <= 120:  # noqa: PLR2004 - the ages that a report may have
        raise NoTime("would make somebody younger than 0 or older than 120")
    if month and number:
        return oldest, None
    return None, f"{max(oldest - 1, 0)}-{oldest}"


def local(naive: datetime, zone: ZoneInfo) -> Moment:
    """An instant from a local time. Raises NoTime for one that the clocks skipped."""
    try:
        here = naive.replace(tzinfo=zone)
        back = here.astimezone(UTC).astimezone(zone)
    except OverflowError:
        raise NoTime("lies outside the calendar") from None
    if back.replace(tzinfo=None) != naive:
        raise NoTime("never was: the clocks went forward over it; send it with an offset")
    return Moment(here.astimezone(UTC), twice=here.utcoffset() != here.replace(fold=1).utcoffset())


def _instant(found: datetime, zone: ZoneInfo) -> Moment:
    if found.tzinfo is None:
        return local(found, zone)
    try:
        return Moment(found.astimezone(UTC))
    except OverflowError:
        raise NoTime("lies outside the calendar") from None
