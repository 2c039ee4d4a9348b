"""`when:` and `of:`: Common Expression Language, compiled once and type-checked against the incident's fields."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cel_expr_python import cel

from rules.incident import FIELDS

PREFIX = "incident."
OPENING, CLOSING = "([{", ")]}"
_WHERE = re.compile(r"<input>:(\d+):(\d+): (.*)")
_UNKNOWN = re.compile(r"undeclared reference to '([^']+)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '([^']+)'")
_EQUAL = re.compile(r"""incident\.type\s*==\s*(?:"([^"\\]*)"|'([^'\\]*)')""")
_AMONG = re.compile(r"incident\.type\s+in\s+\[([^\]]*)\]")
_AMONG_WORDS = re.compile(r"""incident\.type\s+in\s+\[\s*("[^"\\]*"|'[^'\\]*')(\s*,\s*("[^"\\]*"|'[^'\\]*'))*\s*\]""")
_NAMES = re.compile(r"incident\s*\.\s*([a-z_]+)")
_QUOTED = re.compile(r"""["']([^"']*)["']""")


class ExpressionFault(ValueError):
    """An expression that can't be used: what is wrong, where in it, and what would be right."""

    def __init__(self, problem: str, expected: str, *, line: int = 1, column: int = 1) -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Verdict:
    """What an expression says of an incident. `error`: it could not say, so it does not match."""

    matched: bool
    error: str | None = None


@dataclass(frozen=True)
class Expression:
    """A compiled expression. Safe to use from several threads: evaluating keeps nothing."""

    text: str
    compiled: cel.Expression
    fields: frozenset[str]
    """Those that it names: handing over every one costs more than judging."""
    types: frozenset[str]
    """Those for which alone it can hold; empty: any."""

    def judge(self, facts: Mapping[str, Any]) -> Verdict:
        """Whether it holds for these facts (names without `incident.`)."""
        found = self.compiled.eval(data={PREFIX + name: facts[name] for name in self.fields})
        value = found.value()
        if isinstance(value, bool):
            return Verdict(value)
        return Verdict(False, str(value).removeprefix("NOT_FOUND: "))


@cache
def _environment() -> cel.Env:
    simple = {
        "string": cel.Type.STRING,
        "int": cel.Type.INT,
        "bool": cel.Type.BOOL,
        "timestamp": cel.Type.TIMESTAMP,
        "list(string)": cel.Type.List(cel.Type.STRING),
        "map(string, dyn)": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    }
    return cel.NewEnv(variables={PREFIX + name: simple[kind] for name, kind in FIELDS.items()})


def compile_expression(text: str) -> Expression:
    """An expression ready to judge with. Raises ExpressionFault."""
    try:
        compiled = _environment().compile(text)
    except RuntimeError as error:
        raise _explained(str(error)) from None
    if compiled.return_type() != cel.Type.BOOL:
        raise ExpressionFault(
            f"it gives {compiled.return_type()}, not true or false", "a comparison such as incident.hour >= 20"
        )
    return Expression(text, compiled, fields_named(text), types_required(text))


def constant(expression: Expression) -> bool | None:
    """What an expression says of every incident, when it asks about none of its fields or is false whatever they are."""
    if PREFIX not in expression.text:
        value = expression.compiled.eval(data={}).value()
        return value if isinstance(value, bool) else False
    # Without any field a value still comes out where the fields can't matter, as in `false && incident.drill`.
    value = expression.compiled.eval(data={}).value()
    return value if isinstance(value, bool) else None


def types_named(text: str) -> frozenset[str]:
    """The incident types that an expression asks for by name."""
    equal = {double or single for double, single in _EQUAL.findall(text)}
    return frozenset(equal | {word for inside in _AMONG.findall(text) for word in _QUOTED.findall(inside)})


def fields_named(text: str) -> frozenset[str]:
    """The fields that an expression may ask about. A comment could part a name, so then it is every one."""
    return frozenset(FIELDS if "//" in text else FIELDS.keys() & _NAMES.findall(text))


def types_required(text: str) -> frozenset[str]:
    """The only incident types for which an expression can hold, as far as its outermost shape tells; empty: any.

    A conjunction holds only where each of its parts does, and an alternative only where one of them does. A comment could
    hide a sign, and is not looked into.
    """
    if "//" in text or len(list(parts_of(text, "?"))) > 1:
        return frozenset()
    alternatives = [_required(part) for part in parts_of(text, "||")]
    return frozenset().union(*alternatives) if all(alternatives) else frozenset()


def _required(conjunction: str) -> frozenset[str]:
    for part in parts_of(conjunction, "&&"):
        if _EQUAL.fullmatch(part.strip()) or _AMONG_WORDS.fullmatch(part.strip()):
            return types_named(part)
    return frozenset()


def parts_of(text: str, sign: str) -> Iterator[str]:
    """The parts between a sign that stands outside brackets and quotes."""
    depth, quote, start, place = 0, "", 0, 0
    while place < len(text):
        character = text[place]
        if quote:
            place += character == "\\"
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in OPENING:
            depth += 1
        elif character in CLOSING:
            depth -= 1
        elif depth == 0 and text.startswith(sign, place):
            yield text[start:place]
            place += len(sign) - 1
            start = place + 1
        place += 1
    yield text[start:]


def _explained(message: str) -> ExpressionFault:
    where = _WHERE.search(message)
    line, column = (int(where[1]), int(where[2])) if where else (1, 1)
    said = where[3].split(" (in container")[0] if where else message.splitlines()[0]
    unknown = _UNKNOWN.search(message)
    if unknown:
        name = unknown[1].removeprefix(PREFIX)
        near = difflib.get_close_matches(name, FIELDS, n=1)
        known = f"{PREFIX}{near[0]}" if near else "one of " + ", ".join(PREFIX + field for field in FIELDS)
        return ExpressionFault(f"there is no field {unknown[1]}", known, line=line, column=column)
    overload = _OVERLOAD.search(message)
    if overload:
        operator = overload[1].strip("_")
        return ExpressionFault(
            f"{operator} can't compare {overload[2]}", "two values of the same type", line=line, column=column
        )
    return ExpressionFault(said, 'an expression such as incident.type == "fight"', line=line, column=column)
