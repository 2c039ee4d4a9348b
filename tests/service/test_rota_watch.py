"""The watch over rotas: looked at every day and after every change, and said to whoever can do something."""

from datetime import timedelta

import pytest
from sqlmodel import select

from rules.rotation import Override, OverrideKind
from service.engine import Engine
from service.flows import errands, rostering
from service.flows.actions import Scope
from service.models.audit import AuditEntry
from service.models.rotas import RotaGap
from service.records import boards, people, rota_watch
from service.runtime import Runtime
from tests.service.test_deadlines import text, texts_to

SCOPE = Scope(actor="tests")
TEAM = "education-inclusion-south"
HOUR = timedelta(hours=1)


@pytest.fixture
def engine(runtime: Runtime) -> Engine:
    """An engine that has looked at every rota once, and moves only when the test says so."""
    engine = Engine(runtime)
    engine.advance(timedelta(seconds=1))
    return engine


def entries(runtime: Runtime, action: str) -> list[AuditEntry]:
    with runtime.reading() as work:
        return list(work.session.exec(select(AuditEntry).where(AuditEntry.action == action)))


def take_off(runtime: Runtime, begins: timedelta, lasts: timedelta) -> None:
    """Nobody is on call for the team for a while: everybody of its rota is taken off it."""
    now = runtime.clock.now()
    for worker in ("amina", "ben"):
        with runtime.reading() as work:
            on = people.on_call(work, TEAM, now + begins)
        if worker in on:
            change = Override(
                kind=OverrideKind.REMOVE, worker=worker, starts_at=now + begins, ends_at=now + begins + lasts
            )
            rostering.override(runtime, SCOPE, TEAM, change)


def open_now(runtime: Runtime) -> list[RotaGap]:
    with runtime.reading() as work:
        return list(rota_watch.open_gaps(work))


def on_board(runtime: Runtime, *localities: str) -> list[str]:
    with runtime.reading() as work:
        return [gap["team_name"] for gap in boards.board(work, localities, None)["gaps"]]


def gap_texts(runtime: Runtime, worker: str) -> list[str]:
    return [words for words in texts_to(runtime, worker) if words.startswith("Nobody ")]


def test_the_rotas_are_looked_at_at_once_and_then_every_day_at_the_same_hour(runtime: Runtime, engine: Engine) -> None:
    engine.advance(timedelta(days=2))
    with runtime.reading() as work:
        zone = work.partnership.zone
    times = [f"{entry.at.astimezone(zone):%H:%M}" for entry in entries(runtime, "coverage.checked")]
    assert times[1:] == ["09:00"] * 2
    assert open_now(runtime) == []


def test_a_gap_is_told_to_the_lead_at_once_daily_and_to_the_duty_manager_when_it_is_near(
    runtime: Runtime, engine: Engine
) -> None:
    take_off(runtime, 40 * HOUR, 6 * HOUR)
    assert errands.run_due(runtime) == 1
    told = gap_texts(runtime, "grace")
    assert len(told) == 1
    assert told[0].startswith("Nobody on call for Education inclusion, South ")
    assert "COVER 1 for yourself" in told[0]
    assert gap_texts(runtime, "dana") == []
    assert on_board(runtime) == on_board(runtime, "south") == ["Education inclusion, South"]
    assert on_board(runtime, "north") == []
    engine.advance(35 * HOUR)
    before = len(gap_texts(runtime, "grace"))
    assert 2 <= before <= 3, "once a day"
    assert gap_texts(runtime, "dana") == []
    engine.advance(2 * HOUR)
    assert len(gap_texts(runtime, "dana")) == 1
    engine.advance(10 * HOUR)
    assert open_now(runtime) == []
    assert on_board(runtime) == []
    assert [entry.action for entry in entries(runtime, "coverage.gap_passed")]


def test_a_gap_further_away_than_three_days_is_told_when_it_comes_near(runtime: Runtime, engine: Engine) -> None:
    take_off(runtime, 100 * HOUR, 4 * HOUR)
    errands.run_due(runtime)
    assert open_now(runtime) == []
    engine.advance(27 * HOUR)
    assert gap_texts(runtime, "grace") == []
    engine.advance(2 * HOUR)
    assert len(gap_texts(runtime, "grace")) == 1


