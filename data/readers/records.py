"""What every reader of a file yields: records, the cells of one row under the column names that the file gives them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RowWarning:
    """Something that a row loses, though it is imported; the report shows it with the row's line and product_id.

    Attributes:
        code: short and stable.
        message: what is required, what came, what to do.
    """

    code: str
    message: str


@dataclass(frozen=True)
class Record:
    """One row as the file holds it; nothing in it is checked or renamed.

    Attributes:
        line: 1-based line (CSV, JSON) or row (Parquet, XLSX) of the file.
        values: column names as written to raw values: texts from CSV, typed values from the other formats.
        warnings: what the reader noticed, though the row can be used.
    """

    line: int
    values: dict[str, Any]
    warnings: tuple[RowWarning, ...] = ()


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read.

    Attributes:
        code: short and stable.
        product_id: the id that the row names; "" if it cannot be read either.
        lines: how many lines of the feed it stands for.
    """

    line: int
    code: str
    message: str
    product_id: str = ""
    lines: int = 1


@dataclass(frozen=True)
class Records:
    """The rows of one file, in its order; they can be read once.

    Attributes:
        columns: names of the columns as written, each once; empty where every row names its own (JSON).
        rows: one item per row; memory does not grow with the file.
        separator: text between several values in one cell; "": a value is never split.
        notes: sentences for the report about the file as a whole.
    """

    columns: tuple[str, ...]
    rows: Iterator[Record | BadRow]
    separator: str = ""
    notes: tuple[str, ...] = ()
