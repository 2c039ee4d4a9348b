"""The rulebook: a partnership's policy as strict models, loaded and checked as a whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from rules import checks, safety
from rules.calendar import Calendar, CalendarSpec
from rules.durations import Duration
from rules.escalation import Step
from rules.faults import Fault, Lines, from_pydantic, from_syntax, read_with_lines, read_yaml
from rules.hotspots import PlacePolicy
from rules.incident import Slug, Word
from rules.places import KnownPlace
from rules.sla import Percent, SlaSpec

TRIAGE = "triage"
LONGEST_LABEL = 24
BASES = ["public_task", "vital_interests", "legal_obligation", "recognised_legitimate_interest"]


class Strict(BaseModel):
    """A part of the file: a field that it does not know is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _check_in(value: timedelta) -> timedelta:
    if not safety.SHORTEST <= value <= safety.LONGEST:
        raise ValueError("a check-in is asked for after 5m at the earliest and 12h at the latest, such as 45m")
    return value


# How long after taking the work, and after each SAFE, whoever goes out is asked whether they are safe.
CheckIn = Annotated[Duration, AfterValidator(_check_in)]


class Pathway(Strict):
    """A kind of response: its team, its deadlines, its outcomes and its chain of people."""

    title: Annotated[str, Field(min_length=1, max_length=80)]
    sms_label: Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL)]
    team: Annotated[str, Field(pattern=r"^[a-z0-9{][a-z0-9{}-]*$", max_length=80)]
    priority: Literal["critical", "high", "normal", "low"] = "normal"
    sla: SlaSpec
    warn_at: Percent = 75.0
    outcomes: Annotated[list[Slug], Field(min_length=1, max_length=20)]
    escalation: Annotated[list[Step], Field(min_length=1, max_length=20)]
    expires: Duration | None = None
    check_in: CheckIn | None = None

    @cached_property
    def snapshot(self) -> dict[str, Any]:
        """The pathway as plain values, to be kept with each task that is opened under it."""
        return self.model_dump(mode="json", by_alias=True)


class Rule(Strict):
    """When an incident fits, which pathways it opens. None: it is recorded, and nobody is asked to go."""

    id: Slug
    when: Annotated[str, Field(min_length=1, max_length=4000)]
    then: Annotated[list[str], Field(max_length=20)]
    reason: str | None = None


def _metres(value: Any) -> Any:
    if isinstance(value, str):
        number, unit = value.strip().lower().removesuffix("m").removesuffix("k"), value.strip().lower()[-2:]
        try:
            return float(number) * (1000 if unit == "km" else 1)
        except ValueError:
            raise ValueError(f"{value!r} is not a distance such as 400m or 1.5km") from None
    return value


class Pattern(Strict):
    """Incidents that recur at a place, in a group or for a person raise a derived incident."""

    id: Slug
    of: Annotated[str, Field(min_length=1, max_length=4000)]
    near: Annotated[
        float | None,
        BeforeValidator(_metres),
        Field(gt=0, le=50_000),
        WithJsonSchema({"type": ["string", "number"], "examples": ["400m", "1.5km"]}),
    ] = None
    same: Literal["place", "group", "person"] | None = None
    at_least: Annotated[int, Field(ge=2, le=1000)]
    window: Duration
    quiet: Duration | None = None
    raises: Word = Field(alias="raise")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.near is None) == (self.same is None):
            raise ValueError("give either near, such as 400m, or same: place, group or person")
        return self


class Duplicates(Strict):
    """When a second agency's report is of the same event."""

    window: Duration
    same: Annotated[list[Literal["place", "kind", "person"]], Field(min_length=1)] = ["place", "kind"]


class Bursts(Strict):
    """How many open tasks one worker is asked for at once: pages of the last `within` that nobody has answered. Past that the
    whole team is paged in place of the one on call."""

    at_most: Annotated[int, Field(ge=1, le=100)] = 4
    within: Duration = timedelta(minutes=10)


class Rulebook(Strict):
    """The whole policy."""

    rulebook: Slug
    title: str | None = None
    calendars: dict[str, CalendarSpec] = {}
    pathways: Annotated[dict[Slug, Pathway], Field(min_length=1)]
    rules: Annotated[list[Rule], Field(min_length=1, max_length=5000)]
    patterns: list[Pattern] = []
    hotspots: PlacePolicy | None = None
    places: list[KnownPlace] = []
    duplicates: Duplicates | None = None
    bursts: Bursts = Bursts()
    lawful_bases: list[Slug] = BASES

    def pathway(self, slug: str) -> Pathway:
        """A pathway; triage is there even in a book that does not write it down."""
        return DEFAULT_TRIAGE if slug == TRIAGE and TRIAGE not in self.pathways else self.pathways[slug]


