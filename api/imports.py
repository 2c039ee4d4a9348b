"""Partners' files and messages, read by their kind and taken in like any other report, many to a transaction.

The API and the command `callout import` both come through here, so that one partner's rows are recognised whichever way
they come.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

from api.feeds import codelists, fhir, hl7v2, istv, police_uk, rows, table
from api.feeds.codelists import CodeLists
from api.feeds.mapping import Mapping
from api.feeds.reading import Faulty, Feed, PassedOver, Reading, Reported, Retracted
from api.feeds.rows import Encoding
from api.refusals import told
from service.errors import Fault, Invalid, NotFound, ServiceError
from service.flows import feeds, intake
from service.models.access import AccessKey
from service.privacy import Keyring
from service.records.judging import Submission, Taken, Withdrawal
from service.runtime import Runtime

IN_ONE_TRANSACTION = 50
# What 256 KiB hold of honest rows; of rows of one letter they would hold a hundred times that.
MOST_ROWS = 5000
PASSED_OVER, NOTHING_HELD = "passed_over", "nothing is held that it could take back"


class Kind(StrEnum):
    """How a file or message is written."""

    ISTV = "istv"
    POLICE_UK = "police-uk"
    HL7 = "hl7"
    FHIR = "fhir"
    CSV = "csv"


@dataclass(frozen=True, kw_only=True)
class Partner:
    """Whose reports these are."""

    key_id: str
    name: str
    needs_lawful_basis: bool = False


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a file turned out to be written. `name`: the kind, or the name of the mapping."""

    name: str
    encoding: Encoding
    delimiter: str | None
    readings: Iterator[Reading]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one row: `new`, `replayed`, `revised`, `retracted`, `passed_over` or `refused`."""

    line: int
    result: str
    incident_id: str | None = None
    reason: str | None = None
    problem: dict[str, Any] | None = None
    kept: str = ""


def pseudonym(keyring: Keyring, partner: str, value: str) -> str:
    """What a partner calls somebody, as it is known here: the same for one partner, never the same for two."""
    return "p-" + keyring.fingerprint(f"partner {partner}", value)[:16]


def feed_of(runtime: Runtime, partner: str) -> Feed:
    """A partner's feed: the partnership's clock, and pseudonyms of the partner's own."""
    with runtime.reading() as work:
        zone = work.partnership.zone
    return Feed(zone=zone, pseudonym=partial(pseudonym, runtime.keyring, partner))


def laid_out(
    stream: BinaryIO, kind: Kind | None, lists: CodeLists, feed: Feed, mappings: Iterable[Mapping] = ()
) -> Layout:
    """How a file is written, and what it says, read as it is asked for. Without a kind it is known by its header row.

    Raises Invalid where the header row fits nothing that is known.
    """
    encoding = rows.encoding_of(stream)
    lines = rows.lines_of(stream, encoding)
    if kind is Kind.HL7:
        return Layout(name=kind, encoding=encoding, delimiter=None, readings=hl7v2.read(lines, lists.clinical, feed))
    if kind is Kind.FHIR:
        if encoding != rows.UTF8:
            raise Invalid("the content is wrong", (Fault("", "JSON must be in UTF-8"),))
        return Layout(name=kind, encoding=encoding, delimiter=None, readings=fhir.read(lines, lists.clinical, feed))
    lines.close()
    return _by_header(stream, encoding, kind, lists, feed, list(mappings) or lists.csv)


def _by_header(
    stream: BinaryIO, encoding: Encoding, kind: Kind | None, lists: CodeLists, feed: Feed, mappings: list[Mapping]
) -> Layout:
    header, delimiter = rows.header_of(stream, encoding)
    lines = rows.lines_of(stream, encoding)
    made = partial(Layout, encoding=encoding, delimiter=delimiter)
    if kind in (None, Kind.POLICE_UK) and tuple(header) == police_uk.COLUMNS:
        return made(name=Kind.POLICE_UK, readings=police_uk.read(lines, lists.police_uk, feed))
    columns = istv.columns_of(header)
    if kind in (None, Kind.ISTV) and columns:
        return made(name=Kind.ISTV, readings=istv.read(lines, delimiter, columns, lists.istv, feed))
    for mapping in mappings if kind in (None, Kind.CSV) else ():
        if table.is_laid_out_as(header, mapping):
            return made(name=mapping.name, readings=table.read(lines, delimiter, mapping, feed))
    raise Unrecognised(header, _known(kind, mappings))


class Unrecognised(Invalid):
    """A header row that fits no layout. The columns seen are told to whoever sent them and stored nowhere."""

    def __init__(self, header: list[str], known: list[str]) -> None:
        columns = ", ".join(column[:60] for column in header[:60]) or "none"
        detail = f"the columns are {columns}; a layout that is known has {'; or '.join(known) or 'none here'}"
        super().__init__("the header row fits no layout that is known here", (Fault("", detail),))
        self.kept = Invalid(self.detail, (Fault("", f"{len(header)} columns, of no layout that is known"),))


