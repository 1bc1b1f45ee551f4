"""Reads Excel workbooks (.xlsx): the first sheet with a header, row by row; formulas count as their last values."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from data.errors import InvalidFeed
from data.readers.files.csv_records import header_columns
from data.readers.headers import header_place, skipped_note
from data.readers.records import BadRow, Record, Records
from data.readers.sources.archive import Archive
from data.readers.sources.source import Source

_MOST_ROWS = 1_048_576  # Excel's own limit
_MOST_PART_BYTES = 300_000_000  # of a part that is read as a whole, such as the list of all texts
_ROWS_BEFORE_HEADER = 10
_WHOLE = 2**53
_ERRORS = {"#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!"}
Cells = tuple[Any, ...]


def read_xlsx(source: Source) -> Records:
    """Returns the rows below the header; the list of the workbook's different texts is in memory, its rows are not.

    Raises:
        InvalidFeed: the workbook cannot be read, is over a limit, or no sheet has a header.
    """
    _check_parts(source)
    with _opened(source) as book:
        for sheet in book.worksheets:
            if header := _header(_rows(sheet)):
                break
        else:
            raise InvalidFeed(f"a workbook must have a sheet with a header; got none in {source.name}.")
        others = [other.title for other in book.worksheets if other.title != sheet.title]
        notes = [f"only the sheet {sheet.title!r} was read, not {', '.join(others)[:200]}"] if others else []
        skip, cells, above = header
        columns = header_columns(cells)
        return Records(columns, _records(source, sheet.title, skip, columns), separator=";", notes=(*notes, *above))


def _records(source: Source, title: str, skip: int, columns: tuple[str, ...]) -> Iterator[Record | BadRow]:
    with _opened(source) as book:
        for line, cells in _rows(book[title]):
            if line <= skip or not any(_is_filled(cell) for cell in cells):
                continue
            if any(_is_filled(cell) for cell in cells[len(columns) :]):
                message = f"a row must have {len(columns)} columns like the header; got more. Name every column."
                yield BadRow(line, "wrong_columns", message)
            else:
                yield Record(line, dict(zip(columns, map(_plain, cells), strict=False)))


def _header(rows: Iterator[tuple[int, Cells]]) -> tuple[int, list[str], list[str]] | None:
    """Returns the number and the cells of the header, and what the report says of the rows above it; None: no header.

    It is the first row that has several cells, or the first that has any, unless `header_place` finds a better one.
    """
    head = [(line, _texts(cells)) for line, cells in islice(rows, _ROWS_BEFORE_HEADER)]
    start = next((at for at, (_, cells) in enumerate(head) if len([*filter(None, cells)]) > 1), None)
    if start is None:
        return next(((line, cells, []) for line, cells in head if any(cells)), None)
    place = start + header_place([cells for _, cells in head[start:]])
    above = [skipped_note(line, cells) for line, cells in head[start:place] if any(cells)]
    return *head[place], above


def _texts(cells: Cells) -> list[str]:
    return [str(cell).strip() if _is_filled(cell) else "" for cell in cells]


def _rows(sheet: Any) -> Iterator[tuple[int, Cells]]:
    sheet.reset_dimensions()  # some programs write a wrong one, which would cut the sheet short
    for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        if line > _MOST_ROWS:
            raise InvalidFeed(f"a sheet must have at most {_MOST_ROWS:,} rows; got more in {sheet.title!r}. Split it.")
        yield line, cells


def _is_filled(cell: Any) -> bool:
    return cell is not None and str(cell).strip() != ""


def _plain(cell: Any) -> Any:
    """Returns a cell's value as the other readers give it: whole numbers as integers, errors as nothing."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _WHOLE:
        return int(cell)
    return None if isinstance(cell, str) and cell in _ERRORS else cell


def _check_parts(source: Source) -> None:
    """Raises InvalidFeed where a part that is read as a whole is too large."""
    archive = Archive(source.path, source.name)
    try:
        for name in archive.names:
            if not name.startswith("xl/worksheets/") and (size := archive.size_bytes(name)) > _MOST_PART_BYTES:
                raise InvalidFeed(
                    f"a part of a workbook must have at most {_MOST_PART_BYTES:,} bytes; got {size:,} in {name} of "
                    f"{source.name}. Save the sheet as CSV."
                )
    finally:
        archive.close()


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    import openpyxl

    with source.open() as file:
        book = None
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            yield book
        except InvalidFeed:
            raise
        except Exception as error:  # openpyxl has no error of its own for the many ways to be damaged
            raise InvalidFeed(
                f"a workbook must be whole; got {source.name} ({type(error).__name__}: {error}). Save it as CSV."
            ) from error
        finally:
            if book is not None:
                book.close()
