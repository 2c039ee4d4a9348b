"""How a partner's own CSV becomes reports, as the partner's administrator writes it down in YAML."""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from api.feeds.times import ISO, checked_format
from rules.incident import IncidentReport, Person, Place, Slug, Word


class Model(BaseModel):
    """A part of the table: an unknown field is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


REPORT = tuple(
    name for name in IncidentReport.model_fields if name not in ("place", "people", "groups", "attributes", "drill")
)
TARGETS = (
    *REPORT,
    *(f"place.{name}" for name in Place.model_fields),
    *(f"people.{name}" for name in Person.model_fields),
    "groups",
)
WORD = re.compile(r"[a-z][a-z0-9_]{1,63}")
ATTRIBUTE = re.compile(r"attributes\.[a-z][a-z0-9_]{0,63}")


def _target(value: str) -> str:
    if value not in TARGETS and not ATTRIBUTE.fullmatch(value):
        raise ValueError(f"{value!r} must be one of {', '.join(TARGETS)} or attributes.NAME")
    return value


def _as_text(value: object) -> object:
    """YAML reads a bare 14 as a number; a cell is text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Target = Annotated[str, BeforeValidator(_target)]
Format = Annotated[str, BeforeValidator(checked_format)]
Column = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Cell = Annotated[str, BeforeValidator(_as_text), StringConstraints(max_length=8000)]


class Mapping(Model):
    """One layout: a file is known by having these columns. Columns that are not named stay out of the report.

    `columns` leads each to a target; two for `occurred_at` are put together, such as a date and a time. `values`
    translates what stands in them; a value that is not there is a fault. `references`: whether what people and groups are
    called becomes a pseudonym, or is one already.
    """

    name: Slug
    history: bool = False
    type: Word | None = None
    columns: Annotated[dict[Column, Target], Field(min_length=1)]
    constants: dict[Target, Cell] = {}
    values: dict[Target, dict[str, Cell]] = {}
    dates: Annotated[list[Format], Field(min_length=1)] = [ISO]
    references: Literal["pseudonyms", "as_given"] = "pseudonyms"

    @model_validator(mode="after")
    def _makes_reports(self) -> Self:
        led = list(self.columns.values())
        reached = {*led, *self.constants, *(["type"] if self.type else [])}
        for target in ("type", "occurred_at"):
            if target not in reached:
                raise ValueError(
                    f"nothing leads to {target}: it must be given by a column" + (" or as type" * (target == "type"))
                )
        for target in led:
            if target not in ("occurred_at", "groups") and led.count(target) > 1:
                raise ValueError(f"{target} is given by two columns; it must be given by one")
        fixed = {*self.constants, *(["type"] if self.type else [])}
        for target in sorted(fixed & set(led)):
            raise ValueError(f"{target} is given by a column and as a constant; it must be given by one")
        if "occurred_at" in fixed or "source_ref" in fixed:
            raise ValueError("occurred_at and source_ref differ from row to row: they must be given by columns")
        if any(target.startswith("people.") for target in reached) and not {"people.ref", "people.role"} <= reached:
            raise ValueError("somebody in a report must have people.ref and people.role")
        for word in self.values.get("type", {}).values():
            if not WORD.fullmatch(word):
                raise ValueError(f"values: the type {word!r} must be a word such as weapon_in_school")
        for target in self.values:
            if target not in led:
                raise ValueError(f"values: {target} must be given by a column")
        return self
