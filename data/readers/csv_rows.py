"""Reads CSV and TSV feeds; the delimiter is the one with which the header has a `product_id` column."""

import csv
from collections.abc import Iterator
from pathlib import Path

from data.errors import InvalidFeed
from data.readers.cells import read_cells
from data.readers.rows import BadRow, Lines, Row, row_from

IMAGE_SEPARATOR = ";"
_DELIMITERS = ",\t;|"
_HEADER_LIMIT = 100_000


def read_csv(path: Path) -> Iterator[Row | BadRow]:
    """Yields a row for every line below the header; a cell may hold several images, separated by `;`.

    Raises:
        InvalidFeed: the header does not name `product_id`, or names a column twice.
    """
    cells_of = read_cells(path, header_delimiter(path, "product_id"))
    _, names = next(cells_of, (0, []))
    columns = column_names(names) if isinstance(names, list) else []
    if "product_id" not in columns:
        raise InvalidFeed(f"a CSV feed must have a product_id column; got {', '.join(columns)[:200] or 'no header'}.")
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise InvalidFeed(f"a CSV feed must name each column once; got {twice!r} twice. Rename one.")
    for line, cells in cells_of:
        if isinstance(cells, BadRow):
            yield cells
        elif len(cells) != len(columns):
            message = (
                f"a row must have {len(columns)} columns like the header; got {len(cells)}. Quote cells with commas."
            )
            yield BadRow(line, "wrong_columns", message)
        else:
            yield row_from(line, dict(zip(columns, cells, strict=True)), separator=IMAGE_SEPARATOR)


def header_delimiter(path: Path, name: str) -> str:
    """Returns the delimiter with which the first line has a column `name`; a comma if none does."""
    header = next(iter(Lines(path)), "")[:_HEADER_LIMIT]
    for delimiter in _DELIMITERS:
        try:
            cells = next(csv.reader([header], delimiter=delimiter), [])
        except csv.Error:  # reported with its line number when the rows are read
            continue
        if name in column_names(cells):
            return delimiter
    return ","


def column_names(cells: list[str]) -> list[str]:
    """Returns the header's names, trimmed and in lower case; `attr.` names keep the shop's own case."""
    names = [cell.strip() for cell in cells]
    return [name if name.startswith("attr.") else name.lower() for name in names]