def test_a_gap_that_is_closed_disappears_and_whoever_was_told_hears_of_it(runtime: Runtime, engine: Engine) -> None:
    take_off(runtime, 30 * HOUR, 6 * HOUR)
    errands.run_due(runtime)
    with runtime.reading() as work:
        row = rota_watch.open_gaps(work)[0]
    change = Override(kind=OverrideKind.ADD, worker="chidi", starts_at=row.starts_at, ends_at=row.ends_at)
    rostering.override(runtime, SCOPE, TEAM, change)
    errands.run_due(runtime)
    assert open_now(runtime) == []
    assert texts_to(runtime, "grace")[-1].startswith("The gap is closed: Education inclusion, South, ")
    assert len(entries(runtime, "coverage.gap_closed")) == 1


def test_a_duty_that_nobody_can_answer_is_a_gap_from_now(runtime: Runtime, engine: Engine) -> None:
    for worker in ("amina", "ben", "grace"):
        text(runtime, worker, "off")
    errands.run_due(runtime)
    assert "COVER" in gap_texts(runtime, "dana")[0]
    assert gap_texts(runtime, "dana")[0].startswith("Nobody reachable for Education inclusion, ")
    text(runtime, "amina", "on")
    text(runtime, "ben", "on")
    errands.run_due(runtime)
    assert TEAM not in [row.team for row in open_now(runtime)]


def test_a_lead_covers_a_gap_by_text(runtime: Runtime, engine: Engine) -> None:
    text(runtime, "grace", "cover")
    assert texts_to(runtime, "grace")[-1].startswith("No gap is open that you can close.")
    take_off(runtime, 3 * HOUR, 6 * HOUR)
    errands.run_due(runtime)
    text(runtime, "amina", "cover education south")
    assert texts_to(runtime, "amina")[-1].startswith("No gap is open that you can close.")
    text(runtime, "grace", "COVER south")
    assert texts_to(runtime, "grace")[-1].startswith("You are on call for Education inclusion, South ")
    errands.run_due(runtime)
    assert open_now(runtime) == []
    with runtime.reading() as work:
        assert people.on_call(work, TEAM, work.now + 4 * HOUR) == ["grace"]
        assert people.on_call(work, TEAM, work.now + 10 * HOUR) != ["grace"]
    assert texts_to(runtime, "dana")[-1].startswith("The gap is closed: "), "the duty manager was told of it too"
    assert [entry.actor for entry in entries(runtime, "coverage.gap_covered")] == ["grace"]


def test_a_lead_puts_somebody_else_on_call_or_hears_why_not(runtime: Runtime, engine: Engine) -> None:
    take_off(runtime, 3 * HOUR, 6 * HOUR)
    errands.run_due(runtime)
    text(runtime, "grace", "cover 1 nobody")
    assert "nobody here is called that" in texts_to(runtime, "grace")[-1]
    text(runtime, "farah", "off")
    text(runtime, "grace", "cover 1 farah")
    assert "Farah Pattern is off call" in texts_to(runtime, "grace")[-1]
    text(runtime, "grace", "cover 1 chidi")
    assert texts_to(runtime, "grace")[-1].startswith("Chidi Instance is on call for ")
    assert texts_to(runtime, "chidi")[-1].startswith("Grace Sample put you on call for Education inclusion, South ")


def test_several_gaps_are_told_apart_by_their_numbers(runtime: Runtime, engine: Engine) -> None:
    now = runtime.clock.now()
    for team in ("education-inclusion-north", "education-inclusion-east-central"):
        with runtime.reading() as work:
            on = people.on_call(work, team, now + 5 * HOUR)
        change = Override(kind=OverrideKind.REMOVE, worker=on[0], starts_at=now + 5 * HOUR, ends_at=now + 7 * HOUR)
        rostering.override(runtime, SCOPE, team, change)
    errands.run_due(runtime)
    assert sorted(row.number for row in open_now(runtime)) == [1, 2]
    text(runtime, "grace", "cover")
    assert texts_to(runtime, "grace")[-1].startswith("Which gap? ")
    number = next(row.number for row in open_now(runtime) if row.team == "education-inclusion-north")
    text(runtime, "grace", f"cover {number}")
    errands.run_due(runtime)
    assert [row.team for row in open_now(runtime)] == ["education-inclusion-east-central"]
