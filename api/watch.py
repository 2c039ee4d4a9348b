"""What the service watches about itself, for supervisors."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from api import examples
from api.access import SupervisorDep, WorkDep
from api.problems import responses
from service.models.errands import ErrandKind
from service.records import errands, test_pages

router = APIRouter(prefix="/v1/watch", tags=["Providers"])

_WATCH: dict[str, Any] = {
    "test_page": {
        "state": "working",
        "last_at": "2026-11-20T12:00:00Z",
        "worked_at": "2026-11-20T12:00:03Z",
        "seconds": 3.1,
        "failing_since": None,
        "next_at": "2026-11-20T18:00:00Z",
        "task": None,
    }
}


class TestPageShape(BaseModel):
    """How the latest test pages went. `next_at`: when the next goes out, or what became of one is looked at; `seconds`: from
    writing it to its receipt; `task`: what was opened for their not arriving."""

    state: Literal["off", "waiting", "working", "failing"]
    last_at: datetime | None
    worked_at: datetime | None
    seconds: float | None
    failing_since: datetime | None
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
def read_watch(_caller: SupervisorDep, work: WorkDep) -> dict[str, Any]:
    """`off` where the settings send none, `waiting` until the first was judged."""
    stands = test_pages.standing(work)
    errand = errands.get(work, ErrandKind.TEST_PAGE)
    state = "failing" if stands.failing_since else "working" if stands.worked_at else "waiting"
    return {
        "test_page": vars(stands)
        | {"state": state if work.test_page else "off", "next_at": errand.due_at if errand else None}
    }
