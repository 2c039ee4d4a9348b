"""The map of places that repeat: hexagons by their counts, why some are flagged, and the button that plans work there."""

from collections.abc import Iterable, Mapping
from math import cos, radians
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.access import Caller, RuntimeDep, signed_in
from api.pages.rendering import page
from api.pages.sign_in import give_session, supervisor_here
from api.problems import ApiError
from rules.hotspots import REST, middle, outline
from service.errors import Conflict, NotFound
from service.flows import places
from service.records import hotspots
from service.runtime import Runtime

router = APIRouter()

WIDE = 1000  # of the drawing, in its own units
NARROWEST = 0.01  # degrees: a single hexagon is not blown up to the whole map
SHADES = (1, 2, 4, 6, 10)
A_DEGREE = 111_195  # metres of a meridian, mean radius
SCALES = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
KINDS = {"repeat": "counted often", "near_repeat": "lately and close"}
Name = Annotated[str | None, Query(pattern=r"^[a-z0-9_-]{1,64}$")]


@router.get("/board/map", response_class=HTMLResponse)
def show_map(request: Request, runtime: RuntimeDep, band: Name = None) -> Response:
    """The whole page."""
    caller, key_id = supervisor_here(request, runtime)
    if caller is None:
        return RedirectResponse(f"/sign-in?next={quote('/board/map')}", 303)
    response = page(request, "map.html", **_context(runtime, caller, band), error=None)
    if key_id:
        give_session(response, runtime, key_id)
    return response


@router.post("/board/map", response_class=HTMLResponse)
def approve(
    request: Request,
    runtime: RuntimeDep,
    hexagon: Annotated[str, Form(pattern=r"^[0-9a-f]{15}$")],
    band: Annotated[str, Form(pattern=r"^[a-z0-9_-]{1,64}$")],
    note: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Plan work at a flagged place."""
    caller = signed_in(request, runtime)
    if caller is None:
        raise ApiError(401, "sign in on this service's own page first")
    try:
        places.approve(
            runtime,
            hexagon=hexagon,
            band=band,
            note=note.replace("\x00", ""),
            localities=caller.localities,
            actor=caller.name,
        )
    except (Conflict, NotFound) as error:
        return page(request, "map.html", 409, **_context(runtime, caller, band), error=error.detail)
    return RedirectResponse(f"/board/map?band={band}#{hexagon}-{band}", 303)


def _context(runtime: Runtime, caller: Caller, band: str | None) -> dict[str, Any]:
    with runtime.reading() as work:
        found = hotspots.collection(work, localities=caller.localities, band=band, only_flagged=False, suppressed=False)
        names = work.partnership.locality_names
        now = work.now.astimezone(work.partnership.zone)
        partnership = work.partnership.partnership
    policy = found["policy"]
    spots = [feature["properties"] for feature in found["features"]]
    flagged = [spot | {"number": number} for number, spot in enumerate((s for s in spots if s["flags"]), 1)]
    return {
        "now": now,
        "partnership": partnership,
        "policy": policy,
        "rates": found["base_rates"],
        "bands": [*policy["bands"], REST] if policy else [],
        "band": band,
        "drawing": _drawing([*flagged, *(spot for spot in spots if not spot["flags"])]),
        "shades": SHADES,
        "flagged": flagged,
        "listed": len(spots),
        "names": names,
        "kinds": KINDS,
    }


def _drawing(spots: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Hexagons as paths in a plane that keeps shapes at this size: longitudes shrink with the latitude's cosine."""
    cells: dict[str, dict[str, Any]] = {}
    for spot in spots:
        cell = cells.setdefault(spot["hexagon"], {"count": 0, "numbers": []})
        cell["count"] += spot["count"]
        cell["numbers"] += [spot["number"]] if spot["flags"] else []
    if not cells:
        return None
    corners = {name: outline(name) for name in cells}
    every = [corner for each in corners.values() for corner in each]
    west, east = min(lon for lon, _ in every), max(lon for lon, _ in every)
    south, north = min(lat for _, lat in every), max(lat for _, lat in every)
    shrink = cos(radians((south + north) / 2))
    span = max((east - west) * shrink, (north - south) * 0.75, NARROWEST)
    unit = WIDE / (span * 1.08)
    left = (west + east) / 2 - span * 1.08 / 2 / shrink
    high = max((north - south) * unit + WIDE * 0.08, WIDE * 0.5)
    top = (south + north) / 2 + high / unit / 2

    def plane(lon: float, lat: float) -> tuple[float, float]:
        return (lon - left) * shrink * unit, (top - lat) * unit

    def drawn(name: str) -> dict[str, Any]:
        points = [plane(lon, lat) for lon, lat in corners[name]]
        lat, lon = middle(name)
        x, y = plane(lon, lat)
        path = " L".join(f"{x:.1f},{y:.1f}" for x, y in points[:-1])
        return {"path": f"M{path}Z", "x": f"{x:.1f}", "y": f"{y:.1f}"}

    metres = max(scale for scale in SCALES if scale <= max(WIDE / unit * A_DEGREE / 4, SCALES[0]))
    return {
        "width": WIDE,
        "height": round(high),
        "scale": {"metres": metres, "length": round(metres / A_DEGREE * unit, 1)},
        "cells": [
            cell | drawn(name) | {"shade": sum(cell["count"] >= least for least in SHADES)}
            # What is flagged is drawn last, so that its thick edge lies on top.
            for name, cell in sorted(cells.items(), key=lambda item: len(item[1]["numbers"]))
        ],
    }
