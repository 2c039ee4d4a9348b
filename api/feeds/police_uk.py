"""police.uk street-level crime, as https://data.police.uk/data/ gives it: a baseline of the past, by month.

Points are snapped to the middle of streets, and only the month is known, so nothing here says when on which day.
"""

import re
from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

from api.feeds.codelists import PoliceUk
from api.feeds.reading import Faulty, Feed, NotOurs, PassedOver, Reading, Reported, Rows, Wrong, pointer_to, report_of
from api.feeds.rows import Row, rows_of
from api.feeds.times import NoTime, local

COLUMNS = (
    "Crime ID",
    "Month",
    "Reported by",
    "Falls within",
    "Longitude",
    "Latitude",
    "Location",
    "LSOA code",
    "LSOA name",
    "Crime type",
    "Last outcome category",
    "Context",
)
NOON = time(12)
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_SOURCES = {
    "source_ref": "/Crime ID",
    "occurred_at": "/Month",
    "place.lat": "/Latitude",
    "place.lon": "/Longitude",
    "place.text": "/Location",
    "attributes": "/LSOA code",
}


def read(lines: Iterator[str], table: PoliceUk, feed: Feed) -> Iterator[Reading]:
    """What a file's rows say. All of it is history."""
    rows = Rows(feed.pseudonym)
    for row in rows_of(lines, ","):
        if isinstance(row, Faulty):
            yield row
            continue
        try:
            fields = _fields(row, table, feed, rows)
            yield Reported(line=row.line, report=report_of(fields, _SOURCES), kept=row.kept, history=True)
        except Wrong as wrong:
            yield Faulty(line=row.line, faults=(wrong.fault,), kept=row.kept)
        except NotOurs as reason:
            yield PassedOver(line=row.line, reason=str(reason))


def _fields(row: Row, table: PoliceUk, feed: Feed, rows: Rows) -> dict[str, Any]:
    cells = row.cells
    kind = cells["Crime type"]
    if not kind:
        raise Wrong("/Crime type", "is missing")
    if kind not in table.types:
        raise NotOurs("the crime type is not in the table")
    place = {"text": cells["Location"] or None} | _point(cells)
    return {
        "type": table.types[kind],
        "occurred_at": _first_of(cells["Month"], feed),
        # Reports of antisocial behaviour come without an id.
        "source_ref": cells["Crime ID"] or rows.ref(row.content),
        "place": place,
        "attributes": {
            "time_precision": "month",
            "source": "police.uk",
            "crime_type": kind,
            "reported_by": cells["Reported by"],
            "lsoa": cells["LSOA code"],
        },
        "lawful_basis": table.lawful_basis,
    }


def _first_of(month: str, feed: Feed) -> datetime:
    found = _MONTH.fullmatch(month)
    if found is None:
        raise Wrong("/Month", "must be a month such as 2026-10")
    try:
        first = datetime(int(found[1]), int(found[2]), 1)  # noqa: DTZ001 - the wall's time; `local` gives it the feed's zone
        return local(datetime.combine(first, NOON), feed.zone).at
    except (ValueError, NoTime):
        raise Wrong("/Month", "lies outside the calendar") from None


def _point(cells: dict[str, str]) -> dict[str, float]:
    found = {}
    for column, name in (("Latitude", "lat"), ("Longitude", "lon")):
        if cells[column]:
            try:
                found[name] = float(cells[column])
            except ValueError:
                raise Wrong(pointer_to(column), "must be a number of degrees such as 51.4545") from None
    if len(found) == 1:
        raise Wrong("/Latitude", "must be there together with Longitude, or neither")
    return found
