"""Workers hear of their shifts at the hour they chose, and leads of the day's duties."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlmodel import select

from rules.cover import Held
from rules.rotation import Override, OverrideKind
from service.engine import Engine
from service.errors import Invalid
from service.flows import errands, rostering, setup
from service.flows.actions import Scope
from service.models.outbox import OutboxMessage
from service.partnership import check_partnership
from service.records import coverage
from service.runtime import Runtime
from service.settings import SHIPPED_PARTNERSHIP
from tests.service.test_deadlines import texts_to

SCOPE = Scope(actor="tests")
PAGE = (Path(__file__).parents[2] / "docs" / "rotas.md").read_text(encoding="utf-8")
TEAM = "education-inclusion-south"
ON, OFF = "You are on call for Education inclusion, South ", "You are not on call for Education inclusion, South "


def document(**daily: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8"))
    found["daily"] = daily
    return found


def applied(runtime: Runtime, notices: dict[str, str], **daily: str) -> Engine:
    found = document(**daily)
    for worker in found["workers"]:
        if worker["slug"] in notices:
            worker["notice"] = notices[worker["slug"]]
    setup.apply_partnership(runtime, yaml.safe_dump(found), actor="tests")
    engine = Engine(runtime)
    engine.advance(timedelta(seconds=1))
    return engine


def next_shift(runtime: Runtime) -> Held:
    """The first that begins late enough for the evening before to be ahead, on whatever day the tests are run."""
    with runtime.reading() as work:
        tomorrow = work.now + timedelta(days=1)
        return coverage.shifts_starting(work, tomorrow, tomorrow + timedelta(days=8), [TEAM])[0]


def told(runtime: Runtime, worker: str) -> list[str]:
    return [words for words in texts_to(runtime, worker) if words.startswith((ON, OFF))]


def test_a_worker_is_told_once_at_the_time_before_the_shift_that_they_chose(runtime: Runtime) -> None:
    shift = next_shift(runtime)
    engine = applied(runtime, {shift.worker: "12h"})
    engine.advance(shift.starts_at - timedelta(hours=13) - runtime.clock.now())
    assert told(runtime, shift.worker) == []
    engine.advance(timedelta(hours=2))
    assert len(told(runtime, shift.worker)) == 1
    assert told(runtime, shift.worker)[0].startswith(ON)
    engine.advance(timedelta(hours=40))
    assert len(told(runtime, shift.worker)) == 1, "a second time"


def test_a_worker_is_told_at_the_hour_of_the_evening_before(runtime: Runtime) -> None:
    shift = next_shift(runtime)
    engine = applied(runtime, {shift.worker: "18:00"})
    with runtime.reading() as work:
        zone = work.partnership.zone
    evening = (shift.starts_at.astimezone(zone) - timedelta(days=1)).replace(hour=18, minute=0)
    engine.advance(evening - runtime.clock.now() - timedelta(minutes=1))
    assert told(runtime, shift.worker) == []
    engine.advance(timedelta(minutes=2))
    assert len(told(runtime, shift.worker)) == 1


def test_a_swap_after_the_notice_tells_both(runtime: Runtime) -> None:
    shift = next_shift(runtime)
    instead = "ben" if shift.worker == "amina" else "amina"
    engine = applied(runtime, {"amina": "12h", "ben": "12h"})
    engine.advance(shift.starts_at - timedelta(hours=11) - runtime.clock.now())
    change = Override(
        kind=OverrideKind.REPLACE,
        worker=instead,
        instead_of=shift.worker,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
    )
    rostering.override(runtime, SCOPE, TEAM, change)
    errands.run_due(runtime)
    assert [words.startswith(OFF) for words in told(runtime, shift.worker)] == [False, True]
    assert told(runtime, instead)[-1].startswith(ON)


def test_nobody_is_told_unasked(runtime: Runtime) -> None:
    applied(runtime, {"amina": "off"}).advance(timedelta(days=8))
    assert told(runtime, "amina") == told(runtime, "ben") == []


@pytest.mark.parametrize("chosen", ["8d", "25:00", "soon"])
def test_an_hour_that_cannot_be_is_refused(chosen: str) -> None:
    found = document()
    found["workers"][0]["notice"] = chosen
    with pytest.raises(Invalid, match=chosen):
        check_partnership(found)


def test_the_days_duty_list_goes_to_leads_by_email_and_to_the_duty_manager_with_all_teams(runtime: Runtime) -> None:
    applied(runtime, {}, duty_list="08:00").advance(timedelta(days=1))
    lists = [words for words in texts_to(runtime, "grace") if words.startswith("On call: ")]
    assert len(lists) == 1
    assert "Education inclusion, South: " in lists[0]
    assert "Outreach" not in lists[0]
    assert "Outreach, North: " in texts_to(runtime, "dana")[-1]
    with runtime.reading() as work:
        sent = [row for row in work.session.exec(select(OutboxMessage)) if row.worker == "grace"]
    assert [row.channel for row in sent] == ["email"]


def test_what_the_page_on_rotas_shows_tells_workers_and_leads(runtime: Runtime) -> None:
    (written,) = re.findall(r"```yaml\n(workers:(?:(?!```).)*?\ndaily:.*?)```", PAGE, re.DOTALL)
    shown = yaml.safe_load(written)
    chosen = {worker["slug"]: worker["notice"] for worker in shown["workers"]}
    assert set(chosen) == {"amina", "ben"}
    applied(runtime, chosen, **shown["daily"]).advance(timedelta(days=14))
    for worker in chosen:
        assert told(runtime, worker), worker
    lists = [words for words in texts_to(runtime, "grace") if words.startswith("On call: ")]
    assert len(lists) == 14
