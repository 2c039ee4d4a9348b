"""docs/guarantees.md names tests: each of them is there."""

import ast
import re
from pathlib import Path

TOP = Path(__file__).parent.parent
PAGE = (TOP / "docs" / "guarantees.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_holds_a_promise_is_there() -> None:
    missing = [
        f"{file}::{name}"
        for file, name in NAMED
        if not (TOP / file).is_file() or (name and name not in names_in(TOP / file))
    ]
    assert not missing
    assert len(NAMED) > 20


def test_every_promise_names_a_test() -> None:
    promised = PAGE.split("## What it promises")[1].split("## What it can't promise")[0]
    rows = [line for line in promised.splitlines() if line.startswith("| **")]
    assert rows
    assert not [row for row in rows if "`tests/" not in row]
