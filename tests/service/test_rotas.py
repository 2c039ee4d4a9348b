"""Rotas of several layers in force: whom they page, who has left, who is on leave, and a file that says what is wrong."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from sqlmodel import select

from rules.incident import IncidentReport
from rules.rotation import Override, OverrideKind
from service.errors import Invalid
from service.flows import intake, rostering, setup
from service.flows.actions import Scope
from service.models.tasks import Task
from service.partnership import read_partnership
from service.records import paging, people
from service.records.judging import Submission
from service.runtime import Runtime
from service.settings import SHIPPED_PARTNERSHIP

SCOPE = Scope(actor="tests")
TEAM = "education-inclusion-south"
FRIDAY = datetime.fromisoformat("2026-11-20T15:00:00+00:00")

LAYERS: dict[str, Any] = {
    "rest": "11h",
    "layers": [
        {
            "name": "Office hours",
            "rotation": "weekly",
            "handover": "Mon 09:00",
            "starts": "2026-01-05",
            "workers": ["amina", "ben"],
            "only": {"weekdays": "mon-fri", "hours": "09:00-17:00"},
            "never": {"holidays": "GB-ENG"},
        },
        {
            "name": "Evenings and weekends",
            "shift": "12h",
            "handover": "08:00",
            "starts": "2026-01-05",
            "workers": ["chidi", "owen", "farah"],
        },
    ],
}


def partnership(change: Callable[[dict[str, Any]], None]) -> str:
    document = yaml.safe_load(SHIPPED_PARTNERSHIP.read_text(encoding="utf-8"))
    change(document)
    return yaml.safe_dump(document)


def south(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(team for team in document["teams"] if team["slug"] == TEAM)
    return found


def with_layers(document: dict[str, Any]) -> None:
    south(document)["rota"] = LAYERS


def paged(runtime: Runtime) -> list[str]:
    """Post an incident in the south; who is paged for it."""
    report = IncidentReport(type="weapon_in_school", occurred_at=runtime.clock.now(), locality="south")
    intake.accept(runtime, [Submission(report=report, key_id="key_x", partner="partner")])
    with runtime.reading() as work:
        task = work.session.exec(select(Task).order_by(Task.id.desc())).first()  # type: ignore[attr-defined]
        assert task is not None
        return paging.paged_workers(work, task)


def order(runtime: Runtime) -> list[str]:
    with runtime.reading() as work:
        return people.page_order(work, TEAM)


def test_the_layer_that_serves_now_is_paged(runtime: Runtime) -> None:
    runtime.clock.set_to(FRIDAY)  # type: ignore[attr-defined]
    setup.apply_partnership(runtime, partnership(with_layers), actor="tests")
    office = order(runtime)
    assert office[0] in ("amina", "ben")
    assert office[1] in ("chidi", "owen", "farah"), "behind the office stands whoever is on duty anyway"
    assert paged(runtime) == office[:1]
    runtime.clock.set_to(FRIDAY + timedelta(hours=3))  # type: ignore[attr-defined]
    assert order(runtime)[0] in ("chidi", "owen", "farah")
    assert not {"amina", "ben"} & set(order(runtime)), "the office lends nobody when it is closed"


def test_who_is_on_leave_is_not_paged(runtime: Runtime) -> None:
    first, second = order(runtime)
    now = runtime.clock.now()
    rostering.add_leave(runtime, SCOPE, first, now - timedelta(hours=1), now + timedelta(days=1))
    assert paged(runtime)[0] == second
    with runtime.reading() as work:
        assert people.away(work) == {first: "is on leave"}
        assert people.away(work, now + timedelta(days=2)) == {}


def test_who_has_left_a_rota_may_be_gone_from_the_file_too(runtime: Runtime) -> None:
    def leaves(document: dict[str, Any]) -> None:
        south(document)["rota"]["leaves"] = {"amina": "2026-06-30"}

    def gone(document: dict[str, Any]) -> None:
        leaves(document)
        document["workers"] = [worker for worker in document["workers"] if worker["slug"] != "amina"]

    runtime.clock.set_to(FRIDAY)  # type: ignore[attr-defined]
    for change in (leaves, gone):
        setup.apply_partnership(runtime, partnership(change), actor="tests")
        assert order(runtime) == ["ben"]
        with runtime.reading() as work:
            assert people.members(work, TEAM) == ["ben", "grace"]
    assert paged(runtime) == ["ben"]


@pytest.mark.parametrize(
    ("spoil", "pointer", "says"),
    [
        (
            lambda rota: rota["layers"][0].update(handover="Someday"),
            "/teams/2/rota/layers/0",
            "Mon 09:00",
        ),
        (lambda rota: rota["layers"][1].update(only={"hours": "late"}), "/teams/2/rota/layers/1/only/hours", "20:00"),
        (lambda rota: rota["layers"][1].update(colour="red"), "/teams/2/rota/layers/1/colour", "not permitted"),
        (lambda rota: rota["layers"][1].update(workers=["nobody"]), "/", "nobody here is called 'nobody'"),
        (lambda rota: rota.update(rest="long"), "/teams/2/rota/rest", "a duration such as"),
        (lambda rota: rota.update(layers=[]), "/teams/2/rota/layers", "at least 1"),
    ],
)
def test_a_fault_in_a_layer_is_named_where_it_stands(
    spoil: Callable[[dict[str, Any]], None], pointer: str, says: str
) -> None:
    def change(document: dict[str, Any]) -> None:
        document["teams"][2]["rota"] = yaml.safe_load(yaml.safe_dump(LAYERS))
        spoil(document["teams"][2]["rota"])

    with pytest.raises(Invalid) as refusal:
        read_partnership(partnership(change))
    assert refusal.value.faults[0].pointer == pointer
    assert says in refusal.value.faults[0].detail


def test_a_rota_that_moves_everybodys_turn_says_so_when_it_is_applied(runtime: Runtime) -> None:
    runtime.clock.set_to(FRIDAY)  # type: ignore[attr-defined]
    on = order(runtime)[0]

    def without(document: dict[str, Any]) -> None:
        south(document)["rota"]["workers"].remove(on)

    applied = setup.apply_partnership(runtime, partnership(without), actor="tests")
    other = {"amina": "ben", "ben": "amina"}[on]
    assert applied.changes == [f"team {TEAM}: changed (rota)", f"team {TEAM}: {other} is on call now, and {on} was"]

    def leaving(document: dict[str, Any]) -> None:
        south(document)["rota"]["leaves"] = {other: "2026-12-31"}

    setup.apply_partnership(runtime, partnership(lambda document: None), actor="tests")
    assert setup.apply_partnership(runtime, partnership(leaving), actor="tests").changes == [
        f"team {TEAM}: changed (rota)"
    ]


def test_of_two_changes_that_contradict_each_other_in_the_same_moment_one_is_made(runtime: Runtime) -> None:
    on, other = order(runtime)
    start = runtime.clock.now() + timedelta(hours=1)
    begin = threading.Barrier(2)

    def change(worker: str) -> str:
        replace = Override(
            kind=OverrideKind.REPLACE,
            worker=worker,
            instead_of=on,
            starts_at=start,
            ends_at=start + timedelta(hours=2),
        )
        begin.wait()
        try:
            return rostering.override(runtime, SCOPE, TEAM, replace).row.worker
        except Invalid as refusal:
            return f"refused: {refusal.detail}"

    with ThreadPoolExecutor(2) as both:
        made = sorted(both.map(change, [other, "grace"]))
    assert f"refused: the change is refused: {on} is replaced by {made[0]}" in made[1]
    with runtime.reading() as work:
        assert people.on_call(work, TEAM, start) == made[:1]
