"""Durations as people write them in a rulebook: `30m`, `24h`, `1h30m`, `14d`, or ISO 8601 such as `PT30M`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_SHORT = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_ISO = re.compile(
    r"P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_EXPECTED = "a duration such as 30m, 24h, 1h30m, 14d or PT30M"
LONGEST = timedelta(days=3660)


def parse_duration(value: Any) -> timedelta:
    """A duration longer than nothing. Raises ValueError, which says what would be right."""
    if isinstance(value, timedelta):
        found = value
    else:
        text = str(value).strip()
        match = _SHORT.fullmatch(text.lower()) or _ISO.fullmatch(text.upper())
        if not isinstance(value, str) or match is None or not any(match.groups()):
            raise ValueError(f"{value!r} is not {_EXPECTED}")
        parts = {unit: float(number) for unit, number in zip(_UNITS, match.groups(), strict=True) if number}
        try:
            found = timedelta(**parts)
        except OverflowError:
            raise ValueError(f"{value!r} is too long; at most 10 years") from None
    if not timedelta(0) < found <= LONGEST:
        raise ValueError(f"{value!r} must be longer than nothing and at most 10 years")
    return found


def write_duration(value: timedelta) -> str:
    """The ISO 8601 form, in seconds, which reads back to the same duration."""
    return f"PT{value.total_seconds():.6f}".rstrip("0").rstrip(".") + "S"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(write_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["30m", "PT30M"]}),
]
