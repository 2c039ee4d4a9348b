"""What could not be taken, kept so that a broken feed is seen."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from api import problems
from api.access import Caller
from service.errors import ServiceError
from service.records import incidents
from service.runtime import Runtime


def told(error: ServiceError) -> dict[str, Any]:
    """An error as the members of its problem."""
    return problems.content(problems.status_of(error), error.detail, problems.service_faults(error))


@dataclass(frozen=True)
class Refusal:
    """A report that could not be taken, as it was sent, and what was wrong with it."""

    problem: dict[str, Any]
    body: Any


def keep_refused(caller: Caller, runtime: Runtime, refusals: Sequence[Refusal]) -> None:
    """Keep what could not be taken, so that a broken feed is seen."""
    if not refusals:
        return
    with runtime.transaction() as work:
        for refusal in refusals:
            body, problem = refusal.body, refusal.problem
            text = body if isinstance(body, str) else json.dumps(body, default=repr, ensure_ascii=False)
            incidents.keep_refused(
                work,
                key_id=caller.key_id,
                partner=caller.name,
                status=int(problem["status"]),
                problem=problem,
                body=text.encode("utf-8", "replace").decode(),
            )
            runtime.metrics.taken_in("refused")
