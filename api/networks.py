"""What recurs together across reports, for supervisors."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from api import examples
from api.access import NowDep, RuntimeDep, SupervisorDep
from api.problems import responses
from service.errors import Fault, Invalid
from service.records import networks

router = APIRouter(prefix="/v1/networks", tags=["Networks"])

USUAL, LONGEST = timedelta(days=28), timedelta(days=366)


class MemberShape(BaseModel):
    """A person by reference, a peer group or a place, and the incidents in which they stand."""

    kind: Literal["person", "group", "place"]
    ref: str
    incidents: list[str]


class NetworkTask(BaseModel):
    """An open task behind a network, and who has it."""

    id: str
    code: str
    pathway: str
    team: str
    assignee: str | None
    derived: bool = Field(description="raised by a pattern, not reported by anybody")


class NetworkShape(BaseModel):
    """Incidents that share people or peer groups."""

    incidents: list[str]
    members: list[MemberShape]
    tasks: list[NetworkTask]


class NetworkPage(BaseModel):
    """The networks of a period, the largest first."""

    items: list[NetworkShape]


@router.get(
    "",
    response_model=NetworkPage,
    summary="What recurs together",
    responses={**examples.answer(examples.NETWORKS), **responses(401, 403, 422, 429)},
)
def read_networks(
    caller: SupervisorDep,
    runtime: RuntimeDep,
    now: NowDep,
    start: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    task: Annotated[str | None, Query(pattern=r"^tsk_[0-9a-f-]{36}$")] = None,
) -> dict[str, Any]:
    """Incidents connected by a person or a peer group, with what stands in each and the open tasks behind them, over the
    last 28 days if no period is given. `task` gives only the network behind that task. Nobody is rated."""
    with runtime.reading() as work:
        end = end or now
        start = start or end - USUAL
        if not start < end <= start + LONGEST:
            raise Invalid("the period is wrong", (Fault("/query/to", "must lie after from, by at most 366 days"),))
        return {"items": networks.networks(work, start=start, end=end, localities=caller.localities, task=task)}
