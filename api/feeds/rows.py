"""Delimited text as it really comes: in UTF-8 with or without a mark, or in Windows-1252; quoted line breaks; stray quotes.

Rows are read one at a time, so that a file may be as long as it likes."""

import csv
import io
import json
from codecs import getincrementaldecoder
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO, Literal

from api.feeds.reading import Faulty, masked, pointer_to
from service.errors import Fault

Encoding = Literal["utf-8", "windows-1252"]
UTF8: Encoding = "utf-8"
WINDOWS: Encoding = "windows-1252"
DELIMITERS = (",", ";", "\t", "|")
A_PIECE = 1 << 16
LONGEST_LINE = 1 << 17
# A quote that is opened and never closed would swallow the file; no honest cell has this many lines.
LINES_IN_A_ROW = 40
UNREADABLE = "\N{REPLACEMENT CHARACTER}"


def encoding_of(stream: BinaryIO) -> Encoding:
    """UTF-8 where all of it is, else Windows-1252, which Excel writes. The stream is left at its beginning."""
    decoder = getincrementaldecoder("utf-8")()
    try:
        while piece := stream.read(A_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return WINDOWS
    finally:
        stream.seek(0)
    return UTF8


def lines_of(stream: BinaryIO, encoding: Encoding) -> Generator[str]:
    """Its lines with their ends. What is no character of the encoding becomes U+FFFD; an endless line comes in pieces."""
    name = "utf-8-sig" if encoding == UTF8 else "cp1252"
    text = io.TextIOWrapper(stream, encoding=name, errors="replace", newline="")
    try:
        while line := text.readline(LONGEST_LINE):
            yield line
    finally:
        text.detach()


def delimiter_of(header: str) -> str:
    """The sign that parts a header row into the most cells: comma, semicolon, tab or bar."""
    return max(DELIMITERS, key=lambda sign: _cells_in(header, sign))


def _cells_in(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter, strict=True), []))
    except csv.Error:
        return 0


@dataclass(frozen=True)
class Row:
    """The cells of one row by their columns, and the line on which it begins (from 1)."""

    line: int
    cells: dict[str, str]

    @property
    def kept(self) -> str:
        """What may be stored of a row that is refused."""
        return json.dumps({column: masked(cell) for column, cell in self.cells.items()}, ensure_ascii=False)

    @property
    def content(self) -> str:
        """All that it says, as one text."""
        return json.dumps(self.cells, ensure_ascii=False, sort_keys=True)


@dataclass
class _Lines:
    """Hands lines to the CSV reader, counts them, and can take back those of a row that went wrong."""

    source: Iterator[str]
    number: int = 0
    taken: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= LINES_IN_A_ROW:
            raise csv.Error("quote")
        line = self.waiting.pop() if self.waiting else next(self.source)
        self.taken.append(line)
        self.number += 1
        return line

    def begin(self) -> int:
        """The number of the line on which the next row begins."""
        self.taken = []
        return self.number + 1

    def give_back(self) -> None:
        """Keep only the first line of what was taken."""
        again = self.taken[1:]
        self.number -= len(again)
        self.waiting += reversed(again)


def cells_of(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]] | Faulty]:
    """The rows of a delimited text with the lines on which they begin; blank ones are left out."""
    given = _Lines(lines)
    reader = csv.reader(given, delimiter=delimiter, strict=True)
    while True:
        line = given.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            first = given.taken[0] if given.taken else ""
            given.give_back()
            fault = Fault("", f"a quote is opened and not closed, or a cell is over {LONGEST_LINE:,} characters")
            yield Faulty(line=line, faults=(fault,), kept=masked(first[:1000].rstrip()))
            reader = csv.reader(given, delimiter=delimiter, strict=True)
            continue
        if any(cell.strip() for cell in cells):
            yield line, cells


def rows_of(lines: Iterator[str], delimiter: str) -> Iterator[Row | Faulty]:
    """The rows under a header row. One with too few or too many cells, or that can't be decoded, is a fault."""
    columns: Sequence[str] | None = None
    for each in cells_of(lines, delimiter):
        if isinstance(each, Faulty):
            yield each
            continue
        line, cells = each
        if columns is None:
            columns = [cell.strip() for cell in cells]
            continue
        yield _row(line, columns, cells)


def _row(line: int, columns: Sequence[str], cells: Sequence[str]) -> Row | Faulty:
    if len(cells) != len(columns):
        fault = Fault("", f"the row has {len(cells)} cells, the header {len(columns)}")
        return Faulty(line=line, faults=(fault,), kept=masked(json.dumps(cells[:100], ensure_ascii=False)))
    row = Row(line, {column: cell.strip() for column, cell in zip(columns, cells, strict=True)})
    for column, cell in row.cells.items():
        if UNREADABLE in cell:
            fault = Fault(pointer_to(column), "a byte is neither UTF-8 nor Windows-1252")
            return Faulty(line=line, faults=(fault,), kept=row.kept)
        if "\0" in cell:
            fault = Fault(pointer_to(column), "must hold no NUL")
            return Faulty(line=line, faults=(fault,), kept=row.kept)
    return row


def header_of(stream: BinaryIO, encoding: Encoding) -> tuple[list[str], str]:
    """The columns of the header row and the delimiter; none where there is no header. The stream is left at its beginning."""
    with closing(lines_of(stream, encoding)) as lines:
        first = next((line for line in lines if line.strip()), "")
        delimiter = delimiter_of(first)
        found = next(cells_of(chain([first], lines), delimiter), None)
    stream.seek(0)
    return ([cell.strip() for cell in found[1]] if isinstance(found, tuple) else []), delimiter
