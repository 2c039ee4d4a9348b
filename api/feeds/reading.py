"""What reading a partner's file or message gives: reports, retractions, rows that are not for us, and faults. Nothing here
touches a database: a feed is read the same way whether it is posted or imported."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from rules.incident import IncidentReport
from service.errors import Fault

Pseudonym = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Reported:
    """A report, and the line on which it begins. `begins`: it is no correction, so that what was
    taken back before begins anew; `history`: it tells of the past, and nobody is paged for it."""

    line: int
    report: IncidentReport
    kept: str
    idempotency_key: str | None = None
    begins: bool = False
    history: bool = False


@dataclass(frozen=True, kw_only=True)
class Retracted:
    """A report of the same partner's is taken back."""

    line: int
    source_ref: str
    reason: str
    idempotency_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class PassedOver:
    """Understood, but not for us. The reason names no value of the row, so that equal ones can be counted."""

    line: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Faulty:
    """Not understood: where, and what would be right. `kept` is what may be stored of it: its shape, without its letters."""

    line: int
    faults: tuple[Fault, ...]
    kept: str


Reading = Reported | Retracted | PassedOver | Faulty


class Wrong(Exception):
    """Something in a row or message is not right. `pointer` says where, the text what would be right."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(pointer, detail)


class NotOurs(Exception):
    """A row or message is understood, but not for us."""


@dataclass(frozen=True, kw_only=True)
class Feed:
    """Whose rows these are: the clock they go by, and how what they call somebody becomes a pseudonym."""

    zone: ZoneInfo
    pseudonym: Pseudonym


@dataclass
class Rows:
    """Gives rows that have no id of their own one: their content, and which of several equal rows it is. The same file
    read again gives the same ids."""

    pseudonym: Pseudonym
    _seen: Counter[str] = field(default_factory=Counter)

    def ref(self, content: str) -> str:
        """The id of the next row with this content."""
        first = self.pseudonym(f"row\0{content}")
        self._seen[first] += 1
        return first if self._seen[first] == 1 else self.pseudonym(f"row\0{content}\0{self._seen[first]}")


def report_of(fields: Mapping[str, Any], sources: Mapping[str, str]) -> IncidentReport:
    """A report from what was read. `sources` says from where in the row each field came. Raises Wrong."""
    try:
        return IncidentReport.model_validate(dict(fields))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(str(part) for part in found["loc"] if isinstance(part, str))
        pointer = sources.get(path) or sources.get(path.split(".", 1)[0]) or ""
        raise Wrong(pointer, f"{path}: {found['msg'].removeprefix('Value error, ')}") from None


def pointer_to(*parts: str | int) -> str:
    """An RFC 6901 pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


_LETTER, _DIGIT = re.compile(r"[^\W\d_]"), re.compile(r"\d")


def masked(text: str) -> str:
    """The shape of a text: every letter an x, every digit a 9. It shows a wrong date's form and nobody's name."""
    return _DIGIT.sub("9", _LETTER.sub("x", text))