DEFAULT_TRIAGE = Pathway.model_validate(
    {
        "title": "Triage by the duty manager",
        "sms_label": "Triage",
        "team": "duty",
        "priority": "normal",
        "sla": {"acknowledge": "30m", "complete": "24h"},
        "outcomes": ["handled", "passed_on", "no_action"],
        "escalation": [{"page": "duty", "by": ["sms", "email"], "repeat": "30m"}],
    }
)


class RulebookRefused(ValueError):
    """A rulebook with faults: it is refused whole."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


@dataclass(frozen=True)
class LoadedBook:
    """A rulebook without faults, and the text it was read from."""

    rulebook: Rulebook
    source: str

    def calendars_in(self, zone: ZoneInfo) -> dict[str, Calendar]:
        """Its calendars, in a time zone."""
        return {name: Calendar(spec, zone) for name, spec in self.rulebook.calendars.items()}


def load(text: str, *, read: Callable[[str], str]) -> LoadedBook:
    """A rulebook from its YAML; `read` gives a file that it names, such as its term dates. Raises RulebookRefused."""
    book, faults = _read(text, read)
    if book is None or faults:
        raise RulebookRefused(faults)
    return LoadedBook(book, text)


def check(text: str, *, read: Callable[[str], str], teams: Mapping[str, str | None] | None) -> list[Fault]:
    """Every fault in one run, in the order of their lines. `teams`: the partnership's teams with their localities;
    None when no partnership is known, and then teams are not looked at."""
    _, faults = _read(text, read)
    document = written(text)
    if document is not None:
        faults = faults + checks.examine(document, teams)
    unique = {(fault.line, fault.field, fault.problem): fault for fault in faults}
    return sorted(unique.values(), key=lambda fault: (fault.line or 0, fault.field))


def labels_in(document: checks.Document) -> dict[str, tuple[str, str]]:
    """The pathways' labels and priorities as they are written, whatever else may be wrong with them."""
    return {
        slug: (label, str(pathway.get("priority", "normal")))
        for slug, pathway in document.named("pathways").items()
        if isinstance(pathway, dict) and isinstance(label := pathway.get("sms_label"), str)
    }


def schema() -> dict[str, Any]:
    """The JSON Schema of the language, by which editors complete and underline. It knows shapes; `check` knows more."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Rulebook.model_json_schema(by_alias=True)}


def written(text: str) -> checks.Document | None:
    """What stands in a rulebook's text; None where that is no YAML, or no mapping."""
    try:
        values, lines = read_with_lines(text)
    except yaml.YAMLError:
        return None
    return checks.Document(values, lines) if isinstance(values, dict) else None


def _read(text: str, read: Callable[[str], str]) -> tuple[Rulebook | None, list[Fault]]:
    try:
        document, lines = read_with_lines(text)
    except yaml.YAMLError as error:
        return None, [from_syntax(error)]
    if not isinstance(document, dict):
        return None, [
            Fault(line=1, field="", problem="this is not a rulebook", expected="rulebook, pathways and rules")
        ]
    faults = list(lines.repeated) + _fetch_closures(document, lines, read)
    try:
        return Rulebook.model_validate(document), faults
    except ValidationError as error:
        return None, faults + from_pydantic(error.errors(), lines, _names_at)


def _fetch_closures(document: dict[str, Any], lines: Lines, read: Callable[[str], str]) -> list[Fault]:
    """Put the dates of a file that a calendar names in its place."""
    faults = []
    calendars = document.get("calendars")
    for name, calendar in calendars.items() if isinstance(calendars, dict) else ():
        if not isinstance(calendar, dict) or not isinstance(calendar.get("closed"), str):
            continue
        try:
            calendar["closed"] = read_yaml(read(calendar["closed"]))
        except (OSError, KeyError, yaml.YAMLError) as error:
            field = ["calendars", str(name), "closed"]
            problem = f"{calendar['closed']} can't be read: {getattr(error, 'strerror', None) or error}"
            calendar["closed"] = []
            faults.append(
                Fault(
                    line=lines.of(field),
                    field=".".join(field),
                    problem=problem,
                    expected="a list of dates, or a file of them beside the rulebook",
                )
            )
    return faults


def _names_at(path: list[str | int]) -> list[str]:
    """The field names that may stand at a path of the document."""
    model: Any = Rulebook
    for part in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            found = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
            # A part that is no field is a key or a number inside a mapping or a list of this model.
            model = _model_in(found.annotation) if found else model
        if model is None:
            return []
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [field.alias or name for name, field in model.model_fields.items()]
    return []


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
