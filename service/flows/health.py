"""What the probes and the figures ask: is everything there, and how far behind is what waits."""

from sqlalchemy.exc import SQLAlchemyError

from service.errors import ServiceError
from service.records import outbox, reports, timers
from service.runtime import Runtime
from service.schema import is_current


def checks(runtime: Runtime) -> dict[str, str]:
    """Each thing that must be there, with `ok` or what is wrong."""
    found: dict[str, str] = {}
    try:
        found["schema"] = "ok" if is_current(runtime.database) else "not current; run: callout migrate"
        found["database"] = "ok"
        if found["schema"] == "ok":
            with runtime.reading():
                found["rulebook"] = "ok"
    except ServiceError as error:
        found["rulebook"] = error.detail
    except SQLAlchemyError as error:
        found["database"] = f"can't be reached ({type(error).__name__})"
    return found


def figures(runtime: Runtime) -> bytes:
    """Everything in Prometheus' text format; before anything is set up, what this process counted."""
    try:
        with runtime.reading() as work:
            milestones, tasks = reports.for_metrics(work)
            firsts = {"outbox": outbox.first_at(work), "timers": timers.first_at(work)}
            lag = {queue: max((work.now - at).total_seconds(), 0) if at else 0 for queue, at in firsts.items()}
            queued = {"outbox": outbox.unsent(work), "timers": timers.waiting(work)}
        runtime.metrics.standing(milestones=milestones, tasks=tasks, lag=lag, queued=queued)
    except (ServiceError, SQLAlchemyError):
        pass
    return runtime.metrics.text()
