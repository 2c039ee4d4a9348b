"""What the service watches about itself, for supervisors."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from api import examples
from api.access import RuntimeDep, SupervisorDep
from api.problems import responses
from service.models.errands import ErrandKind
from service.records import errands, test_pages

router = APIRouter(prefix="/v1/watch", tags=["Providers"])

_WATCH: dict[str, Any] = {
    "test_page": {
        "state": "working",
        "last_at": "2026-11-20T12:00:00Z",
        "worked_at": "2026-11-20T12:00:03.1Z",
        "seconds": 3.1,
        "steps": {
            "posted": "2026-11-20T12:00:00Z",
            "accepted": "2026-11-20T12:00:00.2Z",
            "handed_over": "2026-11-20T12:00:00.5Z",
            "receipt": "2026-11-20T12:00:03.1Z",
        },
        "failing_since": None,
        "outage": None,
        "why": None,
        "next_at": "2026-11-20T18:00:03Z",
        "task": None,
    }
}


class StepsShape(BaseModel):
    """When the latest test got how far: posted, accepted with a 2xx, handed to a provider, and its receipt; null: it did not."""

    posted: datetime | None
    accepted: datetime | None
    handed_over: datetime | None
    receipt: datetime | None


class TestPageShape(BaseModel):
    """How the latest test pages went. `next_at`: when the next begins, or the one under way is looked at; `seconds`: from
    before its POST to its receipt; `outage`, `why`: what is broken; `task`: what was opened for it."""

    state: Literal["off", "waiting", "working", "failing"]
    last_at: datetime | None
    worked_at: datetime | None
    seconds: float | None
    steps: StepsShape
    failing_since: datetime | None
    outage: Literal["reports_not_taken", "pages_do_not_arrive"] | None
    why: str | None
    next_at: datetime | None
    task: str | None


class WatchShape(BaseModel):
    """What the service watches about itself."""

    test_page: TestPageShape


@router.get(
    "",
    response_model=WatchShape,
    summary="How the test pages went",
    responses={**examples.answer(_WATCH), **responses(401, 403, 429)},
)
def read_watch(_caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """`off` where the settings send none, `waiting` until the first was judged."""
    with runtime.reading() as work:
        stands = test_pages.standing(work)
        errand = errands.get(work, ErrandKind.TEST_PAGE)
        state = "failing" if stands.failing_since else "working" if stands.worked_at else "waiting"
        return {
            "test_page": stands.model_dump()
            | {"state": state if work.test_page else "off", "next_at": errand.due_at if errand else None}
        }
