"""What a head of service looks at costs the database no more with many teams than with few."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from service.flows import rota_feeds, setup, workers
from service.flows.actions import Scope
from service.models.rotas import ImportedShift
from service.partnership import DUTY_TEAM
from service.records import coverage, rotas
from service.runtime import Runtime
from service.work import Work
from tests.running import counted

SCOPE = Scope(actor="tests")
WEEK = timedelta(days=7)


def apply(runtime: Runtime, teams: int) -> None:
    """So many teams of two; everybody leads the next team."""
    every = range(2 * teams)
    document = {
        "partnership": "many",
        "teams": [
            {
                "slug": f"team-{n}",
                "name": f"Team {n}",
                "locality": f"area-{n}",
                "lead": f"w-{(2 * n + 2) % len(every)}",
                "rota": {
                    "rotation": "weekly",
                    "handover": "Mon 09:00",
                    "starts": "2026-01-05",
                    "workers": [f"w-{2 * n}", f"w-{2 * n + 1}"],
                },
            }
            for n in range(teams)
        ],
        "workers": [{"slug": f"w-{n}", "name": f"Worker {n}", "phone": f"+447700900{n:03}"} for n in every],
        "duty": {"workers": ["w-0"]},
    }
    setup.apply_partnership(runtime, json.dumps(document), actor="tests")


@pytest.mark.parametrize(
    "look",
    [
        lambda work: workers.listed(work, SCOPE),
        lambda work: rota_feeds.of_worker(work, SCOPE, "w-2"),
        lambda work: coverage.held(work, work.now, work.now + WEEK),
        lambda work: coverage.at_risk(work, work.now, work.now + WEEK),
        lambda work: coverage.gaps(work, work.now, work.now + WEEK),
    ],
)
def test_a_list_asks_no_more_for_many_teams_than_for_few(runtime: Runtime, look: Callable[[Work], object]) -> None:
    asked = []
    for teams in (2, 30):
        apply(runtime, teams)
        with counted(runtime) as statements, runtime.reading() as work:
            assert look(work) is not None
        asked.append(len(statements))
    few, many = asked
    assert many <= few


def test_a_workers_teams_are_those_that_they_serve_in_or_lead(runtime: Runtime) -> None:
    apply(runtime, 3)
    with runtime.reading() as work:
        told = {row["slug"]: row["teams"] for row in workers.listed(work, SCOPE)}
    assert told["w-0"] == ["team-0", "team-2", DUTY_TEAM]
    assert told["w-2"] == ["team-0", "team-1"]
    assert told["w-3"] == ["team-1"]


def test_a_workers_calendar_has_a_shift_that_another_teams_calendar_gives_them(runtime: Runtime) -> None:
    apply(runtime, 3)
    with runtime.transaction() as work:
        work.session.add(
            ImportedShift(
                team="team-2", layer="Nights", worker="w-3", starts_at=work.now, ends_at=work.now + timedelta(hours=8)
            )
        )
    with runtime.reading() as work:
        found = rotas.teams_with(work, "w-3", work.now - WEEK, work.now + WEEK)
        assert found == ["team-1", "team-2", DUTY_TEAM]
        later = work.now + 10 * WEEK
        assert rotas.teams_with(work, "w-3", later, later + WEEK) == ["team-1", DUTY_TEAM]
