"""The test page: a report of our own to a test number by the whole way of a page, and what is done when it gets lost."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from notifiers.base import Channel
from rules import handover
from rules.own_pathways import PAGES_DO_NOT_ARRIVE, REPORTS_NOT_TAKEN
from service.engine import Engine
from service.errors import SettingsWrong
from service.flows import errands as errand_flow
from service.flows import health, simulation, test_pages
from service.models.incidents import Incident, Purpose
from service.models.tasks import TaskState
from service.records import claims, reports, trials
from service.records.test_pages import Stands
from service.runtime import Runtime
from service.settings import Mode, Settings
from tests.conftest import sandbox_database
from tests.fakes.twilio import FakeTwilio
from tests.on_trial import NUMBER, SECOND, OnTrial, on_trial, silent_twilio
from tests.running import open_sandbox

DEADLINE = timedelta(seconds=185)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with silent_twilio() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def on_each(request: pytest.FixtureRequest, twilio: FakeTwilio, tmp_path: Path) -> Iterator[OnTrial]:
    """On each database."""
    with sandbox_database(request, request.param, tmp_path) as url, on_trial(url, twilio) as begun:
        yield begun


@pytest.fixture
def tested(sandbox_file: Path, twilio: FakeTwilio, tmp_path: Path) -> Iterator[OnTrial]:
    """On SQLite: what is tested knows no database."""
    shutil.copy(sandbox_file, tmp_path / "callout.db")
    with on_trial(f"sqlite:///{tmp_path}/callout.db", twilio) as begun:
        yield begun


def test_every_few_hours_a_report_is_posted_and_its_text_pages_nobody_and_counts_nowhere(on_each: OnTrial) -> None:
    with on_each.serve():
        text = on_each.begin()
        assert text.body.startswith("TEST ")
        assert "nothing to do" in text.body
        on_each.ends(text, "delivered")
        on_each.engine.advance(timedelta(hours=6))
        assert len(on_each.texts) == 2
        on_each.ends(on_each.texts[-1], "delivered")
        runtime = on_each.runtime
        assert {task.state for task in on_each.tasks(Purpose.TEST)} == {TaskState.CANCELLED}
        assert on_each.tasks(Purpose.WATCH) == []
        assert {text.to for text in on_each.twilio.texts} == {NUMBER}
        with runtime.reading() as work:
            assert reports.standing(work, ())["milestones"]["on_track"] == 0
            [kept] = {row.purpose for row in work.session.exec(select(Incident)).all()}
        assert kept == Purpose.TEST
        assert list(simulation.reported(runtime, start=None, end=None)) == []
        steps = on_each.stands().steps
        assert steps.posted
        assert steps.accepted
        assert steps.handed_over
        assert steps.receipt
        assert steps.posted < min(steps.accepted, steps.handed_over) < steps.receipt
        assert on_each.stands().seconds == (steps.receipt - steps.posted).total_seconds()
        figures = health.figures(runtime).decode()
        assert "callout_synthetic_failing 0.0" in figures
        assert "callout_synthetic_last_success_timestamp_seconds 1" in figures
        assert 'callout_synthetic_tests_total{result="arrived"} 2.0' in figures
        assert 'callout_synthetic_tests_total{result="lost"} 0.0' in figures
        assert 'callout_incidents_total{result="new"}' not in figures


def test_a_text_that_the_network_loses_is_told_at_once_by_other_ways_and_once(on_each: OnTrial) -> None:
    with on_each.serve():
        on_each.ends(on_each.begin(), "undelivered", ErrorCode="30005")
        [alarm] = on_each.tasks(Purpose.WATCH)
        assert alarm.pathway == PAGES_DO_NOT_ARRIVE
        rows = [row for row in on_each.written_for(alarm) if row.worker == "dana"]
        assert {row.channel for row in rows} == {"sms", "voice", "email"}
        texted = [claims.tries_of(row)[:1] for row in rows if row.channel == Channel.SMS]
        assert [handover.in_order(("twilio", "another"), tries)[0] for tries in texted] == ["another"]
        assert "30005" in (on_each.stands().why or "")
        since = on_each.stands().failing_since
        on_each.engine.advance(QUARTER)
        on_each.engine.advance(DEADLINE)
        assert len(on_each.texts) == 2
        assert on_each.tasks(Purpose.WATCH) == [alarm]
        assert on_each.stands().failing_since == since
        assert on_each.stands().why == "a test page did not arrive: no receipt came"
        on_each.engine.advance(QUARTER)
        on_each.ends(on_each.texts[-1], "delivered")
        assert [task.state for task in on_each.tasks(Purpose.WATCH)] == [TaskState.CANCELLED]
        assert on_each.stands().failing_since is None
        assert on_each.stands().worked_at is not None


def test_a_report_that_is_not_taken_is_an_outage_of_its_own(tested: OnTrial) -> None:
    tested.engine.advance(DEADLINE)
    assert tested.texts == []
    [alarm] = tested.tasks(Purpose.WATCH)
    assert alarm.pathway == REPORTS_NOT_TAKEN
    why = tested.stands().why or ""
    assert why.startswith(f"the report of a test page was not taken: {tested.address}/v1/incidents can't be reached")
    assert {row.channel for row in tested.written_for(alarm)} >= {"sms", "voice", "email"}
    figures = health.figures(tested.runtime).decode()
    assert 'callout_synthetic_tests_total{result="not_taken"} 1.0' in figures
    assert "callout_synthetic_failing 1.0" in figures
    with tested.serve():
        # Now the report is taken, and its text gets lost: something else, and so another alarm.
        tested.engine.advance(QUARTER)
        tested.ends(tested.texts[-1], "failed", ErrorCode="30008")
        first, second = tested.tasks(Purpose.WATCH)
        assert (first.state, second.pathway) == (TaskState.CANCELLED, PAGES_DO_NOT_ARRIVE)
        tested.engine.advance(QUARTER)
        tested.ends(tested.texts[-1], "delivered")
        assert {task.state for task in tested.tasks(Purpose.WATCH)} == {TaskState.CANCELLED}


def test_an_address_that_answers_something_else_has_not_taken_it(tested: OnTrial) -> None:
    elsewhere = replace(
        tested.runtime, settings=tested.runtime.settings.model_copy(update={"public_url": tested.twilio.url})
    )
    Engine(elsewhere).advance(DEADLINE)
    assert "answered 401 Unauthorized" in (tested.stands().why or "")


def test_a_report_is_posted_again_until_it_is_taken(tested: OnTrial) -> None:
    tested.engine.advance(15 * SECOND)
    with tested.serve():
        tested.engine.advance(trials.LONGEST_RETRY)
        tested.ends(tested.texts[-1], "delivered")
        assert tested.tasks(Purpose.WATCH) == []
        seconds = tested.stands().seconds
        assert seconds
        assert 15 < seconds < 60


def test_a_test_whose_engine_died_says_nothing_and_is_begun_anew(tested: OnTrial) -> None:
    with tested.runtime.reading() as work:
        assert work.test_page
        short = work.test_page.within
    with tested.serve():
        errand_flow.set_standing(tested.runtime)
        errand_flow.run_due(tested.runtime)
        with tested.runtime.transaction() as work:
            claimed = trials.claim(work)
            assert claimed
            # Until long after the test would be over.
            trials.keep(work, claimed.but(post_at=work.now + 2 * short), work.now + short)
        tested.engine.advance(short + SECOND)
        assert tested.tasks(Purpose.WATCH) == []
        assert len(tested.texts) == 1


def test_replicas_test_one_at_a_time(on_each: OnTrial) -> None:
    with on_each.serve():
        errand_flow.set_standing(on_each.runtime)
        threads = [threading.Thread(target=_round, args=(on_each.runtime,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with on_each.runtime.reading() as work:
            assert len(work.session.exec(select(Incident)).all()) == 1


def _round(runtime: Runtime) -> None:
    errand_flow.run_due(runtime)
    test_pages.post_due(runtime, threading.Event())


def test_switched_off_in_mid_outage_the_alarm_ends_and_the_gauges_go(tested: OnTrial) -> None:
    tested.engine.advance(DEADLINE)
    [alarm] = tested.tasks(Purpose.WATCH)
    assert alarm.state == TaskState.OPEN
    off = replace(tested.runtime, settings=tested.runtime.settings.model_copy(update={"synthetic_hours": 0}))
    Engine(off).advance(timedelta(hours=1))
    assert [task.state for task in tested.tasks(Purpose.WATCH)] == [TaskState.CANCELLED]
    assert tested.stands() == Stands()
    assert "callout_synthetic_failing " not in health.figures(off).decode()
    assert tested.texts == []


def test_without_the_setting_there_is_none(sandbox_file: Path, tmp_path: Path) -> None:
    shutil.copy(sandbox_file, tmp_path / "callout.db")
    built = open_sandbox(f"sqlite:///{tmp_path}/callout.db")
    Engine(built).advance(timedelta(days=1))
    with built.reading() as work:
        assert work.session.exec(select(Incident)).all() == []
    assert "callout_synthetic_failing " not in health.figures(built).decode()
    built.close()


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"synthetic_number": ""}, "CALLOUT_SYNTHETIC_NUMBER is not a telephone number"),
        ({"synthetic_number": "12"}, "CALLOUT_SYNTHETIC_NUMBER has too many or too few digits"),
        (
            {"synthetic_number": NUMBER, "mode": Mode.LIVE, "secret_key": "Zk3-" + "a8Jq0vP5xW" * 4},
            "CALLOUT_SYNTHETIC_HOURS is set, but no provider of texts is",
        ),
    ],
)
def test_a_wrong_setting_is_one_line(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingsWrong) as wrong:
        Settings(synthetic_hours=6, **given).checked()
    [line] = wrong.value.detail.splitlines()
    assert line.startswith(fault)
