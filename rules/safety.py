"""What a lone worker's text says of their safety: SAFE, in the form that is taught, or SOS, in any form at all.

A frightened thumb makes mistakes, and nobody is harmed by a call too many: SOS counts wherever it stands in a text, and
whoever says that they are not safe has said it.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=12)

_SOS = re.compile(r"(?<![a-z])(?:(?:s[o0]+s+)+|s([ .,\-*/])[o0]\1s)(?![a-z])", re.IGNORECASE)
# "DONE K7 false_alarm, the SOS was a mistake" closes an alarm and raises none.
_CLOSES = re.compile(r"\W*done\W+[a-z]\W?[0-9]", re.IGNORECASE)
_SELF = r"\W*(?:(?:i\W?m|i\W+am|we\W?re|we\W+are|am|all)\W+)?"
_NOT_SAFE = re.compile(_SELF + r"(?:not\W+(?:feeling\W+)?safe|unsafe)\b(?!_)", re.IGNORECASE)
_SAFE = re.compile(_SELF + r"(?:ok(?:ay)?\W+)?safe\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_AFTER = re.compile(
    r"\W*(?:[a-z]\d[a-z0-9]{0,2}\W+)?(?:in\W+)?(?P<number>\d{1,4})\s*(?:(?P<hours>h(?:ours?|rs?)?)|m(?:in(?:ute)?s?)?)?\b",
    re.IGNORECASE,
)
_NO_MORE = re.compile(r"^\W*(?:home|off|end|over|0)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Sos:
    """Help is needed now."""


@dataclass(frozen=True)
class Safe:
    """All is well. `after`: when they want to be asked again; `last`: not again."""

    after: timedelta | None = None
    last: bool = False


def read(text: str) -> Sos | Safe | None:
    """What a text says of its sender's safety; None: nothing."""
    if _NOT_SAFE.match(text) or (_SOS.search(text) and not _CLOSES.match(text)):
        return Sos()
    safe = _SAFE.match(text)
    if safe is None:
        return None
    rest = safe["rest"]
    if _NO_MORE.match(rest):
        return Safe(last=True)
    return Safe(after=_after(rest))


def _after(words: str) -> timedelta | None:
    found = _AFTER.match(words)
    if found is None:
        return None
    number = int(found["number"])
    return min(max(timedelta(hours=number) if found["hours"] else timedelta(minutes=number), SHORTEST), LONGEST)
