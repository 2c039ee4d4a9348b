"""Incident in, tasks out: each report recorded once, judged, and turned into tasks in one transaction."""

from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError

from service.database import worth_repeating
from service.errors import NotFound, ServiceError
from service.models.incidents import Incident
from service.records import judging
from service.records.judging import Submission, Taken, Withdrawal
from service.runtime import Runtime
from service.work import Work

TRIES = 3


def accept(runtime: Runtime, submissions: Sequence[Submission | Withdrawal]) -> list[Taken | ServiceError]:
    """Take reports, or take them back, in order, in one transaction. One that can't be taken gets its error and harms no other.

    Two requests with the same report at the same moment: the unique keys let one through, and the other, tried again,
    finds it there. Two that wait for each other: the database ends one, which is tried again too.
    """
    for attempt in range(TRIES):
        try:
            with runtime.transaction() as work:
                return [_accept_or_say_why(work, submission) for submission in submissions]
        except DBAPIError as error:
            if attempt == TRIES - 1 or not worth_repeating(error):
                raise
    raise AssertionError("the loop returns or raises")


def _accept_or_say_why(work: Work, submission: Submission | Withdrawal) -> Taken | ServiceError:
    noted, measured = len(work.audit), len(work.measured)
    try:
        with work.session.begin_nested():
            if isinstance(submission, Withdrawal):
                return judging.withdraw(work, submission)
            return judging.accept_one(work, submission)
    except ServiceError as error:
        # What the refused report had already caused goes with its savepoint.
        del work.audit[noted:], work.measured[measured:]
        return error


def retract(runtime: Runtime, incident_id: str, reason: str, *, actor: str) -> None:
    """A report was wrong: tasks that stand on it alone are cancelled. Again: nothing happens. Raises NotFound."""
    with runtime.transaction() as work:
        incident = work.session.get(Incident, incident_id, with_for_update=True)
        if incident is None:
            raise NotFound("there is no such incident")
        judging.retract(work, incident, reason, actor=actor)
