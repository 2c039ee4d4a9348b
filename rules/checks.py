"""What a rulebook must not say, beyond the shape of its parts: names that lead nowhere, rules that never apply."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rules.escalation import Who
from rules.expression import ExpressionFault, compile_expression, constant
from rules.faults import Fault, Lines
from rules.reply import WORDS

if TYPE_CHECKING:
    from rules.rulebook import Rulebook

TRIAGE = "triage"
DUTY = "duty"
GSM_LABEL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -'&/().,")


def of_parts(document: Any, lines: Lines) -> list[Fault]:
    """The expressions, wherever they stand: they are looked at even when other parts can't be read."""
    faults = []
    for section, key in (("rules", "when"), ("patterns", "of")):
        entries = document.get(section) if isinstance(document, dict) else None
        for number, entry in enumerate(entries if isinstance(entries, list) else []):
            text = entry.get(key) if isinstance(entry, dict) else None
            if isinstance(text, str):
                faults += _expression(text, [section, str(number), key], lines)
    return faults


def _expression(text: str, path: list[str], lines: Lines) -> list[Fault]:
    try:
        compile_expression(text)
    except ExpressionFault as fault:
        start = lines.of(path)
        line = start + fault.line - 1 if start else None
        problem = f"{fault.problem} (column {fault.column} of the expression)"
        return [Fault(line=line, field=".".join(path), problem=problem, expected=fault.expected)]
    return []


def of_whole(book: "Rulebook", lines: Lines, teams: Mapping[str, str | None] | None) -> list[Fault]:
    """What only the whole book shows."""
    return [*_rules(book, lines), *_patterns(book, lines), *_pathways(book, lines), *_teams(book, lines, teams)]


def _fault(lines: Lines, path: Iterable[str | int], problem: str, expected: str) -> Fault:
    parts = [str(part) for part in path]
    return Fault(line=lines.of(parts), field=".".join(parts), problem=problem, expected=expected)


def _rules(book: "Rulebook", lines: Lines) -> list[Fault]:
    faults, ids, verdicts = [], set[str](), dict[tuple[str, ...], str]()
    known = [*book.pathways, TRIAGE]
    for number, rule in enumerate(book.rules):
        if rule.id in ids:
            faults.append(_fault(lines, ("rules", number, "id"), f"two rules are called {rule.id}", "each id once"))
        ids.add(rule.id)
        for place, name in enumerate(rule.then):
            if name not in known:
                faults.append(
                    _fault(lines, ("rules", number, "then", place), f"there is no pathway {name}", _near(name, known))
                )
        faults += _unreachable(rule.when, ("rules", number, "when"), lines)
        same = (" ".join(rule.when.split()), *sorted(rule.then))
        if same in verdicts:
            faults.append(
                _fault(
                    lines,
                    ("rules", number, "when"),
                    f"this rule can never decide anything: {verdicts[same]} asks and does the same",
                    "another condition, or one rule less",
                )
            )
        verdicts.setdefault(same, rule.id)
    return faults


def _unreachable(text: str, path: tuple[str | int, ...], lines: Lines) -> list[Fault]:
    try:
        never = constant(compile_expression(text)) is False
    except ExpressionFault:
        return []
    problem = "this can never be reached: the condition is false for every incident"
    return [_fault(lines, path, problem, "a condition that some incident fits")] if never else []


def _patterns(book: "Rulebook", lines: Lines) -> list[Fault]:
    faults, ids = [], set[str]()
    for number, pattern in enumerate(book.patterns):
        if pattern.id in ids:
            faults.append(
                _fault(lines, ("patterns", number, "id"), f"two patterns are called {pattern.id}", "each id once")
            )
        ids.add(pattern.id)
        faults += _unreachable(pattern.of, ("patterns", number, "of"), lines)
    return faults


def _pathways(book: "Rulebook", lines: Lines) -> list[Fault]:
    faults = []
    used = {name for rule in book.rules for name in rule.then} | {TRIAGE}
    for slug, pathway in book.pathways.items():
        path = ("pathways", slug)
        if slug not in used:
            faults.append(
                _fault(lines, path, "nobody uses this pathway", f"a rule with then: [{slug}], or no such pathway")
            )
        if not GSM_LABEL.issuperset(pathway.sms_label):
            faults.append(
                _fault(
                    lines,
                    (*path, "sms_label"),
                    "the label holds a placeholder or a character that makes a text cost twice",
                    "plain letters such as Education response",
                )
            )
        for place, word in enumerate(pathway.outcomes):
            if word in WORDS:
                expected = "a word that is not a command, such as contact_made"
                faults.append(
                    _fault(lines, (*path, "outcomes", place), f"{word} is a word that texts act on", expected)
                )
        for name in ("acknowledge", "contact", "complete"):
            deadline = getattr(pathway.sla, name)
            named = deadline.calendar_named if deadline else None
            if named and named not in book.calendars:
                faults.append(
                    _fault(
                        lines, (*path, "sla", name), f"there is no calendar {named}", _near(named, list(book.calendars))
                    )
                )
        faults += _chain(pathway.escalation, (*path, "escalation"), lines)
    return faults


def _chain(steps: Any, path: tuple[str, ...], lines: Lines) -> list[Fault]:
    faults = []
    last = len(steps) - 1
    if steps[last].page is not Who.DUTY:
        faults.append(
            _fault(
                lines,
                (*path, last),
                "the escalation does not end with the duty manager",
                "a last step such as {after: 30m, page: duty, by: [sms, voice, email], repeat: 30m}",
            )
        )
    for number in range(1, len(steps)):
        if steps[number].after < steps[number - 1].after:
            faults.append(
                _fault(
                    lines,
                    (*path, number, "after"),
                    "this step comes before the one above it",
                    f"at least {steps[number - 1].after}, counted from the opening of the task",
                )
            )
    return faults


def _teams(book: "Rulebook", lines: Lines, teams: Mapping[str, str | None] | None) -> list[Fault]:
    if teams is None:
        return []
    faults = []
    localities = sorted({locality for locality in teams.values() if locality})
    hospitals = [place.slug for place in book.places if place.slug and place.kind == "hospital"]
    for slug, pathway in book.pathways.items():
        path = ("pathways", slug, "team")
        rest = pathway.team.replace("{locality}", "").replace("{place}", "")
        if "{" in rest or "}" in rest:
            faults.append(_fault(lines, path, f"{pathway.team} holds an unknown placeholder", "{locality} or {place}"))
            continue
        for name in sorted(_names(pathway.team, localities, hospitals)):
            if name not in teams and name != DUTY:
                problem = f"the partnership has no team {name}"
                faults.append(_fault(lines, path, problem, _near(name, [*teams, DUTY])))
    for number, place in enumerate(book.places):
        if place.locality not in localities:
            problem = f"the partnership has no locality {place.locality}"
            faults.append(_fault(lines, ("places", number, "locality"), problem, _near(place.locality, localities)))
    return faults


def _names(template: str, localities: list[str], hospitals: list[str]) -> set[str]:
    by_locality = (
        {template.replace("{locality}", locality) for locality in localities}
        if "{locality}" in template
        else {template}
    )
    if "{place}" not in template:
        return by_locality
    return {name.replace("{place}", hospital) for name in by_locality for hospital in hospitals}


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return near[0] if near else "one of " + ", ".join(known) if known else "one that is defined"
