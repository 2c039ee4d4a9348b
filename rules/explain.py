"""Why a rule applied to an incident or not: each part of its condition, and which of them decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rules.expression import ExpressionFault, compile_expression, parts_of
from rules.rulebook import Rulebook


@dataclass(frozen=True)
class Part:
    """A part of a condition, and what it says of an incident; None when it could not say."""

    text: str
    holds: bool | None


@dataclass(frozen=True)
class Explained:
    """One rule over one incident. `because` is the part that decided."""

    rule: str
    matched: bool
    opens: tuple[str, ...]
    parts: tuple[Part, ...]
    because: str


def explain(book: Rulebook, facts: Mapping[str, Any]) -> list[Explained]:
    """Every rule of a book, in its order."""
    return [_explained(rule.id, rule.when, tuple(rule.then), facts) for rule in book.rules]


def _explained(name: str, when: str, opens: tuple[str, ...], facts: Mapping[str, Any]) -> Explained:
    verdict = compile_expression(when).judge(facts)
    sign = next((sign for sign in ("||", "&&") if len(list(parts_of(when, sign))) > 1), "&&")
    parts = tuple(Part(" ".join(text.split()), _holds(text, facts)) for text in parts_of(when, sign))
    decided = next((part.text for part in parts if part.holds is (sign == "||")), None)
    all_alike = "all of it holds" if verdict.matched else "none of it holds"
    because = verdict.error or decided or (parts[0].text if len(parts) == 1 else all_alike)
    return Explained(name, verdict.matched, opens, parts, because)


def _holds(text: str, facts: Mapping[str, Any]) -> bool | None:
    try:
        verdict = compile_expression(text).judge(facts)
    except ExpressionFault:
        return None
    return None if verdict.error else verdict.matched
