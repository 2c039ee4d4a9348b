"""How a worker says by text what they want to be reached by first (CALL FIRST), and when a number is left in peace (QUIET)."""

import re
from collections.abc import Sequence
from datetime import time

CHANNELS = {
    "voice": ("call", "calls", "ring", "phone", "voice"),
    "sms": ("text", "texts", "sms"),
    "email": ("email", "emails", "e-mail", "mail"),
}
_CHANNEL_OF = {word: channel for channel, words in CHANNELS.items() for word in words}
_FILLERS = frozenset({"me", "please"})

_QUIET = re.compile(r"\W*quiet\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_NEVER = frozenset({"off", "none", "never", "end"})
_MOST_WORDS = 6  # more than "from 10 pm to 7 am" is a sentence that happens to begin with the word
_CLOCK = r"(\d{1,2})(?:[:.]?(\d{2}))?\s*(am|pm)?"
_HOURS = re.compile(rf"(?:from\s+)?{_CLOCK}\s*(?:-|\u2013|\u2014|to|until|till)\s*{_CLOCK}", re.IGNORECASE)
_NOON = 12


def channel_first(words: Sequence[str]) -> str | None:
    """The channel that a text of two words puts first, in either order of the words: voice, sms or email."""
    left = [word.lower() for word in words if word.lower() not in _FILLERS]
    match left:
        case [word, "first"] | ["first", word]:
            return _CHANNEL_OF.get(word)
    return None


def after_quiet(text: str) -> str | None:
    """What follows QUIET where a text asks for hours, well or badly; None: it doesn't ask for any."""
    found = _QUIET.fullmatch(text)
    if found is None:
        return None
    rest = " ".join(found["rest"].strip(" \t\r\n.,;:!\"'`()").split())
    count = len(rest.split())
    return rest if count <= 1 or (count <= _MOST_WORDS and re.search(r"\d", rest)) else None


def is_readable(words: str) -> bool:
    """Whether the words after QUIET say hours, or the end of them."""
    return is_never(words) or hours(words) is not None


def is_never(words: str) -> bool:
    """Whether the words after QUIET end the hours."""
    return words.lower() in _NEVER


def hours(words: str) -> tuple[time, time] | None:
    """Hours as people type them: 22:00-07:00, 22-7, 10pm-7am. None where they can't be read for certain, or are none."""
    found = _HOURS.fullmatch(words.strip())
    if found is None or (found[3] is None) != (found[6] is None):
        return None  # "10-7am" may begin in the morning or in the evening
    start, end = _clock(*found.groups()[:3]), _clock(*found.groups()[3:])
    return None if start is None or end is None or start == end else (start, end)


def _clock(hour: str, minute: str | None, half: str | None) -> time | None:
    counted = int(hour)
    if half:
        if not 1 <= counted <= _NOON:
            return None
        counted = counted % _NOON + (_NOON if half.lower() == "pm" else 0)
    try:
        return time(0 if (counted, int(minute or 0)) == (24, 0) else counted, int(minute or 0))
    except ValueError:
        return None
