"""The partnership file: who takes part, in which teams, on which rotas, and who answers when nobody else does."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    model_validator,
)

from rules import rotation
from rules.durations import parse_duration, write_duration
from rules.faults import read_yaml
from rules.layers import AnySpec
from service.errors import Fault, Invalid
from service.numbers import ChannelOrder, Number, PhoneSpec, QuietHours

DUTY_TEAM = "duty"
LONGEST_NOTICE = timedelta(days=7)

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+$", max_length=254)]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("is not a time zone; an example is Europe/London") from None
    return name


def _clock(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return time.fromisoformat(value)
    except ValueError:
        raise ValueError(f'{value!r} is not a time of day such as "09:00"') from None


def _write_clock(value: time) -> str:
    return f"{value:%H:%M}"


TimeOfDay = Annotated[time, BeforeValidator(_clock), Field(strict=True), PlainSerializer(_write_clock, return_type=str)]


class Strict(BaseModel):
    """A part of the file: a field that it does not know is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _notice(value: Any) -> Any:
    if value is None or isinstance(value, time | timedelta):
        return value
    text = str(value)
    found = None if text == "off" else _clock(text) if ":" in text else parse_duration(text)
    if isinstance(found, timedelta) and found > LONGEST_NOTICE:
        raise ValueError(f"{text!r} is too long; at most {LONGEST_NOTICE.days} days before a shift")
    return found


def _write_notice(value: time | timedelta | None) -> str | None:
    if isinstance(value, timedelta):
        return write_duration(value)
    return _write_clock(value) if value else None


Notice = Annotated[
    time | timedelta | None,
    BeforeValidator(_notice),
    PlainSerializer(_write_notice, return_type=str | None),
]


class TeamSpec(Strict):
    """A team with its rota. One without a locality serves the whole partnership."""

    slug: Slug
    name: Name
    locality: Slug | None = None
    lead: Slug | None = None
    channels: tuple[str, ...] = Field(
        default=(), max_length=5, description="the team's own channels, as apprise writes addresses; they get copies"
    )
    rota: AnySpec


class WorkerSpec(Strict):
    """Somebody who can be paged."""

    slug: Slug
    name: Name
    phone: Number
    quiet: QuietHours | None = Field(default=None, description="the hours in which `phone` is left in peace")
    phones: tuple[PhoneSpec, ...] = Field(default=(), max_length=5, description="further numbers")
    email: Email | None = None
    channels: ChannelOrder = Field(default=(), description="which channel is tried first, and which after it")
    verified: bool = False
    notice: Notice = None

    @cached_property
    def numbers(self) -> tuple[PhoneSpec, ...]:
        """All of their numbers, `phone` first."""
        return (PhoneSpec(number=self.phone, quiet=self.quiet), *self.phones)


class DutySpec(Strict):
    """The duty manager: where every chain ends. With a rota the one on duty is paged, else the first who can be."""

    workers: Annotated[list[Slug], Field(min_length=1)]
    rota: AnySpec | None = None


class DailySpec(Strict):
    """At which hours of local time the service looks after the rotas by itself."""

    coverage: TimeOfDay = time(9)
    duty_list: TimeOfDay | None = None


