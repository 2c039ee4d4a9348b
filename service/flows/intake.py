"""Incident in, tasks out: each report recorded once, judged, and turned into tasks in one transaction."""

from collections.abc import Sequence
from itertools import groupby

from service.away import is_gone
from service.errors import NotFound, ServiceError
from service.models.incidents import Incident
from service.records import feeds, judging
from service.records.judging import Submission, Taken, Withdrawal
from service.repeating import repeated
from service.runtime import Runtime
from service.work import Work

NEW = "new"
Result = Taken | ServiceError


def accept(runtime: Runtime, submissions: Sequence[Submission | Withdrawal]) -> list[Result]:
    """Take reports, or take them back, in order, in one transaction. One that can't be taken gets its error and harms no
    other."""
    results = accept_each(runtime, submissions)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, ServiceError):
            raise result
    return [result for result in results if not isinstance(result, Exception) or isinstance(result, ServiceError)]


def accept_each(runtime: Runtime, submissions: Sequence[Submission | Withdrawal]) -> list[Taken | Exception]:
    """The same for reports that have nothing to do with each other: where one breaks the transaction, each is taken alone,
    and whatever is wrong with it is its own answer. A database that is away is waited for once."""
    gone: Exception | None = None
    if len(submissions) > 1:
        try:
            return list(_together(runtime, submissions))
        except Exception as error:
            gone = error if is_gone(error) else None
    results: list[Taken | Exception] = []
    for submission in submissions:
        result = gone or _alone(runtime, submission)
        gone = result if isinstance(result, Exception) and is_gone(result) else None
        results.append(result)
    return results


def _alone(runtime: Runtime, submission: Submission | Withdrawal) -> Taken | Exception:
    """Two requests with the same report at the same moment: the unique keys let one through, and the other, tried again,
    finds it there."""
    try:
        return repeated(_together)(runtime, [submission])[0]
    except Exception as error:
        return error


def _together(runtime: Runtime, submissions: Sequence[Submission | Withdrawal]) -> list[Result]:
    results: list[Result] = []
    with runtime.transaction() as work:
        for kind, group in groupby(submissions, type):
            if kind is Submission:
                results += judging.accept(work, [each for each in group if isinstance(each, Submission)])
            else:
                results += [_withdraw(work, each) for each in group if isinstance(each, Withdrawal)]
        # What is new leaves a row by which its feed is known to speak.
        told = zip(submissions, results, strict=True)
        feeds.heard(work, {each.key_id for each, came in told if isinstance(came, Taken) and came.result != NEW})
    return results


def _withdraw(work: Work, withdrawal: Withdrawal) -> Result:
    try:
        return judging.withdraw(work, withdrawal)
    except NotFound as error:
        return error


@repeated
def retract(runtime: Runtime, incident_id: str, reason: str, *, actor: str) -> None:
    """A report was wrong: tasks that stand on it alone are cancelled. Again: nothing happens. Raises NotFound."""
    with runtime.transaction() as work:
        incident = work.session.get(Incident, incident_id, with_for_update=True)
        if incident is None:
            raise NotFound("there is no such incident")
        judging.retract(work, incident, reason, actor=actor)