def _known(kind: Kind | None, mappings: list[Mapping]) -> list[str]:
    asked = [kind] if kind else list(Kind)
    known = {
        Kind.POLICE_UK: [f"police-uk: {', '.join(police_uk.COLUMNS)}"],
        Kind.ISTV: [f"istv: {', '.join(istv.ELEMENTS[element][0].upper() for element in istv.MANDATORY)}"],
        Kind.CSV: [f"{mapping.name}: {', '.join(mapping.columns)}" for mapping in mappings],
    }
    return [line for each in asked for line in known.get(each, [])]


def take(runtime: Runtime, readings: Iterable[Reading], partner: Partner) -> Iterator[Outcome]:
    """What becomes of each row, in order; so many at a time as one transaction takes, so that others get their turn."""
    given = iter(readings)
    while some := list(islice(given, IN_ONE_TRANSACTION)):
        asked = [(reading, _asked(reading, partner)) for reading in some]
        submissions = [submission for _, submission in asked if submission]
        results = iter(intake.accept(runtime, submissions) if submissions else ())
        outcomes = [
            _settled(reading, next(results)) if submission else _unasked(reading) for reading, submission in asked
        ]
        if any(outcome.result == PASSED_OVER for outcome in outcomes):
            feeds.spoke(runtime, partner.key_id)
        for outcome in outcomes:
            if outcome.result != "refused":
                runtime.metrics.taken_in(outcome.result)
            yield outcome


def _asked(reading: Reading, partner: Partner) -> Submission | Withdrawal | None:
    if isinstance(reading, Reported):
        return Submission(
            report=reading.report,
            key_id=partner.key_id,
            partner=partner.name,
            idempotency_key=reading.idempotency_key,
            needs_lawful_basis=partner.needs_lawful_basis,
            begins=reading.begins,
            history=reading.history,
        )
    if isinstance(reading, Retracted):
        return Withdrawal(
            source_ref=reading.source_ref,
            key_id=partner.key_id,
            partner=partner.name,
            reason=reading.reason,
            idempotency_key=reading.idempotency_key,
        )
    return None


def _settled(reading: Reading, result: Taken | ServiceError) -> Outcome:
    if isinstance(result, Taken):
        return Outcome(line=reading.line, result=result.result, incident_id=result.incident_id)
    if isinstance(result, NotFound):
        return Outcome(line=reading.line, result=PASSED_OVER, reason=NOTHING_HELD)
    kept = reading.kept if isinstance(reading, Reported) else ""
    return Outcome(line=reading.line, result="refused", problem=told(result), kept=kept)


def _unasked(reading: Reading) -> Outcome:
    if isinstance(reading, PassedOver):
        return Outcome(line=reading.line, result=PASSED_OVER, reason=reading.reason)
    faults = reading.faults if isinstance(reading, Faulty) else ()
    problem = told(Invalid("the content is wrong", faults))
    return Outcome(
        line=reading.line, result="refused", problem=problem, kept=reading.kept if isinstance(reading, Faulty) else ""
    )


def as_history(readings: Iterator[Reading]) -> Iterator[Reading]:
    """The same, but nobody is paged for any of it."""
    for reading in readings:
        yield replace(reading, history=True) if isinstance(reading, Reported) else reading


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A file that is being taken in: how it is written, for whom it is taken, and what becomes of each row."""

    layout: str
    encoding: Encoding
    delimiter: str | None
    partner: str
    outcomes: Iterator[Outcome]


def from_file(
    runtime: Runtime,
    stream: BinaryIO,
    *,
    kind: str,
    key: AccessKey | None,
    mapping: str | None,
    all_history: bool,
) -> Imported:
    """Take in a file as if the holder of a key had posted it; without one, as a source of its own named after its kind.

    Rows are taken as `outcomes` is read. Raises Invalid, and SettingsWrong for code lists that can't be read.
    """
    lists = codelists.load(runtime.settings.code_lists)
    partner = (
        Partner(key_id=key.id, name=key.name, needs_lawful_basis=key.needs_lawful_basis)
        if key
        else Partner(key_id=f"import {kind}", name=f"import {kind}")
    )
    mappings: list[Mapping] = [codelists.read(mapping, Mapping)] if mapping else []
    layout = laid_out(stream, Kind(kind), lists, feed_of(runtime, partner.name), mappings)
    readings = as_history(layout.readings) if all_history else layout.readings
    return Imported(
        layout=layout.name,
        encoding=layout.encoding,
        delimiter=layout.delimiter,
        partner=partner.name,
        outcomes=take(runtime, readings, partner),
    )


def of_bytes(body: bytes, kind: Kind | None, lists: CodeLists, feed: Feed) -> Layout:
    """How a posted body is written, and what it says; all of it is read. Raises Invalid, for too many rows too."""
    with closing(io.BytesIO(body)) as stream:
        layout = laid_out(stream, kind, lists, feed)
        readings = list(islice(layout.readings, MOST_ROWS + 1))
    if len(readings) > MOST_ROWS:
        raise Invalid(
            "the content is too long", (Fault("", f"at most {MOST_ROWS:,} rows a request; or use: callout import"),)
        )
    return replace(layout, readings=iter(readings))
