"""History is remembered and never acted on: it opens nothing, pages nobody, and yet a later report finds it there."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, func, select

from rules.incident import IncidentReport
from rules.simulate import Policy
from service.errors import Conflict
from service.flows import intake, simulation
from service.flows.simulation import Rotas
from service.models.incidents import Incident
from service.models.outbox import OutboxMessage
from service.models.tasks import Task
from service.models.timers import Timer
from service.records import views
from service.records.judging import Submission, Taken
from service.runtime import Runtime


def told(runtime: Runtime, kind: str = "weapon_in_school", *, days_ago: float = 3, **fields: Any) -> IncidentReport:
    at = runtime.clock.now() - timedelta(days=days_ago)
    return IncidentReport.model_validate({"type": kind, "occurred_at": at, "locality": "south"} | fields)


def take(
    runtime: Runtime, report: IncidentReport, *, history: bool = False, idempotency_key: str | None = None
) -> Taken:
    submission = Submission(
        report=report, key_id="key_x", partner="archive", history=history, idempotency_key=idempotency_key
    )
    (taken,) = intake.accept(runtime, [submission])
    if not isinstance(taken, Taken):
        raise taken
    return taken


def view(runtime: Runtime, taken: Taken) -> dict[str, Any]:
    with runtime.reading() as work:
        return views.incident_view(work, work.session.get_one(Incident, taken.incident_id))


def counted(runtime: Runtime, table: type[Any]) -> int:
    with runtime.reading() as work:
        return work.session.exec(select(func.count()).select_from(table)).one()


def derived(runtime: Runtime) -> list[Incident]:
    with runtime.reading() as work:
        return list(work.session.exec(select(Incident).where(col(Incident.derived))).all())


def test_history_opens_no_task_pages_nobody_and_says_so(runtime: Runtime) -> None:
    before = [counted(runtime, table) for table in (Task, OutboxMessage, Timer)]
    held = view(runtime, take(runtime, told(runtime), history=True))
    assert (held["history"], held["status"], held["tasks"]) == (True, "recorded", [])
    assert held["decisions"] == [
        {
            "rule": None,
            "pathway": None,
            "reason": "history: counted by patterns, pages nobody",
            "result": "recorded",
            "task": None,
        }
    ]
    assert [counted(runtime, table) for table in (Task, OutboxMessage, Timer)] == before


def test_history_completes_no_pattern_but_a_later_report_does_with_it(runtime: Runtime) -> None:
    first = take(runtime, told(runtime, groups=["g-9"], days_ago=6), history=True)
    take(runtime, told(runtime, groups=["g-9"], days_ago=5), history=True)
    assert derived(runtime) == []
    live = take(runtime, told(runtime, groups=["g-9"], days_ago=0))
    (raised,) = derived(runtime)
    assert raised.pattern == "peer-network"
    assert (raised.parents or [])[0] == first.incident_id
    assert (raised.parents or [])[-1] == live.incident_id
    assert view(runtime, Taken(incident_id=raised.id, result="new"))["tasks"], "what it raised is acted on"


def test_history_again_is_a_replay_and_a_correction_stays_history(runtime: Runtime) -> None:
    report = told(runtime, source_ref="H-1")
    first = take(runtime, report, history=True)
    assert take(runtime, report, history=True) == Taken(incident_id=first.incident_id, result="replayed")
    corrected = report.model_copy(update={"summary": "more is known"})
    assert take(runtime, corrected, history=True).result == "revised"
    held = view(runtime, first)
    assert (held["history"], held["revision"], held["tasks"]) == (True, 2, [])


def test_what_was_history_is_judged_when_it_is_reported_after_all_and_what_was_live_stays_live(
    runtime: Runtime,
) -> None:
    report = told(runtime, source_ref="H-2", days_ago=0)
    first = take(runtime, report, history=True)
    assert take(runtime, report).result == "revised", "the very same content, but now it is meant"
    held = view(runtime, first)
    assert (held["history"], [task["pathway"] for task in held["tasks"]]) == (False, ["education-inclusion"])
    assert take(runtime, report, history=True).result == "replayed"
    assert take(runtime, report.model_copy(update={"summary": "x"}), history=True).result == "revised"
    held = view(runtime, first)
    assert (held["history"], held["status"]) == (False, "open")


def test_a_message_that_was_corrected_since_is_known_when_it_is_delivered_again(runtime: Runtime) -> None:
    one = told(runtime, source_ref="V-1")
    two, three = (one.model_copy(update={"summary": text}) for text in ("second", "third"))
    first = take(runtime, one, idempotency_key="m1")
    assert take(runtime, two, idempotency_key="m2").result == "revised"
    assert take(runtime, three, idempotency_key="m3").result == "revised"
    for report, key in ((one, "m1"), (two, "m2"), (three, "m3")):
        assert take(runtime, report, idempotency_key=key).result == "replayed"
    assert view(runtime, first)["summary"] == "third"
    assert take(runtime, two, idempotency_key="m4").result == "revised", "a new message may go back to what was said"
    with pytest.raises(Conflict):
        take(runtime, three, idempotency_key="m1")


def test_a_simulation_remembers_history_and_decides_nothing_on_it(runtime: Runtime) -> None:
    chance = random.Random(7)
    at = runtime.clock.now() - timedelta(days=40)
    for number in range(60):
        at += timedelta(hours=chance.expovariate(1 / 12))
        fields = {"occurred_at": at, "groups": [f"g-{chance.randrange(6)}"], "source_ref": f"S-{number}"}
        take(runtime, told(runtime, chance.choice(["fight", "stabbing"]), **fields), history=chance.random() < 0.5)
    past = list(simulation.reported(runtime, start=None, end=None))
    assert {item.judged for item in past} == {True, False}
    with runtime.reading() as work:
        policy = Policy(work.policy.book, zone=work.partnership.zone, staff=Rotas(work.partnership), answers=[])
    opened = {item.id: policy.take(item) for item in past}
    assert [opened[item.id] for item in past if not item.judged] == [[]] * sum(not item.judged for item in past)
    assert sum(policy.tally.patterns.values()) == len(derived(runtime)) > 0
