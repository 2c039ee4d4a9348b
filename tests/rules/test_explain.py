"""Why a rule applied or not, part by part; and the schema by which editors help to write one."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from rules import rulebook
from rules.explain import Explained, Part, explain
from rules.faults import read_yaml
from tests.rules.test_match import book, rule, values

BOOKS = Path(rulebook.__file__).parent / "books"


def said_of(when: str, **fields: Any) -> Explained:
    (said,) = explain(book(rule("r", when, "outreach")), values(**fields))
    return said


@pytest.mark.parametrize(
    ("when", "matched", "because"),
    [
        ('incident.type == "fight"', True, 'incident.type == "fight"'),
        ('incident.type == "theft"', False, 'incident.type == "theft"'),
        ('incident.type == "fight" && incident.hour < 6', False, "incident.hour < 6"),
        ('incident.type == "fight" && incident.hour > 6', True, "all of it holds"),
        ('incident.type == "theft" || incident.hour > 6', True, "incident.hour > 6"),
        ('incident.type == "theft" || incident.hour < 6', False, "none of it holds"),
        ('(incident.hour < 6 && incident.drill) || incident.type == "a && b"', False, "none of it holds"),
        ('incident.attributes.gone == "x"', False, "gone"),
    ],
)
def test_the_part_that_decided_is_named(when: str, matched: bool, because: str) -> None:
    said = said_of(when)
    assert said.matched is matched
    assert because in said.because


def test_every_part_is_told_with_what_it_says() -> None:
    said = said_of('incident.type == "fight" &&\n  incident.hour < 6 && incident.attributes.gone == "x"')
    assert said.parts == (
        Part('incident.type == "fight"', True),
        Part("incident.hour < 6", False),
        Part('incident.attributes.gone == "x"', None),
    )


def test_signs_inside_brackets_and_quotes_split_nothing() -> None:
    said = said_of('incident.type in ["a && b", "fight"] && ("||" == "||" || incident.drill)')
    assert [part.text for part in said.parts] == [
        'incident.type in ["a && b", "fight"]',
        '("||" == "||" || incident.drill)',
    ]
    assert said.matched


def test_the_schema_beside_the_books_is_the_languages_and_fits_the_shipped_one() -> None:
    written = json.loads((BOOKS / "rulebook.schema.json").read_text(encoding="utf-8"))
    assert written == rulebook.schema(), "run: callout rules schema > rules/books/rulebook.schema.json"
    source = (BOOKS / "bristol.yaml").read_text(encoding="utf-8")
    assert source.startswith("# yaml-language-server: $schema=rulebook.schema.json")
    validator = jsonschema_rs.validator_for(written)
    assert [error.message for error in validator.iter_errors(read_yaml(source))] == []
    spoilt = read_yaml(source.replace("priority: high", "prioritty: high", 1))
    assert not validator.is_valid(spoilt)
