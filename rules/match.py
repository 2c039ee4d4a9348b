"""Incident → decisions, each with the reason it was taken."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rules.expression import Expression, compile_expression, types_named
from rules.incident import IncidentReport
from rules.rulebook import TRIAGE, LoadedBook, Rule, Rulebook


@dataclass(frozen=True)
class Decision:
    """What a rule decided. No rule: nothing matched. No pathway: it is recorded only."""

    rule: str | None
    pathway: str | None
    reason: str


class Judge:
    """A rulebook's rules, compiled once and found by the incident types for which alone they can hold."""

    def __init__(self, book: Rulebook) -> None:
        self._by_type: defaultdict[str, list[tuple[int, Rule, Expression]]] = defaultdict(list)
        self._any_type: list[tuple[int, Rule, Expression]] = []
        self._named = {name for rule in book.rules for name in types_named(rule.when)}
        for number, rule in enumerate(book.rules):
            expression = compile_expression(rule.when)
            entry = (number, rule, expression)
            for name in expression.types:
                self._by_type[name].append(entry)
            if not expression.types:
                self._any_type.append(entry)

    def judge(self, facts: Mapping[str, Any]) -> list[Decision]:
        """Every rule that matches decides; two for the same pathway open it once. No match: triage, with the reason."""
        asked = sorted([*self._by_type.get(facts["type"], ()), *self._any_type], key=lambda entry: entry[0])
        found: dict[str | None, Decision] = {}
        failed = []
        for _, rule, expression in asked:
            verdict = expression.judge(facts)
            if not verdict.matched:
                failed.append(f"{rule.id} ({verdict.error})" if verdict.error else rule.id)
                continue
            reason = f"rule {rule.id} matched" + (f": {rule.reason}" if rule.reason else "")
            for pathway in rule.then or [None]:
                earlier = found.get(pathway)
                if earlier is None:
                    found[pathway] = Decision(rule.id, pathway, reason)
                else:
                    found[pathway] = Decision(earlier.rule, pathway, f"{earlier.reason}; {reason}")
        if found:
            return list(found.values())
        known = f"rules for {facts['type']} exist, but none applies: " + ", ".join(failed)
        unknown = f"no rule knows the type {facts['type']}"
        return [Decision(None, TRIAGE, known if facts["type"] in self._named else unknown)]


def unknown_basis(report: IncidentReport, book: LoadedBook) -> str | None:
    """What is wrong with a report's lawful basis; None when it is not given or is one of the rulebook's."""
    allowed = book.rulebook.lawful_bases
    if report.lawful_basis is None or report.lawful_basis in allowed:
        return None
    return f"{report.lawful_basis!r} is not in the rulebook's list: {', '.join(allowed)}"
