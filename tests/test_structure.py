"""The house: which room may know which, how large a room may be, and names that say nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
ROOMS = ("api", "service", "rules", "notifiers")
LONGEST_FILE = 320

# What each part may import of ours; whatever stands above it is not in its list.
MAY_IMPORT = {
    "rules": {"rules"},
    "notifiers": {"notifiers"},
    "service": {"service", "rules", "notifiers"},
    "api": {"api", "service", "rules", "notifiers"},
}
RULES_NEVER = {"fastapi", "sqlmodel", "sqlalchemy", "httpx", "twilio", "starlette"}
BELOW = {
    "service.models": {"service.records", "service.flows", "service.engine", "service.runtime", "service.cli"},
    "service.records": {"service.flows", "service.engine", "service.runtime", "service.cli"},
    "service.flows": {"service.engine", "service.cli"},
}
EMPTY_NAMES = {"utils", "helpers", "common", "misc", "manager", "core"}


def files() -> list[Path]:
    return [path for room in ROOMS for path in sorted((TOP / room).rglob("*.py"))]


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(TOP).with_suffix("").parts)


@pytest.mark.parametrize("path", files(), ids=module_of)
def test_nothing_points_back_up(path: Path) -> None:
    room = path.relative_to(TOP).parts[0]
    found = list(imports_of(path))
    ours = {name.split(".")[0] for name in found} & set(ROOMS)
    assert ours <= MAY_IMPORT[room]
    if room == "rules":
        assert not {name.split(".")[0] for name in found} & RULES_NEVER
    for part, above in BELOW.items():
        if module_of(path).startswith(part):
            assert not [name for name in found if any(name == up or name.startswith(up + ".") for up in above)]


@pytest.mark.parametrize("path", sorted((TOP / "service" / "flows").glob("*.py")), ids=module_of)
def test_a_flow_never_calls_another_flow(path: Path) -> None:
    # `actions.Scope` is a value, not a journey.
    others = {name for name in imports_of(path) if name.startswith("service.flows.")}
    assert others <= {"service.flows.actions", "service.flows.actions.Scope"}


@pytest.mark.parametrize("path", files(), ids=module_of)
def test_a_file_is_one_room(path: Path) -> None:
    if "migrations" not in path.parts:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def test_names_say_what_is_inside() -> None:
    ours = (
        path for path in TOP.rglob("*") if not any(part.startswith(".venv") for part in path.relative_to(TOP).parts)
    )
    named = [path for path in ours if path.stem in EMPTY_NAMES]
    assert not named
