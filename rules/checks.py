"""What a rulebook must not say, beyond the shape of its parts: names that lead nowhere, rules that never apply.

The document is read as it stands: a part that has the wrong shape hides no fault of another, and causes none.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rules.escalation import Step, Who
from rules.expression import ExpressionFault, compile_expression, constant
from rules.faults import Fault, Lines
from rules.reply import WORDS
from rules.sla import Deadline, MilestoneName

TRIAGE = "triage"
DUTY = "duty"
GSM_LABEL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -'&/().,")
_CHAIN = TypeAdapter(list[Step])
_DEADLINE = TypeAdapter(Deadline)


@dataclass(frozen=True)
class Document:
    """A rulebook's YAML values and their lines."""

    values: Mapping[str, Any]
    lines: Lines

    def fault(self, path: tuple[str | int, ...], problem: str, expected: str) -> Fault:
        """A fault of the node at a path."""
        parts = [str(part) for part in path]
        return Fault(line=self.lines.of(parts), field=".".join(parts), problem=problem, expected=expected)

    def entries(self, section: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The mappings in a list of the document, with their numbers."""
        found = self.values.get(section)
        for number, entry in enumerate(found if isinstance(found, list) else []):
            if isinstance(entry, dict):
                yield number, entry

    def named(self, section: str) -> Mapping[str, Any]:
        """The parts of a mapping of the document, by name."""
        found = self.values.get(section)
        return {str(name): part for name, part in found.items()} if isinstance(found, dict) else {}


def examine(document: Document, teams: Mapping[str, str | None] | None) -> list[Fault]:
    """Every such fault. `teams`: the partnership's teams with their localities; None: teams are not looked at."""
    faults = [
        *_expressions(document),
        *_ids(document),
        *_rules(document),
        *_pathways(document),
        *_hotspots(document),
    ]
    return faults if teams is None else [*faults, *_teams(document, teams)]


def _expressions(document: Document) -> Iterator[Fault]:
    for section, key in (("rules", "when"), ("patterns", "of")):
        for number, entry in document.entries(section):
            text = entry.get(key)
            if isinstance(text, str) and text:
                yield from _expression(document, (section, number, key), text)


def _expression(document: Document, path: tuple[str | int, ...], text: str) -> Iterator[Fault]:
    try:
        compiled = compile_expression(text)
    except ExpressionFault as fault:
        start = document.lines.of(path)
        yield Fault(
            line=start + fault.line - 1 if start else None,
            field=".".join(map(str, path)),
            problem=f"{fault.problem} (column {fault.column} of the expression)",
            expected=fault.expected,
        )
        return
    if constant(compiled) is False:
        problem = "this can never be reached: the condition is false for every incident"
        yield document.fault(path, problem, "a condition that some incident fits")


def _ids(document: Document) -> Iterator[Fault]:
    for section, kind in (("rules", "rules"), ("patterns", "patterns")):
        seen = set[str]()
        for number, entry in document.entries(section):
            name = entry.get("id")
            if isinstance(name, str) and name in seen:
                yield document.fault((section, number, "id"), f"two {kind} are called {name}", "each id once")
            seen.add(str(name))


def _rules(document: Document) -> Iterator[Fault]:
    known = [*document.named("pathways"), TRIAGE]
    verdicts: dict[tuple[str, ...], str] = {}
    for number, rule in document.entries("rules"):
        opens = _strings(rule.get("then"))
        for place, name in opens:
            if name not in known:
                yield document.fault(("rules", number, "then", place), f"there is no pathway {name}", near(name, known))
        if not isinstance(rule.get("when"), str):
            continue
        same = (" ".join(rule["when"].split()), *sorted(name for _, name in opens))
        if same in verdicts:
            yield document.fault(
                ("rules", number, "when"),
                f"this rule can never decide anything: {verdicts[same]} asks and does the same",
                "another condition, or one rule less",
            )
        verdicts.setdefault(same, str(rule.get("id")))


def _pathways(document: Document) -> Iterator[Fault]:
    used = {name for _, rule in document.entries("rules") for _, name in _strings(rule.get("then"))}
    used |= {TRIAGE, str(document.named("hotspots").get("pathway"))}
    for slug, pathway in document.named("pathways").items():
        path = ("pathways", slug)
        if slug not in used:
            expected = f"a rule with then: [{slug}], or no such pathway"
            yield document.fault(path, "nobody uses this pathway", expected)
        if isinstance(pathway, dict):
            yield from _label(document, (*path, "sms_label"), pathway.get("sms_label"))
            yield from _outcomes(document, (*path, "outcomes"), pathway.get("outcomes"))
            yield from _deadlines(document, (*path, "sla"), pathway.get("sla"))
            yield from _chain(document, (*path, "escalation"), pathway.get("escalation"))


def _hotspots(document: Document) -> Iterator[Fault]:
    name, pathways = document.named("hotspots").get("pathway"), document.named("pathways")
    path = ("hotspots", "pathway")
    if not isinstance(name, str):
        return
    if name not in pathways:
        yield document.fault(path, f"there is no pathway {name}", near(name, list(pathways)))
    elif isinstance(pathways[name], dict) and "expires" not in pathways[name]:
        yield document.fault(
            path,
            f"{name} never expires, and work that is planned for a place must end by itself",
            f"expires in the pathway {name}, such as expires: 14d",
        )


def _label(document: Document, path: tuple[str, ...], label: Any) -> Iterator[Fault]:
    if isinstance(label, str) and not GSM_LABEL.issuperset(label):
        yield document.fault(
            path,
            "the label holds a placeholder or a character that makes a text cost twice",
            "plain letters such as Education response",
        )


def _outcomes(document: Document, path: tuple[str, ...], outcomes: Any) -> Iterator[Fault]:
    for place, word in _strings(outcomes):
        if word in WORDS:
            expected = "a word that is not a command, such as contact_made"
            yield document.fault((*path, str(place)), f"{word} is a word that texts act on", expected)


def _deadlines(document: Document, path: tuple[str, ...], sla: Any) -> Iterator[Fault]:
    known = list(document.named("calendars"))
    for name in MilestoneName:
        given = sla.get(name.value) if isinstance(sla, dict) else None
        try:
            named = _DEADLINE.validate_python(given).calendar_named if given is not None else None
        except ValidationError:
            continue
        if named and named not in known:
            yield document.fault((*path, name.value), f"there is no calendar {named}", near(named, known))


def _chain(document: Document, path: tuple[str, ...], chain: Any) -> Iterator[Fault]:
    if not isinstance(chain, list) or not chain:
        return
    last = chain[-1]
    if not isinstance(last, dict) or last.get("page") != Who.DUTY.value:
        yield document.fault(
            (*path, str(len(chain) - 1)),
            "the escalation does not end with the duty manager",
            "a last step such as {after: 30m, page: duty, by: [sms, voice, email], repeat: 30m}",
        )
    try:
        steps = _CHAIN.validate_python(chain)
    except ValidationError:
        return
    for number in range(1, len(steps)):
        if steps[number].after < steps[number - 1].after:
            yield document.fault(
                (*path, str(number), "after"),
                "this step comes before the one above it",
                f"at least {chain[number - 1]['after']}, counted from the opening of the task",
            )


def _teams(document: Document, teams: Mapping[str, str | None]) -> Iterator[Fault]:
    localities = sorted({locality for locality in teams.values() if locality})
    hospitals = [
        place["slug"]
        for _, place in document.entries("places")
        if place.get("kind") == "hospital" and isinstance(place.get("slug"), str)
    ]
    for slug, pathway in document.named("pathways").items():
        team = pathway.get("team") if isinstance(pathway, dict) else None
        if not isinstance(team, str):
            continue
        path = ("pathways", slug, "team")
        rest = team.replace("{locality}", "").replace("{place}", "")
        if "{" in rest or "}" in rest:
            yield document.fault(path, f"{team} holds an unknown placeholder", "{locality} or {place}")
            continue
        for name in sorted(_names(team, localities, hospitals)):
            if name not in teams and name != DUTY:
                yield document.fault(path, f"the partnership has no team {name}", near(name, [*teams, DUTY]))
    for number, place in document.entries("places"):
        locality = place.get("locality")
        if isinstance(locality, str) and locality not in localities:
            problem = f"the partnership has no locality {locality}"
            yield document.fault(("places", number, "locality"), problem, near(locality, localities))


def _names(template: str, localities: list[str], hospitals: list[str]) -> set[str]:
    by_locality = (
        {template.replace("{locality}", locality) for locality in localities}
        if "{locality}" in template
        else {template}
    )
    if "{place}" not in template:
        return by_locality
    return {name.replace("{place}", hospital) for name in by_locality for hospital in hospitals}


def _strings(value: Any) -> list[tuple[int, str]]:
    return [(n, part) for n, part in enumerate(value) if isinstance(part, str)] if isinstance(value, list) else []


def near(name: str, known: list[str]) -> str:
    """What was probably meant, else everything that could have been."""
    found = difflib.get_close_matches(name, known, n=1)
    return found[0] if found else "one of " + ", ".join(known) if known else "one that is defined"
