"""Bringing the workers of connected tasks together: one question by text, and who comes."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api import examples
from api.access import RuntimeDep, SupervisorDep
from api.problems import responses
from rules.incident import LINE
from service.flows import meetings
from service.models.tasks import Task
from service.records import convenings

router = APIRouter(prefix="/v1/networks", tags=["Networks"])

TaskId = Annotated[str, StringConstraints(pattern=r"^tsk_[0-9a-f-]{36}$")]
_TASK = "tsk_0193a1c2-7b1f-7c3d-8f4a-1b2c3d4e5f61"
_BODY: dict[str, Any] = {"task": _TASK, "at": "2026-11-20T17:30:00Z", "place": "City Hall, room 2"}
_CONVENING = {
    "id": "cnv_0193a1c2-7b26-7c3d-8f4a-1b2c3d4e5f68",
    "code": "W4",
    "task": _TASK,
    "tasks": [_TASK, "tsk_0193a1c2-7b27-7c3d-8f4a-1b2c3d4e5f69"],
    "untaken": [],
    "at": "2026-11-20T17:30:00Z",
    "place": "City Hall, room 2",
    "made_by": "South supervisor",
    "made_at": "2026-11-20T16:02:00Z",
    "asked": [
        {
            "worker": "amina",
            "name": "Amina Example",
            "answer": "yes",
            "answered_at": "2026-11-20T16:03:10Z",
            "words": None,
        }
    ],
}


class ConveningBody(BaseModel):
    """When and where, and from which task the network is looked up."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _BODY})

    task: TaskId
    at: AwareDatetime
    place: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=LINE)] = Field(
        description="as the workers know it: no school, no address, at most 40 plain letters"
    )


class AskedShape(BaseModel):
    """A worker who was asked; null: nothing was answered yet."""

    worker: str
    name: str
    answer: Literal["yes", "no"] | None
    answered_at: datetime | None
    words: str | None


class ConveningShape(BaseModel):
    """One question to the workers of a network."""

    id: str
    code: str
    task: str
    tasks: list[str] = Field(description="the connected open tasks")
    untaken: list[str] = Field(description="codes of connected tasks that nobody had taken, so that nobody was asked")
    at: datetime
    place: str
    made_by: str
    made_at: datetime
    asked: list[AskedShape]


class ConveningPage(BaseModel):
    """What was asked from one task, the newest first."""

    items: list[ConveningShape]


@router.post(
    "/convene",
    status_code=201,
    response_model=ConveningShape,
    summary="Bring the workers together",
    responses={**examples.answer(_CONVENING, status=201), **responses(401, 403, 404, 409, 413, 415, 422, 429)},
)
def convene(body: ConveningBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Text every assignee of the open tasks in the network behind a task: a time, a place, and a code to answer by."""
    made = meetings.convene(
        runtime, body.task, at=body.at, place=body.place, localities=caller.localities, actor=caller.name
    )
    with runtime.reading() as work:
        return convenings.view(work, meetings.found(work, made, caller.localities))


@router.get(
    "/convenings",
    response_model=ConveningPage,
    summary="List what was asked from a task",
    responses={**examples.answer({"items": [_CONVENING]}), **responses(401, 403, 404, 422, 429)},
)
def list_convenings(caller: SupervisorDep, runtime: RuntimeDep, task: Annotated[TaskId, Query()]) -> dict[str, Any]:
    """With the answers so far."""
    with runtime.reading() as work:
        meetings.visible(work.session.get(Task, task), caller.localities)
        return {"items": [convenings.view(work, each) for each in convenings.of_task(work, task)]}


@router.get(
    "/convenings/{convening_id}",
    response_model=ConveningShape,
    summary="Read who comes",
    responses={**examples.answer(_CONVENING), **responses(401, 403, 404, 422, 429)},
)
def read_convening(
    convening_id: Annotated[str, Path(pattern=r"^cnv_[0-9a-f-]{36}$")], caller: SupervisorDep, runtime: RuntimeDep
) -> dict[str, Any]:
    """Who was asked and what they answered last."""
    with runtime.reading() as work:
        return convenings.view(work, meetings.found(work, convening_id, caller.localities))
