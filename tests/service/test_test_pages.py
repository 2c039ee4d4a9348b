"""The test page: a report of our own to a test number by the whole way of a page, and what is done when it gets lost."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from notifiers.base import Channel
from rules import handover
from rules.own_pathways import PAGES_DO_NOT_ARRIVE, REPORTS_NOT_TAKEN
from service.engine import Engine
from service.errors import SettingsWrong
from service.flows import errands as errand_flow
from service.flows import health, simulation, test_pages
from service.models.errands import ErrandKind
from service.models.incidents import Incident, Purpose
from service.models.outbox import OutboxMessage
from service.models.tasks import Task, TaskState
from service.records import claims, errands, reports, trials
from service.records.test_pages import Stands, standing
from service.records.trials import Trial
from service.runtime import Runtime
from service.settings import Mode, Settings
from tests.conftest import sandbox_database
from tests.fakes.twilio import FakeTwilio, Text, running_twilio
from tests.running import free_port, open_sandbox, served

NUMBER = "+447700900990"
SECOND, DEADLINE = timedelta(seconds=1), timedelta(seconds=185)
QUARTER = timedelta(minutes=15)


@dataclass
class OnTrial:
    """A sandbox that tests itself every six hours, by a Twilio that says of a text only what a test lets it say."""

    runtime: Runtime
    twilio: FakeTwilio
    port: int
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = Engine(self.runtime)

    @property
    def address(self) -> str:
        return self.runtime.settings.public_url

    def serve(self) -> AbstractContextManager[str]:
        """Let its public address be answered."""
        return served(self.runtime, port=self.port)

    def begin(self) -> Text:
        """Let a test begin that is due; its text."""
        before = len(self.texts)
        self.engine.advance(SECOND)
        assert len(self.texts) == before + 1
        return self.texts[-1]

    def ends(self, text: Text, status: str, **more: str) -> None:
        """The provider says what became of the text, and the test is judged."""
        assert self.twilio.report(text, status, **more).status_code == 200
        self.engine.advance(5 * SECOND)

    @property
    def texts(self) -> list[Text]:
        return self.twilio.texts_to(NUMBER)

    def tasks(self, purpose: Purpose) -> list[Task]:
        with self.runtime.reading() as work:
            query = select(Task).where(Task.purpose == purpose.value).order_by(col(Task.opened_at))
            return list(work.session.exec(query).all())

    def stands(self) -> Stands:
        with self.runtime.reading() as work:
            return standing(work)

    def written_for(self, task: Task) -> list[OutboxMessage]:
        with self.runtime.reading() as work:
            return list(work.session.exec(select(OutboxMessage).where(OutboxMessage.task_id == task.id)).all())

    def trial(self) -> Trial:
        """The test that is under way."""
        with self.runtime.reading() as work:
            trial = trials.of(errands.get(work, ErrandKind.TEST_PAGE))
        assert trial
        return trial


def settings_for(twilio: FakeTwilio, port: int) -> dict[str, Any]:
    twilio.public_url = twilio.webhook_base = f"http://127.0.0.1:{port}"
    return {
        "public_url": twilio.public_url,
        "engine": "off",  # the tests move it by hand
        "synthetic_hours": 6,
        "synthetic_number": "07700 900990",
        "twilio_account_sid": twilio.account_sid,
        "twilio_auth_token": twilio.auth_token,
        "twilio_from": twilio.number,
        "twilio_api_base": twilio.url,
    }


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with running_twilio(delivers=False) as running:
        yield running
        running.finish()
    assert running.faults == []


@pytest.fixture(params=["sqlite", "postgresql"])
def on_each(request: pytest.FixtureRequest, twilio: FakeTwilio, tmp_path: Path) -> Iterator[OnTrial]:
    """On each database."""
    port = free_port()
    with sandbox_database(request, request.param, tmp_path) as url:
        built = open_sandbox(url, **settings_for(twilio, port))
        yield OnTrial(built, twilio, port)
        built.close()


@pytest.fixture
def tested(sandbox_file: Path, twilio: FakeTwilio, tmp_path: Path) -> Iterator[OnTrial]:
    """On SQLite: what is tested knows no database."""
    port = free_port()
    shutil.copy(sandbox_file, tmp_path / "callout.db")
    built = open_sandbox(f"sqlite:///{tmp_path}/callout.db", **settings_for(twilio, port))
    yield OnTrial(built, twilio, port)
    built.close()


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


@pytest.fixture
def holder(tested: OnTrial) -> Iterator[Callable[..., httpx.Response]]:
    """Somebody who has come by the credential of the test that is under way."""
    with tested.serve(), httpx.Client(base_url=tested.address) as client:

        def ask(method: str, path: str, credential: str, **more: Any) -> httpx.Response:
            return client.request(method, path, headers={"Authorization": f"Bearer {credential}"}, **more)

        yield ask


def test_its_credential_opens_nothing_else_and_nothing_twice(
    tested: OnTrial, holder: Callable[..., httpx.Response]
) -> None:
    text = tested.begin()
    trial = tested.trial()
    mine = trials.credential(tested.runtime.keyring, trial.id)
    page = {"type": "test_page", "occurred_at": str(trial.posted_at)}
    other = {"type": "weapon_in_school", "occurred_at": str(trial.posted_at), "locality": "south"}
    assert holder("POST", "/v1/incidents", mine, json=other).status_code == 403
    assert holder("POST", "/v1/incidents", mine, json=page | {"summary": "x"}).status_code == 403
    csv = {"content": "a,b\n1,2\n", "headers": {"Authorization": f"Bearer {mine}", "Content-Type": "text/csv"}}
    assert httpx.post(f"{tested.address}/v1/incidents", **csv).status_code == 403  # type: ignore[arg-type]
    assert holder("POST", "/v1/incidents/batch", mine, json={"incidents": [page]}).status_code == 401
    for path in ("/v1/incidents", "/v1/tasks", "/v1/watch", "/v1/keys"):
        assert holder("GET", path, mine).status_code == 401
    forged = mine[:-1] + ("0" if mine[-1] != "0" else "1")
    assert holder("POST", "/v1/incidents", forged, json=page).status_code == 401
    again = holder("POST", "/v1/incidents", mine, json=page)
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    later = page | {"occurred_at": str(tested.runtime.clock.now())}
    assert holder("POST", "/v1/incidents", mine, json=later).status_code == 409
    tested.ends(text, "delivered")
    assert len(tested.texts) == 1
    assert holder("POST", "/v1/incidents", mine, json=page).status_code == 409
    assert len(tested.texts) == 1
    assert len(tested.tasks(Purpose.TEST)) == 1


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
