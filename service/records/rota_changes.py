"""Whatever may open or close a gap in a rota has the team's rota looked at again, in a transaction of its own."""

from collections.abc import Iterable

from service.database import inserting
from service.models.errands import Errand, ErrandKind
from service.partnership import DUTY_TEAM, Partnership
from service.work import SetUp, Work


def of_teams(setup: SetUp, teams: Iterable[str]) -> None:
    """Have the rotas of some teams looked at as soon as this transaction has committed.

    Two changes of one team at once must not stand in each other's way: whoever is second moves the same row.
    """
    setup.session.flush()
    for team in sorted(set(teams)):
        values = {"kind": ErrandKind.COVERAGE.value, "subject": team, "due_at": setup.now, "attempts": 0, "payload": {}}
        again = {"due_at": setup.now, "attempts": 0}
        insert = inserting(setup.session, Errand).values(values)
        setup.session.connection().execute(insert.on_conflict_do_update(index_elements=["kind", "subject"], set_=again))


def of_worker(work: Work, worker: str) -> None:
    """The same for every team in which a worker serves."""
    of_teams(work, work.partnership.teams_of(worker))


def of_everybody(setup: SetUp, partnership: Partnership) -> None:
    """The same for every team, the duty manager's included."""
    of_teams(setup, [*partnership.team_by_slug, DUTY_TEAM])
