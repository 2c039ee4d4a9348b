"""Tasks: found, read, and acted on by supervisors."""

from datetime import timedelta
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from api import examples
from api.access import Caller, RuntimeDep, SupervisorDep
from api.answered import answered
from api.problems import responses
from api.shapes import TaskPage, TaskWithTimeline
from rules.sla import MilestoneName, MilestoneState
from service.errors import NotFound
from service.flows import actions
from service.models.incidents import Purpose
from service.models.tasks import Task, TaskState
from service.records import tasks, views
from service.runtime import Runtime
from service.work import Work

router = APIRouter(prefix="/v1/tasks", tags=["Tasks"])

TaskId = Annotated[str, Path(pattern=r"^tsk_[0-9a-f-]{36}$", examples=["tsk_0193a1c2-7b1f-7c3d-8f4a-1b2c3d4e5f61"])]
Slug = Annotated[str | None, Query(pattern=r"^[a-z0-9_-]{1,64}$")]
Text = Annotated[str, Field(min_length=1, max_length=2000)]


def _body(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"example": example})


class WorkerBody(BaseModel):
    """Which worker."""

    model_config = _body({"worker": "amina"})

    worker: str = Field(min_length=1, max_length=64, description="the worker's slug")


class DeclineBody(BaseModel):
    """Who passes, and why; the reason is kept for supervisors alone."""

    model_config = _body({"worker": "amina", "reason": "at another call"})

    worker: str = Field(min_length=1, max_length=64)
    reason: str = Field(default="", max_length=2000)


class MilestoneBody(BaseModel):
    """Which milestone is met now."""

    model_config = _body({"name": "contact"})

    name: MilestoneName


class CompleteBody(BaseModel):
    """How the work ended: one of the pathway's outcomes."""

    model_config = _body({"outcome": "contact_made", "note": "plan agreed with the school"})

    outcome: str = Field(min_length=1, max_length=64)
    note: str = Field(default="", max_length=2000)


class ReasonBody(BaseModel):
    """Why."""

    model_config = _body({"reason": "reported by mistake"})

    reason: Text


class PauseBody(BaseModel):
    """Why the clock stops, and until when; 24 hours when no moment is given."""

    model_config = _body({"reason": "the family asked for time", "until": "2026-11-21T09:00:00Z"})

    reason: Text
    until: AwareDatetime | None = None


class CheckInBody(BaseModel):
    """By when whoever has the task says that they are safe: a moment, or how long from now."""

    model_config = _body({"after": "PT45M"})

    at: AwareDatetime | None = None
    after: timedelta | None = Field(default=None, description="an ISO 8601 duration, 5 minutes to 12 hours")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.at is None) == (self.after is None):
            raise ValueError("give either at or after")
        return self


class NoteBody(BaseModel):
    """A line for the timeline."""

    model_config = _body({"text": "spoke to the school"})

    text: Text


ACTION: dict[str, Any] = {
    "response_model": TaskWithTimeline,
    "responses": {
        200: {"description": "The task as it is now", "content": {"application/json": {"example": examples.TASK}}},
        **responses(401, 403, 404, 409, 413, 415, 422, 429),
    },
}


_LISTED = {name: value for name, value in examples.TASK.items() if name != "timeline"}


@router.get(
    "",
    response_model=TaskPage,
    summary="Find tasks",
    responses={**examples.answer({"items": [_LISTED], "next": None}), **responses(401, 403, 422, 429)},
)
def list_tasks(
    caller: SupervisorDep,
    runtime: RuntimeDep,
    state: TaskState | None = None,
    sla: MilestoneState | None = None,
    team: Slug = None,
    locality: Slug = None,
    pathway: Slug = None,
    worker: Slug = None,
    purpose: Purpose | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(pattern=r"^tsk_[0-9a-f-]{36}$")] = None,
) -> Response:
    """Newest first. `sla` finds tasks with a milestone in that state; `worker` those that the worker holds;
    `purpose=test` the service's own tests, which are left out unless they are asked for."""
    with runtime.reading() as work:
        rows, following = tasks.found(
            work,
            state=state,
            sla=sla,
            exact={"team": team, "locality": locality, "pathway": pathway, "assignee": worker},
            localities=caller.localities,
            limit=limit,
            before=cursor,
            purpose=purpose,
        )
        found = {"items": views.task_views(work, rows), "next": following}
    return answered(TaskPage, found)


