"""What falls due without a task: run at its time, and one that can't be run stops nothing."""

from datetime import timedelta

from service.engine import Engine
from service.flows import errands as flow
from service.flows import health
from service.models.errands import Errand, ErrandKind
from service.records import errands
from service.runtime import Runtime


def kept(runtime: Runtime, key: tuple[str, str]) -> Errand | None:
    with runtime.reading() as work:
        return work.session.get(Errand, key)


def test_an_errand_is_set_moved_and_taken_away(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        errands.put(work, ErrandKind.CHECK_IN, work.now + timedelta(hours=1), subject="amina")
        errands.put(work, ErrandKind.CHECK_IN, work.now + timedelta(hours=2), subject="amina", payload={"asked": True})
        assert errands.waiting(work) == 1
        found = errands.get(work, ErrandKind.CHECK_IN, "amina")
        assert found is not None
        assert found.payload == {"asked": True}
        assert errands.first_at(work) == work.now + timedelta(hours=2)
        assert errands.next_due(work) is None
        errands.clear(work, ErrandKind.CHECK_IN, "amina")
        errands.clear(work, ErrandKind.CHECK_IN, "amina")
        assert errands.first_at(work) is None


def test_an_errand_of_a_newer_release_is_left_to_it(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        work.session.add(Errand(kind="of-tomorrow", due_at=work.now))
    assert flow.run_due(runtime) == 0
    row = kept(runtime, ("of-tomorrow", ""))
    assert row is not None
    assert row.attempts == 0
    Engine(runtime).advance(timedelta(minutes=5))
    assert health.checks(runtime)["errands"] == "ok"


def test_an_errand_that_fails_is_put_off_and_stops_nothing(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        work.session.add(Errand(kind=ErrandKind.CHECK_IN.value, subject="nobody-of-that-name", due_at=work.now))
    assert flow.run_due(runtime) == 1
    row = kept(runtime, (ErrandKind.CHECK_IN.value, "nobody-of-that-name"))
    assert row is not None
    assert row.attempts == 1
    assert row.due_at > runtime.clock.now()
    Engine(runtime).advance(timedelta(minutes=5))
    assert health.checks(runtime)["errands"] == "ok"


def test_a_days_look_at_many_rotas_lets_deadlines_through(runtime: Runtime) -> None:
    with runtime.transaction() as work:
        for number in range(40):
            errands.put(work, ErrandKind.COVERAGE, work.now, subject=f"team-{number}")
    assert flow.run_due(runtime) == flow.BATCH < 40, "then the timers that are due meanwhile"
    while flow.run_due(runtime):
        pass
    assert kept(runtime, (ErrandKind.COVERAGE.value, "team-39")) is None
