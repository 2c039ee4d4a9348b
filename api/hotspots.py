"""Places that repeat, as GeoJSON, and the approval by which a flag becomes planned work."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api import examples
from api.access import AnyoneDep, RuntimeDep, SupervisorDep
from api.problems import responses
from api.shapes import TaskWithTimeline
from rules.hotspots import PlacePolicy
from rules.incident import NO_NUL
from service.flows import places
from service.models.access import Role
from service.models.tasks import Task
from service.records import hotspots, views

router = APIRouter(prefix="/v1/hotspots", tags=["Places"])


class GeoJson(JSONResponse):
    """RFC 7946's own media type."""

    media_type = "application/geo+json"


BandName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$", max_length=64)]
Hexagon = Annotated[str, Path(pattern=r"^[0-9a-f]{15}$", examples=["8919584d4abffff"])]


class FlagShape(BaseModel):
    """A reason for which the policy flags a place; in words for those who may see the incidents."""

    kind: Literal["repeat", "near_repeat"]
    reason: str | None


class PlannedTask(BaseModel):
    """The work that is planned at a place."""

    id: str
    code: str


class PlaceProperties(BaseModel):
    """What was counted in one hexagon and band of the day."""

    hexagon: str
    band: str
    locality: str | None
    count: int | None = Field(description="null: too few to be shown to this key")
    kinds: dict[str, int]
    first: datetime | None
    last: datetime | None
    flags: list[FlagShape]
    suppressed: bool = Field(description="whether small numbers were left out")
    task: PlannedTask | None


class Geometry(BaseModel):
    """A polygon of longitudes and latitudes."""

    type: Literal["Polygon"]
    coordinates: list[list[tuple[float, float]]]


class PlaceFeature(BaseModel):
    """A hexagon in one band of the day."""

    type: Literal["Feature"]
    id: str
    geometry: Geometry
    properties: PlaceProperties


class Rate(BaseModel):
    """Of places flagged in one way, and of all known places, over some weeks: how many had an incident in the seven days
    after. Read them side by side."""

    weeks: int
    flagged: int
    flagged_followed: int
    known: int
    known_followed: int


class PolicyShape(PlacePolicy):
    """The settings that flag, and what they are not."""

    note: str


class PlaceCollection(BaseModel):
    """Places with an incident in the time that the policy looks back, flagged ones first."""

    type: Literal["FeatureCollection"]
    at: datetime
    policy: PolicyShape | None = Field(description="null: the rulebook has no such policy")
    base_rates: dict[str, Rate]
    features: list[PlaceFeature]


class Approval(BaseModel):
    """Which band of the day the work is for, and a word for whoever does it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"band": "evening", "note": "in pairs"}})

    band: BandName
    note: Annotated[str, StringConstraints(max_length=500, pattern=NO_NUL)] = ""


@router.get(
    "",
    response_class=GeoJson,
    response_model=PlaceCollection,
    summary="Places that repeat",
    responses={
        200: {"content": {GeoJson.media_type: {"example": examples.HOTSPOTS}}},
        **responses(401, 403, 422, 429),
    },
)
def read_hotspots(
    caller: AnyoneDep,
    runtime: RuntimeDep,
    band: Annotated[BandName | None, Query()] = None,
    flagged: Annotated[bool, Query(description="only places that the policy flags")] = False,
) -> dict[str, Any]:
    """Hexagons by band of the day, with counts, kinds and the reasons of their flags. A supervisor sees the incidents of
    its localities; for partners, counts below five and all that would give them away are left out."""
    with runtime.reading() as work:
        partner = caller.role is Role.PARTNER
        return hotspots.collection(
            work,
            localities=() if partner else caller.localities,
            band=band,
            only_flagged=flagged,
            suppressed=partner,
        )


@router.post(
    "/{hexagon}/approve",
    status_code=201,
    response_model=TaskWithTimeline,
    summary="Plan work at a flagged place",
    responses={
        **examples.answer(examples.PLANNED_TASK, "The planned task", status=201),
        **responses(401, 403, 404, 409, 413, 415, 422, 429),
    },
)
def approve_hotspot(hexagon: Hexagon, body: Approval, caller: SupervisorDep, runtime: RuntimeDep) -> dict[str, Any]:
    """Open a planned task there: `certainty` possible, marked as a pattern and not a report, and gone when it expires."""
    task_id = places.approve(
        runtime, hexagon=hexagon, band=body.band, note=body.note, localities=caller.localities, actor=caller.name
    )
    with runtime.reading() as work:
        return views.task_view(work, work.session.get_one(Task, task_id))