@router.get(
    "/{task_id}",
    response_model=TaskWithTimeline,
    summary="Read a task",
    responses={
        200: {"description": "The task", "content": {"application/json": {"example": examples.TASK}}},
        **responses(401, 403, 404, 422, 429),
    },
)
def read_task(task_id: TaskId, caller: SupervisorDep, runtime: RuntimeDep) -> Response:
    """One task with its timeline."""
    return answered(TaskWithTimeline, _now(runtime, caller, task_id))


@router.post("/{task_id}/acknowledge", summary="Record that a worker takes it", **ACTION)
def acknowledge_task(task_id: TaskId, body: WorkerBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """The same transition as TAKE by text."""
    actions.acknowledge(runtime, caller.scope, task_id, body.worker)
    return _now(runtime, caller, task_id)


@router.post("/{task_id}/decline", summary="Record that a worker passes", **ACTION)
def decline_task(task_id: TaskId, body: DeclineBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """The next step is paged at once."""
    actions.decline(runtime, caller.scope, task_id, body.worker, body.reason)
    return _now(runtime, caller, task_id)


@router.post("/{task_id}/assign", summary="Give it to a worker", **ACTION)
def assign_task(task_id: TaskId, body: WorkerBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """The worker is paged. Only their own answer stops the clock: until then the task is open and escalates."""
    actions.assign(runtime, caller.scope, task_id, body.worker)
    return _now(runtime, caller, task_id)


@router.post("/{task_id}/milestone", summary="Record that a milestone is met", **ACTION)
def meet_milestone(task_id: TaskId, body: MilestoneBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Such as contact."""
    actions.milestone(runtime, caller.scope, task_id, body.name)
    return _now(runtime, caller, task_id)


@router.post("/{task_id}/complete", summary="Record the outcome", **ACTION)
def complete_task(task_id: TaskId, body: CompleteBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """The work is done."""
    actions.complete(runtime, caller.scope, task_id, body.outcome, note=body.note)
    return _now(runtime, caller, task_id)


@router.post("/{task_id}/cancel", summary="Call it off", **ACTION)
def cancel_task(task_id: TaskId, body: ReasonBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Whoever was paged or holds it is told not to attend."""
    actions.cancel(runtime, caller.scope, task_id, body.reason)
    return _now(runtime, caller, task_id)


@router.post("/{task_id}/pause", summary="Stop its clock", **ACTION)
def pause_task(task_id: TaskId, body: PauseBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """It runs again by itself at `until`."""
    actions.pause(runtime, caller.scope, task_id, body.reason, body.until)
    return _now(runtime, caller, task_id)


@router.post("/{task_id}/resume", summary="Let its clock run again", **ACTION)
def resume_task(task_id: TaskId, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Deadlines move by as long as it stood."""
    actions.resume(runtime, caller.scope, task_id)
    return _now(runtime, caller, task_id)


@router.post("/{task_id}/check-in", summary="Ask its worker to check in", **ACTION)
def check_in_task(task_id: TaskId, body: CheckInBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """They are told to text SAFE by then; if they don't, they are asked, and then their lead and the duty manager are paged."""
    actions.check_in(runtime, caller.scope, task_id, at=body.at, after=body.after)
    return _now(runtime, caller, task_id)


@router.post("/{task_id}/note", summary="Add a note", **ACTION)
def note_task(task_id: TaskId, body: NoteBody, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Allowed in every state."""
    actions.note(runtime, caller.scope, task_id, body.text)
    return _now(runtime, caller, task_id)


@router.post("/{task_id}/escalate", summary="Page the next step now", **ACTION)
def escalate_task(task_id: TaskId, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Without waiting for the step's time."""
    actions.escalate(runtime, caller.scope, task_id)
    return _now(runtime, caller, task_id)


def _now(runtime: Runtime, caller: Caller, task_id: str) -> dict[str, Any]:
    with runtime.reading() as work:
        return _visible(work, caller, task_id)


def _visible(work: Work, caller: Caller, task_id: str) -> dict[str, Any]:
    task = work.session.get(Task, task_id)
    if task is None or not caller.scope.sees(task.locality):
        raise NotFound("there is no such task")
    return views.task_view(work, task)
