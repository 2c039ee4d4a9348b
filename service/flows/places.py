"""A supervisor approves a place that the policy flags: only then does it become work."""

from collections.abc import Sequence

from service.records import hotspots
from service.repeating import repeated
from service.runtime import Runtime


@repeated
def approve(runtime: Runtime, *, hexagon: str, band: str, note: str, localities: Sequence[str], actor: str) -> str:
    """Open the planned task of a flagged place; its id. Raises NotFound and Conflict."""
    with runtime.transaction() as work:
        task = hotspots.approve(work, hexagon=hexagon, band=band, note=note, localities=localities, actor=actor)
        return task.id
