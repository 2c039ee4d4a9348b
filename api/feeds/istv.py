"""NHS Information Sharing to Tackle Violence (DCB1594): assaults seen in emergency departments, anonymised, at least monthly.

The data elements are those of the NHS Data Dictionary's minimum data set; the codes of method and location are local to
the submission and stand in the table. Nobody is named, nothing is recent: all of it is history.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from api.feeds.codelists import Istv, Meaning
from api.feeds.reading import Faulty, Feed, Reading, Reported, Rows, Wrong, pointer_to, report_of
from api.feeds.rows import Row, rows_of
from api.feeds.times import Moment, NoTime, from_formats

# By their names in the data dictionary, and the shorter ones in which trusts' spreadsheets come.
ELEMENTS: dict[str, tuple[str, ...]] = {
    "period_start": ("reporting period start date", "reporting period start"),
    "period_end": ("reporting period end date", "reporting period end"),
    "site": ("site code of treatment", "site code"),
    "arrived": (
        "arrival date and time at accident and emergency department",
        "arrival date and time at a e",
        "arrival date and time",
    ),
    "assaulted": ("assault date and time",),
    "method": ("assault method",),
    "method_other": ("assault method other description", "other description"),
    "location": ("assault location type",),
    "location_text": ("assault location description",),
}
MANDATORY = ("period_start", "period_end", "site", "assaulted", "method", "location")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d/\d\d/\d{4}", re.ASCII)


def columns_of(header: Sequence[str]) -> dict[str, str] | None:
    """Which column has which element; None where a mandatory element has none, and the file is something else."""
    plain = {_NOT_WORD.sub(" ", column.lower()).strip(): column for column in header}
    found = {element: plain[name] for element, names in ELEMENTS.items() for name in reversed(names) if name in plain}
    return found if all(element in found for element in MANDATORY) else None


def read(lines: Iterator[str], delimiter: str, columns: dict[str, str], table: Istv, feed: Feed) -> Iterator[Reading]:
    """What a file's rows say; `columns` as from columns_of."""
    rows = Rows(feed.pseudonym)
    for row in rows_of(lines, delimiter):
        if isinstance(row, Faulty):
            yield row
            continue
        try:
            sheet = _Sheet(row, columns, table, feed)
            sources = {
                "place.ods": sheet.pointer("site"),
                "place.text": sheet.pointer("location_text"),
                "summary": sheet.pointer("method_other"),
            }
            report = report_of(sheet.fields() | {"source_ref": rows.ref(row.content)}, sources)
            yield Reported(line=row.line, report=report, kept=row.kept, history=True)
        except Wrong as wrong:
            yield Faulty(line=row.line, faults=(wrong.fault,), kept=row.kept)


class _Sheet:
    """One row by its elements."""

    def __init__(self, row: Row, columns: dict[str, str], table: Istv, feed: Feed) -> None:
        self._row, self._columns, self._table, self._feed = row, columns, table, feed

    def pointer(self, element: str) -> str:
        """Where an element stands."""
        return pointer_to(self._columns.get(element, ELEMENTS[element][0].upper()))

    def fields(self) -> dict[str, Any]:
        """The report. Raises Wrong."""
        for element in MANDATORY:
            if not self._cell(element):
                raise Wrong(self.pointer(element), "is mandatory in this data set, and missing")
        for element in ("period_start", "period_end"):
            if not _DATE.fullmatch(self._cell(element)):
                raise Wrong(self.pointer(element), "must be a date such as 2026-10-01")
        happened = self._moment("assaulted")
        arrived = self._moment("arrived") if self._cell("arrived") else None
        if arrived and arrived.at < happened.at:
            raise Wrong(self.pointer("assaulted"), "must not be later than the arrival")
        method = self._table.methods.get(self._cell("method"), Meaning())
        attributes = {
            "source": "istv",
            "method": self._cell("method"),
            "location": self._cell("location"),
            "weapon": method.weapon,
            "arrived_at": arrived.at.isoformat() if arrived else None,
            "time_ambiguous": happened.twice or None,
        }
        return {
            "type": method.type or self._table.type,
            "occurred_at": happened.at,
            "setting": self._table.locations.get(self._cell("location")),
            "place": {"ods": self._cell("site"), "text": self._cell("location_text") or None},
            "summary": self._cell("method_other") or None,
            "attributes": {name: value for name, value in attributes.items() if value is not None},
            "lawful_basis": self._table.lawful_basis,
        }

    def _cell(self, element: str) -> str:
        return self._row.cells.get(self._columns.get(element, ""), "")

    def _moment(self, element: str) -> Moment:
        try:
            return from_formats(self._cell(element), self._table.dates, self._feed.zone)
        except NoTime as wrong:
            raise Wrong(self.pointer(element), str(wrong)) from None
