"""Who may report: partners by their keys, and the service itself, which posts the report of a test page and nothing else."""

from fastapi import Request

from api.access import Caller, authenticate, given_key, in_role, let_in, runtime_of
from api.problems import ApiError
from rules.incident import IncidentReport
from service.models.access import Role
from service.records import trials
from service.records.ourselves import OURSELVES

ONLY_TESTS = "this credential posts the report of one test page, and does nothing else"


async def reporter(request: Request) -> Caller:
    """A partner, or the service itself. Raises 401, 403 and 429."""
    runtime, text = runtime_of(request), given_key(request)
    trial = trials.named_by(runtime.keyring, text) if text else None
    if trial is None:
        return in_role(await authenticate(request), Role.PARTNER)
    ours = Caller(key_id=OURSELVES, name=OURSELVES, role=Role.PARTNER, localities=(), trial=trial)
    return let_in(request, runtime, ours)


def keep_to_tests(caller: Caller, report: IncidentReport | None) -> None:
    """Let the service itself report a test page and nothing else; None: what it sent is no report of ours. Raises 403."""
    if caller.trial is None:
        return
    if report is None or report.type != trials.TYPE or report.model_fields_set != {"type", "occurred_at"}:
        raise ApiError(403, ONLY_TESTS)
