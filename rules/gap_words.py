"""What a lead means by the words after COVER: which of the open gaps, and who is to cover it."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHORTEST_PREFIX = 3
_FILLERS = frozenset({"for", "gap", "no", "number", "please", "team", "the", "with"})
_SELF = frozenset({"i", "me", "myself"})


@dataclass(frozen=True, kw_only=True)
class Named:
    """An open gap and the names of its team."""

    number: int
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The gaps that can be meant, and the words that are left: who is to cover; empty is the sender."""

    numbers: tuple[int, ...]
    who: str


def parts(text: str) -> list[str]:
    """The words of a name, without case, accents and signs."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.findall(r"[a-z0-9]+", plain.lower())


def wanted(words: str, gaps: Sequence[Named]) -> Wanted:
    """Read a number, or words of a team's name (or their beginnings), and then a name."""
    left = [part for part in parts(words) if part not in _FILLERS]
    numbers = {gap.number for gap in gaps}
    if left and left[0].isdigit():
        named = tuple(number for number in (int(left[0]),) if number in numbers)
        return Wanted(numbers=named, who=_who(left[1:]))
    possible = list(gaps)
    while left:
        narrowed = [gap for gap in possible if _has(gap, left[0])]
        if not narrowed:
            break
        possible = narrowed
        left.pop(0)
    return Wanted(numbers=tuple(gap.number for gap in possible), who=_who(left))


def _has(gap: Named, word: str) -> bool:
    known = [part for name in gap.names for part in parts(name)]
    return any(part == word or (len(word) >= SHORTEST_PREFIX and part.startswith(word)) for part in known)


def _who(words: Sequence[str]) -> str:
    return " ".join(word for word in words if word not in _SELF)


def called(words: str, people: Mapping[str, str]) -> list[str]:
    """The people, by slug, whose first name, whole name or slug is said."""
    said = parts(words)
    return [slug for slug, name in people.items() if said in (parts(name)[:1], parts(name), parts(slug))]