class Partnership(Strict):
    """The whole file, checked: every name in it leads somewhere."""

    partnership: Slug
    timezone: Annotated[str, AfterValidator(_zone)] = "Europe/London"
    localities: dict[Slug, Name] = {}
    teams: Annotated[list[TeamSpec], Field(min_length=1)]
    workers: Annotated[list[WorkerSpec], Field(min_length=1)]
    duty: DutySpec
    daily: DailySpec = DailySpec()

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone that rotas, calendars and texts are in."""
        return ZoneInfo(self.timezone)

    @cached_property
    def team_by_slug(self) -> Mapping[str, TeamSpec]:
        """Teams by slug."""
        return {team.slug: team for team in self.teams}

    @cached_property
    def worker_by_slug(self) -> Mapping[str, WorkerSpec]:
        """Workers by slug."""
        return {worker.slug: worker for worker in self.workers}

    @cached_property
    def worker_by_phone(self) -> Mapping[str, WorkerSpec]:
        """Workers by each of their numbers in E.164."""
        return {phone.number: worker for worker in self.workers for phone in worker.numbers}

    @cached_property
    def _teams_by_worker(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for team in (*self.team_by_slug, DUTY_TEAM):
            for worker in self.members(team):
                found.setdefault(worker, []).append(team)
        return found

    @cached_property
    def locality_names(self) -> Mapping[str, str]:
        """What each locality is called; one without a name of its own is called by its slug."""
        slugs = dict.fromkeys(team.locality for team in self.teams if team.locality)
        return {slug: slug.replace("-", " ").title() for slug in slugs} | dict(self.localities)

    def locality_name(self, slug: str | None) -> str:
        """What a locality is called in a text; the partnership's whole area when there is none."""
        return self.locality_names.get(slug, slug) if slug else "City-wide"

    def team_name(self, slug: str) -> str:
        """What a team is called; the duty manager is a team of its own."""
        if slug == DUTY_TEAM:
            return "Duty manager"
        team = self.team_by_slug.get(slug)
        return team.name if team else slug

    def worker_name(self, slug: str) -> str:
        """What a worker is called; somebody who has left since is called by the slug."""
        worker = self.worker_by_slug.get(slug)
        return worker.name if worker else slug

    def team_for(self, template: str, *, locality: str | None, place: str | None) -> tuple[str, str | None]:
        """The team that a pathway's template names here, or the duty manager's with the reason why."""
        if "{locality}" in template and not locality:
            return DUTY_TEAM, "the locality could not be found from the report"
        if "{place}" in template and not place:
            return DUTY_TEAM, "the place is not one that the rulebook lists"
        slug = template.replace("{locality}", locality or "").replace("{place}", place or "")
        if slug == DUTY_TEAM or slug in self.team_by_slug:
            return slug, None
        return DUTY_TEAM, f"the partnership has no team {slug}"

    def members(self, team: str, day: date | None = None) -> list[str]:
        """Everybody in a team: its rota, then its lead. Those who have left the rota by a day are left out."""
        if team == DUTY_TEAM:
            return list(self.duty.workers)
        spec = self.team_by_slug.get(team)
        if spec is None:
            return []
        rota = spec.rota.members(day) if day else spec.rota.workers
        found = dict.fromkeys([*rota, *([spec.lead] if spec.lead else [])])
        return [slug for slug in found if slug in self.worker_by_slug]

    def teams_of(self, worker: str) -> list[str]:
        """The teams that a worker serves in or leads, the duty manager's included."""
        return self._teams_by_worker.get(worker, [])

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> Self:
        faults = [
            *_repeated("teams", [t.slug for t in self.teams]),
            *_repeated("workers", [w.slug for w in self.workers]),
        ]
        faults += _repeated("workers", [phone.number for worker in self.workers for phone in worker.numbers])
        if any(team.slug == DUTY_TEAM for team in self.teams):
            faults.append(f'teams: "{DUTY_TEAM}" is the duty manager\'s own name; call the team something else')
        known = {worker.slug for worker in self.workers}
        faults += [f"{where}: nobody here is called {slug!r}" for where, slug in self._mentions() if slug not in known]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _mentions(self) -> Iterator[tuple[str, str]]:
        for team in self.teams:
            yield from ((f"team {team.slug}, rota", slug) for slug in team.rota.staying)
            if team.lead:
                yield f"team {team.slug}, lead", team.lead
        yield from (("duty", slug) for slug in self.duty.workers)
        if self.duty.rota:
            yield from (("duty, rota", slug) for slug in self.duty.rota.staying)


def _repeated(where: str, values: list[str]) -> list[str]:
    return [f"{where}: {value} is there twice" for value, times in Counter(values).items() if times > 1]


def read_partnership(text: str) -> Partnership:
    """A partnership from YAML or JSON text. Raises Invalid, which says where each fault is."""
    try:
        document = read_yaml(text)
    except yaml.YAMLError as error:
        raise Invalid(f"the partnership file is not YAML: {error}") from None
    return check_partnership(document)


def check_partnership(document: Any) -> Partnership:
    """A partnership from plain values. Raises Invalid, which says where each fault is."""
    if not isinstance(document, dict):
        raise Invalid("the partnership file must be a mapping with partnership, teams, workers and duty")
    try:
        return Partnership.model_validate(document)
    except ValidationError as error:
        faults = tuple(Fault("/" + "/".join(map(str, e["loc"])), _plain(e["msg"])) for e in error.errors())
        raise Invalid("the partnership is refused: " + faults[0].detail, faults) from None


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def differences(old: Partnership | None, new: Partnership) -> list[str]:
    """What applying `new` changes, a line each."""
    lines: list[str] = []
    for kind, before, after in (
        ("team", old.team_by_slug if old else {}, new.team_by_slug),
        ("worker", old.worker_by_slug if old else {}, new.worker_by_slug),
    ):
        lines += [f"{kind} {slug}: added" for slug in after if slug not in before]
        lines += [f"{kind} {slug}: removed" for slug in before if slug not in after]
        for slug in after:
            if slug in before and before[slug] != after[slug]:
                was, now = before[slug].model_dump(), after[slug].model_dump()
                changed = ", ".join(field for field in now if was[field] != now[field])
                lines.append(f"{kind} {slug}: changed ({changed})")
    for field in ("partnership", "timezone", "localities", "duty", "daily"):
        if old is None or getattr(old, field) != getattr(new, field):
            lines.append(f"{field}: {'changed' if old else 'set'}")
    return lines


def moved_duties(old: Partnership, new: Partnership, now: datetime) -> list[str]:
    """A line for each team in which another worker is on call at once, by the rotas alone: taking somebody out of the
    middle of a rotation moves everybody's turn."""
    lines = []
    for slug, team in new.team_by_slug.items():
        before = old.team_by_slug.get(slug)
        if before is None or before.rota == team.rota:
            continue
        was, now_on = (
            next(iter(rotation.on_call(rota, [], at=now, zone=zone)), "nobody")
            for rota, zone in ((before.rota, old.zone), (team.rota, new.zone))
        )
        if was != now_on:
            lines.append(f"team {slug}: {now_on} is on call now, and {was} was")
    return lines
