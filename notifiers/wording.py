"""The texts: one template a message, in plain words for a tired person at two in the morning.

Every text is one GSM-7 segment and holds no personal data and no word for the harm: phones lie on tables, and carriers
filter such words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, meta

from notifiers.gsm7 import SINGLE, septets, to_gsm7

TEMPLATES = Path(__file__).parent / "wording"
DRILL = "DRILL "
SUBJECT = "Subject:"
MOST_WORDS = SINGLE // len("K7, ")
LONGEST_WORD = 16

# Plain text is sent to phones, so nothing is escaped here; the email notifier escapes what it puts into HTML.
_environment = Environment(  # noqa: S701
    loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)

FORBIDDEN_WORDS = (
    "abuse", "ambulance", "arrest", "assault", "attack", "blade", "blood", "bully", "cannabis", "cocaine", "crime",
    "criminal", "cse", "cce", "dead", "death", "drug", "exploitation", "fight", "firearm", "gang", "grooming", "gun",
    "harm", "heroin", "hurt", "injured", "injury", "kill", "knife", "knives", "machete", "murder", "offence", "offender",
    "perpetrator", "police", "rape", "rob", "robbery", "shooting", "shot", "stab", "stabbed", "stabbing", "suspect",
    "threat", "victim", "violence", "violent", "weapon", "wound", "wounded",
)  # fmt: skip
_FORBIDDEN = re.compile(rf"\b(?:{'|'.join(FORBIDDEN_WORDS)})(?:s|es|'s)?\b", re.IGNORECASE)

PERSONAL_PLACEHOLDERS = frozenset(
    {"name", "child", "person", "people", "age", "dob", "school", "place", "address", "postcode", "urn", "summary",
     "incident", "type", "reported_by", "group", "ref"}
)  # fmt: skip


@dataclass(frozen=True)
class Text:
    """One message in words. `subject` is for email."""

    text: str
    subject: str


def render(template: str, *, drill: bool = False, **values: Any) -> Text:
    """A message from its template. Raises jinja2.UndefinedError when a value is missing.

    A value that is a tuple is a list of words: as many of them are said as fit into one segment, and `+2` for the rest.
    """
    kept = {name: min(len(value), MOST_WORDS) for name, value in values.items() if isinstance(value, tuple)}
    while True:
        said = {name: listed(values[name], number) for name, number in kept.items()}
        worded = _worded(template, drill=drill, values=values | said)
        longest = max(kept, key=kept.__getitem__, default=None)
        over = (septets(worded.text) or 0) - SINGLE
        if longest is None or kept[longest] <= 1 or over <= 0:
            return worded
        kept[longest] = max(kept[longest] - max(over // LONGEST_WORD, 1), 1)


def listed(words: Sequence[str], number: int) -> str:
    """The first few of some words, and how many more there are, such as `K7, M4 +2`."""
    left = len(words) - number
    return ", ".join(words[:number]) + (f" +{left}" if left else "")


def _worded(template: str, *, drill: bool, values: dict[str, Any]) -> Text:
    raw = _environment.get_template(f"{template}.txt").render(**values)
    first, _, rest = raw.partition("\n")
    if first.startswith(SUBJECT):
        subject, body = first.removeprefix(SUBJECT).strip(), rest
    else:
        subject, body = "Callout", raw
    mark = DRILL if drill else ""
    return Text(mark + to_gsm7(" ".join(body.split())), mark + to_gsm7(" ".join(subject.split())))


@cache
def names() -> tuple[str, ...]:
    """Every template."""
    return tuple(sorted(path.stem for path in TEMPLATES.glob("*.txt")))


@cache
def fields(template: str) -> frozenset[str]:
    """The placeholders of a template."""
    return frozenset(meta.find_undeclared_variables(_environment.parse(_source(template))))


@cache
def naming(field: str) -> tuple[str, ...]:
    """The templates with a placeholder. A text in which its name doesn't even occur is not parsed: every start asks this."""
    return tuple(name for name in names() if field in _source(name) and field in fields(name))


def _source(template: str) -> str:
    return (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")


def forbidden_in(text: str) -> list[str]:
    """The words for the harm that a text holds."""
    return [found.group(0) for found in _FORBIDDEN.finditer(text)]


def lint_template(template: str) -> list[str]:
    """What a template must not hold: words for the harm, and placeholders for personal data."""
    return [*forbidden_in(_source(template)), *sorted(fields(template) & PERSONAL_PLACEHOLDERS)]


def short_name(name: str, limit: int) -> str:
    """A colleague's name in at most `limit` characters: whole, or with the last name as an initial, or cut."""
    plain = to_gsm7(name)
    if len(plain) <= limit:
        return plain
    first, *others = plain.split()
    shorter = f"{first} {others[-1][0]}." if others else first
    return shorter if len(shorter) <= limit else shorter[:limit].rstrip()
