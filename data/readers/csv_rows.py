"""Reads CSV and TSV feeds; the delimiter is the one with which the header has a `product_id` column."""

import csv
from collections.abc import Iterator
from pathlib import Path

from data.errors import InvalidFeed
from data.readers.rows import BadRow, Lines, Row, bad_encoding, has_bad_bytes, row_from, too_long

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


def read_cells(path: Path, delimiter: str) -> Iterator[tuple[int, list[str] | BadRow]]:
    """Yields (line where the row starts, its cells or the problem) for every row that is not blank, header included."""
    lines = Lines(path)
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # The reader starts again at the next line: a quote that is never closed costs one row of at most
            # 131,072 characters (the csv module's own limit), not the file.
            yield line, BadRow(line, "bad_csv", f"a row must be CSV; got {error}. Check its quotes.")
            lines.take_cut()
            continue
        if lines.take_cut():
            yield line, too_long(line)
        elif any(map(has_bad_bytes, cells)):
            yield line, bad_encoding(line)
        elif any("\0" in cell for cell in cells):
            yield line, BadRow(line, "bad_text", "a row must hold no NUL character; got one. Export the file again.")
        elif any(cell.strip() for cell in cells):
            yield line, cells
