"""A partner's own CSV, read by the mapping that its administrator wrote."""

from collections.abc import Iterator, Sequence
from typing import Any

from api.feeds.mapping import Mapping
from api.feeds.reading import Faulty, Feed, Reading, Reported, Wrong, pointer_to, report_of
from api.feeds.rows import Row, rows_of
from api.feeds.times import NoTime, from_formats

NUMBERS: dict[str, type[int] | type[float]] = {"place.lat": float, "place.lon": float, "people.age": int}


def is_laid_out_as(header: Sequence[str], mapping: Mapping) -> bool:
    """Whether a file has all the columns of a mapping, each once."""
    return all(list(header).count(column) == 1 for column in mapping.columns)


def read(lines: Iterator[str], delimiter: str, mapping: Mapping, feed: Feed) -> Iterator[Reading]:
    """What a file's rows say."""
    columns: dict[str, list[str]] = {}
    for column, target in mapping.columns.items():
        columns.setdefault(target, []).append(column)
    sources = {target: pointer_to(names[0]) for target, names in columns.items()}
    for row in rows_of(lines, delimiter):
        if isinstance(row, Faulty):
            yield row
            continue
        try:
            values = _values(row, mapping, columns, feed)
            report = report_of(_nested(values), sources)
            yield Reported(line=row.line, report=report, kept=row.kept, history=mapping.history)
        except Wrong as wrong:
            yield Faulty(line=row.line, faults=(wrong.fault,), kept=row.kept)


def _values(row: Row, mapping: Mapping, columns: dict[str, list[str]], feed: Feed) -> dict[str, Any]:
    """Every target's value. An empty cell is as if it were not there."""
    found: dict[str, Any] = {"type": mapping.type} if mapping.type else {}
    for target, text in mapping.constants.items():
        found[target] = [text] if target == "groups" else _number(target, text, "")
    for target, names in columns.items():
        cells = [row.cells[name] for name in names if row.cells[name]]
        where = pointer_to(names[0])
        if target in mapping.values:
            cells = [_translated(mapping, target, cell, where) for cell in cells]
        if target == "occurred_at":
            found |= _time(" ".join(cells), mapping, feed, where)
        elif target == "groups":
            found[target] = [_reference(mapping, feed, cell) for cell in cells]
        elif cells and target == "people.ref":
            found[target] = _reference(mapping, feed, cells[0])
        elif cells:
            found[target] = _number(target, cells[0], where)
    if "type" not in found:
        raise Wrong(pointer_to(*columns["type"][:1]), "is missing: every report needs a type")
    return found


def _time(text: str, mapping: Mapping, feed: Feed, where: str) -> dict[str, Any]:
    try:
        moment = from_formats(text, mapping.dates, feed.zone)
    except NoTime as wrong:
        raise Wrong(where, str(wrong)) from None
    return {"occurred_at": moment.at} | ({"attributes.time_ambiguous": True} if moment.twice else {})


def _translated(mapping: Mapping, target: str, cell: str, where: str) -> str:
    known = mapping.values[target]
    if cell not in known:
        raise Wrong(where, f"must be one of {', '.join(known)}; or put it into the mapping's values of {target}")
    return known[cell]


def _reference(mapping: Mapping, feed: Feed, cell: str) -> str:
    return cell if mapping.references == "as_given" else feed.pseudonym(cell)


def _number(target: str, text: str, where: str) -> str | float:
    kind = NUMBERS.get(target)
    if kind is None:
        return text
    try:
        return kind(text)
    except ValueError:
        raise Wrong(where, "must be a whole number" if kind is int else "must be a number such as 51.4545") from None


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    """The targets with a dot as parts of the report. Nobody is in a row without a reference."""
    fields: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for target, value in values.items():
        whole, dot, part = target.partition(".")
        if dot:
            parts.setdefault(whole, {})[part] = value
        else:
            fields[target] = value
    people = parts.pop("people", {})
    if "ref" in people:
        fields["people"] = [people]
    return fields | parts
