"""Escalation: which step comes after which, after how long, and whom it pages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from rules.durations import Duration, parse_duration, write_duration

DEFAULT_REPEAT = timedelta(minutes=30)


class Who(StrEnum):
    """Whom a step pages."""

    ON_CALL = "on-call"
    BACKUP = "backup"
    LEAD = "lead"
    TEAM = "team"
    DUTY = "duty"


def _after(value: Any) -> timedelta:
    at_once = value in (0, "0", "0s", "0m", "PT0S", timedelta(0))
    return timedelta(0) if at_once else parse_duration(value)


Wait = Annotated[
    timedelta,
    BeforeValidator(_after),
    PlainSerializer(write_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["5m", "0"]}),
]


class Step(BaseModel):
    """One step of a chain. `after` counts from the opening of the task; `needs` is how many takers let it rest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Wait = timedelta(0)
    page: Who
    by: Annotated[list[Literal["sms", "voice", "email"]], Field(min_length=1)]
    repeat: Duration | None = None
    needs: Annotated[int, Field(ge=1, le=20)] = 1


@dataclass(frozen=True)
class NextStep:
    """The level that comes next, and how long from now."""

    level: int
    wait: timedelta


@dataclass(frozen=True)
class Chosen:
    """Whom a step pages now, and why, or why nobody."""

    workers: tuple[str, ...]
    reason: str


def following(steps: Sequence[Step], level: int) -> NextStep:
    """What comes after a level. The wait is the gap between the two steps' times, so that a step that was paged early
    by a PASS still gives the next person their full time. The last level comes again: a chain is never exhausted."""
    last = len(steps) - 1
    if level >= last:
        return NextStep(last, steps[last].repeat or DEFAULT_REPEAT)
    if level < 0:
        return NextStep(0, timedelta(0))
    return NextStep(level + 1, max(steps[level + 1].after - steps[level].after, timedelta(0)))


def recipients(
    step: Step,
    *,
    on_call: Sequence[str],
    backups: Sequence[str],
    lead: str | None,
    team: Sequence[str],
    duty: Sequence[str],
    declined: Collection[str],
    away: Collection[str],
) -> Chosen:
    """Whom a step pages. The duty manager's step pages somebody whatever was said before: the chain ends there."""
    if step.page is Who.DUTY:
        able = [worker for worker in duty if worker not in away]
        if able:
            return Chosen((able[0],), "duty manager")
        return Chosen(tuple(duty), "no duty manager can be reached, so all of them are paged")
    candidates = {
        Who.ON_CALL: on_call,
        Who.BACKUP: backups,
        Who.LEAD: [lead] if lead else [],
        Who.TEAM: team,
    }[step.page]
    able = [worker for worker in candidates if worker not in declined and worker not in away]
    if not able:
        return Chosen((), _why_nobody(step.page, candidates, declined, away))
    return Chosen(tuple(able) if step.page is Who.TEAM else (able[0],), step.page.value)


def _why_nobody(page: Who, candidates: Sequence[str], declined: Collection[str], away: Collection[str]) -> str:
    if not candidates:
        return {
            Who.ON_CALL: "nobody is on call for this team",
            Who.BACKUP: "the rota has no backup",
            Who.LEAD: "the team has no lead",
            Who.TEAM: "the team has no members",
        }[page]
    said = [
        f"{worker} {'passed' if worker in declined else 'is off or cannot be reached'}"
        for worker in candidates
        if worker in declined or worker in away
    ]
    return ", ".join(said)
