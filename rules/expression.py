"""`when:` and `of:`: Common Expression Language, compiled once and type-checked against the incident's fields."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cel_expr_python import cel

from rules.incident import FIELDS

PREFIX = "incident."
_WHERE = re.compile(r"<input>:(\d+):(\d+): (.*)")
_UNKNOWN = re.compile(r"undeclared reference to '([^']+)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '([^']+)'")
_EQUAL = re.compile(r"""incident\.type\s*==\s*(?:"([^"]*)"|'([^']*)')""")
_AMONG = re.compile(r"incident\.type\s+in\s+\[([^\]]*)\]")
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
    types: frozenset[str]

    def judge(self, facts: Mapping[str, Any]) -> Verdict:
        """Whether it holds for these facts (names without `incident.`)."""
        found = self.compiled.eval(data={PREFIX + name: value for name, value in facts.items()})
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
    return Expression(text, compiled, types_named(text))


def constant(expression: Expression) -> bool | None:
    """What an expression says of every incident, when it asks about none of its fields or is false whatever they are."""
    if PREFIX not in expression.text:
        value = expression.compiled.eval(data={}).value()
        return value if isinstance(value, bool) else False
    # Without any field a value still comes out where the fields can't matter, as in `false && incident.drill`.
    value = expression.compiled.eval(data={}).value()
    return value if isinstance(value, bool) else None


def types_named(text: str) -> frozenset[str]:
    """The incident types that an expression asks for by name, by which rules are found without trying each."""
    equal = {double or single for double, single in _EQUAL.findall(text)}
    return frozenset(equal | {word for inside in _AMONG.findall(text) for word in _QUOTED.findall(inside)})


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
