"""What is wrong in a YAML file, with the line it stands on."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from pydantic_core import ErrorDetails

if TYPE_CHECKING:
    from yaml import SafeLoader
else:
    # LibYAML's parser where PyYAML was built with it, as in its wheels: it says the same, ten times as quickly.
    SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

DEEPEST = 40
MOST_NODES = 200_000


class PlainLoader(SafeLoader):
    """YAML in which only true and false are truth values, as in YAML 1.2: in 1.1 the key `on` would be one too."""


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def read_yaml(text: str) -> Any:
    """The values of a YAML document. Raises yaml.YAMLError."""
    return read_with_lines(text)[0]


def read_with_lines(text: str) -> tuple[Any, "Lines"]:
    """The values of a YAML document, and the lines that they stand on. Raises yaml.YAMLError, also for a document that
    nests deeper, or by its aliases holds more, than anybody writes: reading it would take the process down."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise yaml.YAMLError(f"character {error.start + 1} is half a character") from None
    _refuse_depth(text)
    loader = PlainLoader(text)
    try:
        root = loader.get_single_node()
        lines = Lines(root)
        return None if root is None else loader.construct_document(root), lines
    finally:
        loader.dispose()


def _refuse_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=PlainLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise _too_deep(event.start_mark)


def _too_deep(mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=f"it nests deeper than {DEEPEST} levels", problem_mark=mark)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: its line (from 1), the field as a dotted path, what is wrong, and what would be right."""

    line: int | None
    field: str
    problem: str
    expected: str


class Lines:
    """The lines of a YAML document's nodes, by their path of keys and numbers."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        self.repeated: list[Fault] = []
        if root is not None:
            self._walk(root, ())

    def _walk(self, node: yaml.Node, path: tuple[str, ...]) -> None:
        # An alias may lead back to what holds it, and a few of them multiply.
        if len(path) > DEEPEST:
            raise _too_deep(node.start_mark)
        if len(self._lines) > MOST_NODES:
            problem = f"it holds more than {MOST_NODES:,} values"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                line = key.start_mark.line + 1
                if name in seen:
                    where = ".".join((*path, name))
                    self.repeated.append(
                        Fault(line=line, field=where, problem=f"{name} is there twice", expected="each name once")
                    )
                seen.add(name)
                self._lines[(*path, name)] = line
                self._walk(value, (*path, name))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self._walk(value, (*path, str(number)))

    def written(self, path: Sequence[str | int]) -> list[str | int]:
        """The longest beginning of a path that stands in the document."""
        parts = list(path)
        while parts and tuple(map(str, parts)) not in self._lines:
            parts.pop()
        return parts

    def of(self, path: Sequence[str | int]) -> int | None:
        """The line of a node, or of the nearest node around it that exists."""
        return self._lines.get(tuple(map(str, self.written(path))))


def from_syntax(error: yaml.YAMLError) -> Fault:
    """A document that can't be read at all."""
    mark = getattr(error, "problem_mark", None)
    return Fault(
        line=mark.line + 1 if mark else None,
        field="",
        problem=f"this is not YAML: {getattr(error, 'problem', None) or error}",
        expected="YAML, indented by spaces",
    )


def from_pydantic(errors: Iterable[ErrorDetails], lines: Lines, known: Any) -> list[Fault]:
    """What Pydantic found, in plain words. `known(path)` gives the field names that may stand at a path."""
    return [_plain(error, lines, known) for error in errors]


def _plain(error: ErrorDetails, lines: Lines, known: Any) -> Fault:
    path = [part for part in error["loc"] if not _is_branch(part)]
    if error["type"] != "missing":
        # A shorthand such as `acknowledge: 30m` has parts that nobody wrote.
        path = lines.written(path)
    field = ".".join(map(str, path))
    line = lines.of(path)
    message = error["msg"].removeprefix("Value error, ")
    match error["type"]:
        case "extra_forbidden":
            names = known(path[:-1])
            near = difflib.get_close_matches(str(path[-1]), names, n=1)
            expected = near[0] if near else "one of " + ", ".join(names)
            return Fault(line=line, field=field, problem=f"there is no field {path[-1]}", expected=expected)
        case "missing":
            return Fault(line=line, field=field, problem=f"{path[-1]} is missing", expected=f"a value for {path[-1]}")
        case "literal_error" | "enum":
            given = error["input"]
            expected = str((error.get("ctx") or {}).get("expected", "another value")).replace("'", "")
            return Fault(line=line, field=field, problem=f"{given!r} is not known here", expected=expected)
        case "value_error":
            return Fault(line=line, field=field, problem=message, expected=_after_such_as(message))
        case _:
            return Fault(line=line, field=field, problem=f"{error['input']!r}: {message}"[:300], expected=message)


def _is_branch(part: str | int) -> bool:
    """Whether a part of a location names a branch of a union or a validator, and no key of the document."""
    return isinstance(part, str) and ("[" in part or "(" in part)


def _after_such_as(message: str) -> str:
    for sign in ("such as ", "must be ", "is not ", "must "):
        _, found, rest = message.partition(sign)
        if found:
            return rest
    return message
