"""Reads CSV and TSV files: finds the header and the delimiter, then one record a row."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from data.errors import InvalidFeed
from data.readers.files.cells import read_cells
from data.readers.headers import header_place, skipped_note
from data.readers.records import BadRow, Record, Records, RowWarning
from data.readers.sources.lines import Lines
from data.readers.sources.source import Source

IMAGE_SEPARATOR = ";"
_DELIMITERS = ",\t;|^~"
_HEADER_LIMIT = 100_000
_LINES_BEFORE_HEADER = 10
_SEP_LINE = re.compile(r'"?sep=([,;|^~\t])"?[,;|^~\t]*', re.IGNORECASE)


def read_csv(source: Source) -> Records:
    """Returns the rows below the header; a cell may hold several images, separated by `;`.

    Columns without a name at the end of the header are left out, others are called `column 3`.

    Raises:
        InvalidFeed: there is no header, or it names a column twice.
    """
    start = find_header(source)
    rows = read_cells(source, start.delimiter, start.skip)
    _, names = next(rows, (0, []))
    if isinstance(names, BadRow) or not names:
        raise InvalidFeed(f"a CSV feed must begin with a header; got {source.name}. Add the names of its columns.")
    columns = header_columns(names)
    return Records(columns, _records(source, rows, columns, start.delimiter), IMAGE_SEPARATOR, start.notes)


def header_columns(names: list[str]) -> tuple[str, ...]:
    """Returns the columns' names from a header's cells, trimmed; those without a name at its end are left out.

    Raises:
        InvalidFeed: two columns have the same name.
    """
    while names and not names[-1].strip():
        names.pop()
    columns = tuple(name.strip() or f"column {number}" for number, name in enumerate(names, 1))
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise InvalidFeed(f"a feed must name each column once; got {twice!r} twice. Rename one.")
    return columns


@dataclass(frozen=True)
class Header:
    """Where the header of a CSV file is.

    Attributes:
        skip: lines before it: blank ones, `sep=;` and explanations.
        notes: what the report says of them.
    """

    skip: int
    delimiter: str
    cells: tuple[str, ...]
    notes: tuple[str, ...]


def find_header(source: Source) -> Header:
    """Returns where the header is, and the delimiter: the one of a line `sep=`, or that which gives it most cells.

    Skipped as an explanation: a line that starts with `# `, a sentence above a line of several cells, and what stands
    above the line that `header_place` finds.
    """
    head = [line[:_HEADER_LIMIT].strip("\r\n") for line in islice(Lines(source), _LINES_BEFORE_HEADER)]
    named, notes = "", list[str]()
    for skip, (line, following) in enumerate(zip(head, [*head[1:], ""], strict=False)):
        if sep := _SEP_LINE.fullmatch(line.strip(" ")):
            named = sep[1]
        elif _is_explanation(line, following):
            notes.append(skipped_note(skip + 1, [line]))
        elif line.strip():
            return _best_header(head, skip, named, notes)
    return Header(0, ",", (), ())


def _best_header(head: list[str], skip: int, named: str, notes: list[str]) -> Header:
    """Returns the header among the lines from `skip` on; the first of them is it, unless one below is a better one."""
    delimiters = [named or _best_delimiter(line) for line in head[skip:]]
    rows = [_split(line, delimiter) for line, delimiter in zip(head[skip:], delimiters, strict=True)]
    place = header_place(rows)
    notes += [skipped_note(skip + number, row) for number, row in enumerate(rows[:place], 1) if any(row)]
    return Header(skip + place, delimiters[place], tuple(rows[place]), tuple(notes))


def _is_explanation(line: str, following: str) -> bool:
    if line.lstrip('"').startswith("# "):
        return True
    cells = [cell.strip() for cell in _split(line, _best_delimiter(line)) if cell.strip()]
    return len(cells) == 1 and " " in cells[0] and len(_split(following, _best_delimiter(following))) > 1


def _best_delimiter(line: str) -> str:
    """Returns the delimiter that splits a line into the most cells; a comma if none splits it."""
    return max(_DELIMITERS, key=lambda delimiter: len(_split(line, delimiter)))


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # reported with its line number when the rows are read
        return []


def _records(
    source: Source, rows: Iterator[tuple[int, list[str] | BadRow]], columns: tuple[str, ...], delimiter: str
) -> Iterator[Record | BadRow]:
    short: Record | None = None
    after_bad = False
    for line, cells in rows:
        if short:
            yield short
            short = None
        if isinstance(cells, BadRow):
            yield cells
        elif len(cells) == len(columns):
            yield Record(line, dict(zip(columns, cells, strict=True)))
        elif not after_bad and _is_short(cells, columns, delimiter):
            warning = RowWarning("short_row", f"a row should have {len(columns)} cells; got {len(cells)}, no more.")
            short = Record(line, dict(zip(columns, cells, strict=False)), (warning,))
        elif len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
            message = (
                f"a row must have {len(columns)} columns like the header; got {len(cells)}. Quote cells with commas."
            )
            yield BadRow(line, "wrong_columns", message)
        else:
            yield Record(line, dict(zip(columns, cells, strict=False)))
        after_bad = isinstance(cells, BadRow)  # what follows may be the rest of that row
    if short:
        yield short if _ends_with_a_line(source) else _cut(short)


def _is_short(cells: list[str], columns: tuple[str, ...], delimiter: str) -> bool:
    """Returns whether a row only lacks cells at its end; one that a stray quote may have shortened does not count."""
    doubtful = any(delimiter in cell or '"' in cell for cell in cells)
    return len(columns) / 2 < len(cells) < len(columns) and not doubtful


def _ends_with_a_line(source: Source) -> bool:
    with source.open() as file:
        file.seek(max(0, source.path.stat().st_size - 4))
        return b"\n" in (tail := file.read()) or b"\r" in tail


def _cut(short: Record) -> BadRow:
    message = f"the last row must be whole; got {len(short.values)} cells and no line end. Export it again."
    return BadRow(short.line, "cut", message)
