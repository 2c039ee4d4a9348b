"""The table that says what partners' codes mean here: `rules/books/code-lists.yaml`, or the file in CALLOUT_CODE_LISTS."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar, get_args

import yaml
from pydantic import BaseModel, Field, StringConstraints, ValidationError, model_validator

from api.feeds.mapping import Format, Mapping, Model
from rules.faults import from_pydantic, from_syntax, read_with_lines
from rules.incident import Slug, Word
from service.errors import Fault, Invalid, SettingsWrong

Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Table = TypeVar("Table", bound=Model)
_RANGE = re.compile(r"([A-Z])(\d\d)-([A-Z])(\d\d)")


class Meaning(Model):
    """What a code of an assault's method says: a type of its own, a weapon, or both."""

    type: Word | None = None
    weapon: Slug | None = None


class Istv(Model):
    """NHS Information Sharing to Tackle Violence: every row is an assault seen in an emergency department."""

    type: Word
    dates: Annotated[list[Format], Field(min_length=1)]
    methods: dict[str, Meaning] = Field(default={})
    locations: dict[str, Slug] = Field(default={})
    lawful_basis: Slug | None = None


class PoliceUk(Model):
    """police.uk: which crime types are taken, and as what. The others are passed over and counted."""

    types: dict[str, Word]
    lawful_basis: Slug | None = None


class Code(Model):
    """A code, a range of three-character categories such as X93-X95, or a beginning such as X99*; and what it means."""

    system: Text
    code: Text
    type: Word
    note: Text | None = None


class Excluded(Model):
    """A code that must never be taken as violence by others, and the words in which it is passed over."""

    system: Text
    code: Text
    why: Text


class Clinical(Model):
    """What hospitals' reason codes mean. The first entry that fits decides; one that excludes comes before all."""

    role: Slug
    setting: Slug | None = None
    lawful_basis: Slug | None = None
    systems: dict[Text, Annotated[list[Text], Field(min_length=1)]]
    codes: list[Code]
    exclude: list[Excluded] = Field(default=[])

    @model_validator(mode="after")
    def _systems_are_named(self) -> Self:
        entries: list[Code | Excluded] = [*self.codes, *self.exclude]
        for entry in entries:
            if entry.system not in self.systems:
                raise ValueError(
                    f"the system {entry.system} of code {entry.code} must be one of {', '.join(self.systems)}"
                )
        taken = [name.casefold() for names in self.systems.values() for name in names]
        twice = next((name for name in taken if taken.count(name) > 1), None)
        if twice:
            raise ValueError(f"the name {twice} must lead to one system")
        return self

    def system_of(self, name: str) -> str | None:
        """A coding system by one of the names under which partners send it."""
        folded = name.casefold()
        return next((s for s, names in self.systems.items() if folded in (n.casefold() for n in names)), None)

    def excluded(self, codings: Iterable[tuple[str, str]]) -> str | None:
        """Why codings, as (system, code), keep a report out; None where they don't."""
        given = list(codings)
        return next(
            (e.why for e in self.exclude for system, code in given if system == e.system and fits(e.code, code)), None
        )

    def meaning(self, codings: Iterable[tuple[str, str]]) -> tuple[Code, str] | None:
        """The first entry of the table that one of the codings fits, and that coding's code."""
        given = list(codings)
        return next(
            ((e, code) for e in self.codes for system, code in given if system == e.system and fits(e.code, code)), None
        )


class CodeLists(Model):
    """The whole table."""

    istv: Istv
    police_uk: PoliceUk
    clinical: Clinical
    csv: list[Mapping] = Field(default=[])

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = [mapping.name for mapping in self.csv]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"csv: the name {twice} must be given once")
        return self


def fits(entry: str, code: str) -> bool:
    """Whether a code is one that an entry of the table means. ICD-10's dots don't count."""
    plain = code.replace(".", "").upper()
    found = _RANGE.fullmatch(entry)
    if found:
        return plain[:1] == found[1] and plain[1:3].isdigit() and found[2] <= plain[1:3] <= found[4]
    wanted = entry.replace(".", "").upper()
    return plain.startswith(wanted[:-1]) if wanted.endswith("*") else plain == wanted


def load(path: Path) -> CodeLists:
    """The table in a file. Raises SettingsWrong, which names every fault with its line."""
    try:
        return read(path.read_text(encoding="utf-8"), CodeLists)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsWrong(f"CALLOUT_CODE_LISTS: can't read {path}: {reason}") from None
    except Invalid as refused:
        faults = "\n".join(f"  {fault.pointer}: {fault.detail}" for fault in refused.faults)
        raise SettingsWrong(f"CALLOUT_CODE_LISTS: {path} is refused\n{faults}") from None


def read(text: str, model: type[Table]) -> Table:
    """A model from YAML. Raises Invalid with the line, the field and what would be right."""
    try:
        document, lines = read_with_lines(text)
    except yaml.YAMLError as error:
        found = [from_syntax(error)]
    else:
        found = list(lines.repeated)
        try:
            table = model.model_validate(document)
        except ValidationError as error:
            found += from_pydantic(error.errors(), lines, lambda path: _names_at(model, path))
        else:
            if not found:
                return table
    faults = tuple(
        Fault("/" + f.field.replace(".", "/"), f"line {f.line}: {f.problem}; expected {f.expected}") for f in found
    )
    raise Invalid("the file is refused", faults)


def _names_at(model: Any, path: list[str | int]) -> list[str]:
    for part in path:
        found = model.model_fields.get(part) if isinstance(part, str) else None
        model = (_model_in(found.annotation) if found else model) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
