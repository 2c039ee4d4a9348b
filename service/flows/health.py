"""What the probes and the figures ask: is everything there, and how far behind is what waits."""

from sqlalchemy.exc import SQLAlchemyError

from service import schema
from service.errors import ServiceError
from service.records import claims, errands, outbox, providers, reports, test_pages, timers
from service.runtime import Runtime
from service.schema import Standing
from service.work import Work

OK = "ok"
SCHEMA = {
    Standing.CURRENT: OK,
    Standing.NEWER: f"{OK}: {Standing.NEWER}, on which it runs",
    Standing.OLDER: Standing.OLDER.value,
}


def checks(runtime: Runtime) -> dict[str, str]:
    """Each thing that must be there, with what is wrong, or `ok`; after a colon what should be known all the same."""
    found: dict[str, str] = {}
    try:
        stands = schema.standing(runtime.database)
        found["schema"] = SCHEMA[stands]
        found["database"] = OK
        if stands is not Standing.OLDER:
            found |= lags(runtime) | _providers(runtime)
            found["rulebook"] = OK
    except ServiceError as error:
        found["rulebook"] = error.detail
    except SQLAlchemyError as error:
        found["database"] = f"can't be reached ({type(error).__name__})"
    return found


def lags(runtime: Runtime) -> dict[str, str]:
    """Each queue, with `ok` or for how long what is due in it has been waiting. What a lease or a back-off put into the
    future is not due. Raises SQLAlchemyError, NotSetUp."""
    longest = runtime.settings.ready_lag_seconds
    with runtime.reading() as work:
        return {
            queue: OK if seconds <= longest else f"{seconds:.0f} s behind; at most {longest} s are allowed"
            for queue, seconds in _lags(work).items()
        }


def _providers(runtime: Runtime) -> dict[str, str]:
    """Whether any provider of any channel works. Raises SQLAlchemyError, NotSetUp."""
    with runtime.reading() as work:
        stand = providers.standing(work, runtime.notifiers)
    down = [f"{each.channel.value} by {each.title}: {each.why}" for each in stand if not each.up]
    return {"providers": f"none works; {'; '.join(down)}" if stand and len(down) == len(stand) else "ok"}


def is_well(runtime: Runtime) -> bool:
    """Whether nothing that is due has been waiting for too long."""
    try:
        return set(lags(runtime).values()) == {OK}
    except (ServiceError, SQLAlchemyError):
        return False


def _lags(work: Work) -> dict[str, float]:
    firsts = {"outbox": claims.first_at(work), "timers": timers.first_at(work), "errands": errands.first_at(work)}
    return {queue: max((work.now - at).total_seconds(), 0) if at else 0 for queue, at in firsts.items()}


def figures(runtime: Runtime) -> bytes:
    """Everything in Prometheus' text format; before anything is set up, what this process counted."""
    try:
        with runtime.reading() as work:
            milestones, tasks = reports.for_metrics(work)
            stand = providers.standing(work, runtime.notifiers)
            lag = _lags(work)
            queued = {
                "outbox": outbox.unsent(work),
                "timers": timers.waiting(work),
                "errands": errands.waiting(work),
            }
            _test_pages(runtime, work)
        runtime.metrics.providers_stand({(each.channel.value, each.provider): each.up for each in stand})
        runtime.metrics.standing(milestones=milestones, tasks=tasks, lag=lag, queued=queued)
    except (ServiceError, SQLAlchemyError):
        pass
    return runtime.metrics.text()


def _test_pages(runtime: Runtime, work: Work) -> None:
    if work.test_page is None:
        runtime.metrics.no_test_pages()
        return
    tested = test_pages.standing(work)
    runtime.metrics.test_pages(
        seconds=tested.seconds,
        worked_at=tested.worked_at.timestamp() if tested.worked_at else None,
        failing=tested.failing_since is not None,
    )
