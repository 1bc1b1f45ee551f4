"""Reads CSV and TSV files; the delimiter is the one that splits the header into the most columns."""

import csv
from collections.abc import Iterator
from pathlib import Path

from data.errors import InvalidFeed
from data.readers.cells import read_cells
from data.readers.lines import Lines
from data.readers.records import BadRow, Record, Records

IMAGE_SEPARATOR = ";"
_DELIMITERS = ",\t;|"
_HEADER_LIMIT = 100_000


def read_csv(path: Path) -> Records:
    """Returns the rows below the header; a cell may hold several images, separated by `;`.

    Raises:
        InvalidFeed: there is no header, or it names a column twice.
    """
    rows = read_cells(path, header_delimiter(path))
    _, names = next(rows, (0, []))
    if isinstance(names, BadRow) or not names:
        raise InvalidFeed(f"a CSV feed must begin with a header; got {path}. Add the names of its columns.")
    columns = tuple(name.strip() for name in names)
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise InvalidFeed(f"a CSV feed must name each column once; got {twice!r} twice. Rename one.")
    return Records(columns, _records(rows, columns), separator=IMAGE_SEPARATOR)


def header_delimiter(path: Path) -> str:
    """Returns the delimiter that splits the first line into the most cells; a comma if none splits it."""
    header = next(iter(Lines(path)), "")[:_HEADER_LIMIT]
    return max(_DELIMITERS, key=lambda delimiter: _count(header, delimiter))


def _count(header: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([header], delimiter=delimiter), []))
    except csv.Error:  # reported with its line number when the rows are read
        return 0


def _records(rows: Iterator[tuple[int, list[str] | BadRow]], columns: tuple[str, ...]) -> Iterator[Record | BadRow]:
    for line, cells in rows:
        if isinstance(cells, BadRow):
            yield cells
        elif len(cells) != len(columns):
            message = (
                f"a row must have {len(columns)} columns like the header; got {len(cells)}. Quote cells with commas."
            )
            yield BadRow(line, "wrong_columns", message)
        else:
            yield Record(line, dict(zip(columns, cells, strict=True)))
