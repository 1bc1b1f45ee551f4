"""Splits the lines of a CSV or TSV file into rows of cells, so that a stray quote costs as few rows as possible.

Well-made files are read by the csv module, which is strict here: it refuses a quote that it cannot explain. Only then,
or where a cell runs over several lines that look like rows themselves, the lines are looked at one by one.
"""

import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice

from data.readers.records import BadRow
from data.readers.sources.lines import Lines, bad_encoding, has_bad_bytes, too_long
from data.readers.sources.source import Source

CELL_LINES = 20


def read_cells(source: Source, delimiter: str, skip: int = 0) -> Iterator[tuple[int, list[str] | BadRow]]:
    """Yields (line where the row starts, its cells or the problem) for every row that is not blank, header included.

    A cell may run over at most 20 lines. In a tab file, a quote is plain text unless the cell also ends in one.

    Args:
        skip: lines before the header that are no rows.
    """
    window = _Window(Lines(source), skip)
    reader = csv.reader(window, delimiter=delimiter, strict=True)
    width = 0
    while True:
        window.begin()
        cells: list[str] | BadRow
        try:
            split = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = _single_line(window, delimiter, width, str(error))
        else:
            width = width or len(split)
            doubtful = len(split) != width or len(window.taken) > 1
            cells = _doubtful(window, split, delimiter, width) if doubtful else split
        cells = window.cut or cells
        text = "".join(window.taken)
        if isinstance(cells, BadRow):
            yield window.line, cells
        elif has_bad_bytes(text):
            yield window.line, bad_encoding(window.line)
        elif "\0" in text:
            message = "a row must hold no NUL character; got one. Export the file again."
            yield window.line, BadRow(window.line, "bad_text", message)
        elif any(map(str.strip, cells)):
            yield window.line, cells


class _Window:
    """The lines of the row that is being read, at most `CELL_LINES`; some can be given back, to be read again.

    Attributes:
        taken: the lines of this row.
        line: number of the first of them.
        cut: the problem, if that line was longer than the limit.
    """

    def __init__(self, lines: Lines, skip: int) -> None:
        self._lines, self._source = lines, islice(lines, skip, None)
        self._again: deque[tuple[str, bool]] = deque()
        self.taken: list[str] = []
        self.line = 1 + skip
        self.cut: BadRow | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) == CELL_LINES:
            raise StopIteration
        text, cut = self._again.popleft() if self._again else (next(self._source), self._lines.take_cut())
        if cut and self.taken:
            self._again.appendleft((text, cut))
            raise StopIteration
        if cut:
            self.cut = too_long(self.line)
        self.taken.append(text)
        return text

    def begin(self) -> None:
        """Goes on to the next row."""
        self.line += len(self.taken)
        self.taken, self.cut = [], None

    def keep(self, lines: int) -> None:
        """Keeps the first `lines` of this row and gives the others back."""
        self._again.extendleft((text, False) for text in reversed(self.taken[lines:]))
        del self.taken[lines:]


def _doubtful(window: _Window, cells: list[str], delimiter: str, width: int) -> list[str] | BadRow:
    """Returns the cells of a row that has several lines or an unusual number of cells, if they can be trusted."""
    if _swallows_rows(window.taken, len(cells), delimiter, width):
        return _single_line(window, delimiter, width, "a quoted cell that holds whole rows")
    if delimiter == "\t" and len(window.taken) == 1 and len(cells) != width:
        plain = _plain_cells(window.taken[0], delimiter)
        return plain if len(plain) == width else cells
    return cells


def _swallows_rows(lines: list[str], cells: int, delimiter: str, width: int) -> bool:
    """Returns whether lines that were read as one row look like several rows and a stray quote."""
    if len(lines) == 1 or width == 1:
        return False
    if cells != width:
        return any(_is_row(line, delimiter, width) for line in lines[1:])
    fits = [len(_plain_cells(line, delimiter)) == width for line in lines]
    if delimiter == "\t":
        return all(fits)
    return fits[0] and len(lines) > 2 and all(_is_row(line, delimiter, width) for line in lines[1:-1])


def _single_line(window: _Window, delimiter: str, width: int, got: str) -> list[str] | BadRow:
    """Returns the cells of the row's first line alone, its quotes being plain text, or else a report on the row.

    The report covers the lines up to the first one that is a row by itself; that one is read again.
    """
    first = window.taken[0]
    cells = _plain_cells(first, delimiter)
    explained = delimiter == "\t" or (len(window.taken) == 1 and _are_paired(first, delimiter))
    if '"' in first and len(cells) == width and explained and "\r" not in first.rstrip("\r\n"):
        window.keep(1)
        return cells
    rows = (number for number, line in enumerate(window.taken) if number and _is_row(line, delimiter, width))
    window.keep(next(rows, len(window.taken)))
    lines = len(window.taken)
    where = f"lines {window.line}-{window.line + lines - 1}" if lines > 1 else f"line {window.line}"
    message = (
        f"a row must be CSV, with cells of at most {CELL_LINES} lines; got {got} in {where}. Check its quotes: "
        "one that is open must be closed, and one inside a quoted cell must be doubled."
    )
    return BadRow(window.line, "bad_csv", message, lines=lines)


def _is_row(line: str, delimiter: str, width: int) -> bool:
    return width > 1 and len(_plain_cells(line, delimiter)) == width and _are_paired(line, delimiter)


def _plain_cells(line: str, delimiter: str) -> list[str]:
    """Returns the cells between the delimiters; a cell that starts and ends with a quote loses both."""
    return [
        cell[1:-1].replace('""', '"') if cell.startswith('"') and _is_paired(cell) else cell
        for cell in line.rstrip("\r\n").split(delimiter)
    ]


def _are_paired(line: str, delimiter: str) -> bool:
    """Returns whether every cell that starts with a quote also ends with one."""
    return all(map(_is_paired, line.rstrip("\r\n").split(delimiter)))


def _is_paired(cell: str) -> bool:
    return not cell.startswith('"') or (len(cell) > 1 and cell.endswith('"'))
