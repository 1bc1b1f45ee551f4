"""Opens a catalogue feed in any format the project knows: from a path to rows."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from data.errors import InvalidFeed
from data.readers.columns import column_names, product_rows
from data.readers.csv_records import header_delimiter, read_csv
from data.readers.folder import read_folder
from data.readers.google import read_google_csv
from data.readers.jsonl import read_jsonl
from data.readers.lines import BOM
from data.readers.parquet import read_parquet
from data.readers.records import BadRow, Records
from data.readers.rows import Row

# readers that end in records, which `product_rows` turns into rows, and those that know their rows themselves
_RECORDS: dict[str, Callable[[Path], Records]] = {"csv": read_csv, "jsonl": read_jsonl, "parquet": read_parquet}
_ROWS: dict[str, Callable[[Path], Iterator[Row | BadRow]]] = {"folder": read_folder, "google-csv": read_google_csv}
FORMATS = ("auto", *_RECORDS, *_ROWS)
_HEAD_BYTES = 65_536


@dataclass(frozen=True)
class FeedOptions:
    """How a feed is to be read, where that is not left to it.

    Attributes:
        format: one of `FORMATS`; `auto` detects it from the content and the suffix.
    """

    format: str = "auto"


@dataclass(frozen=True)
class Feed:
    """A feed that is being read.

    Attributes:
        rows: the products and the rows that cannot be read; memory does not grow with the feed.
        notes: sentences about the feed as a whole for the report; complete when the rows are read.
    """

    rows: Iterator[Row | BadRow]
    notes: list[str] = field(default_factory=list)


_DEFAULTS = FeedOptions()


def open_feed(path: Path, options: FeedOptions = _DEFAULTS) -> Feed:
    """Returns the feed at `path`; that it cannot be read may show only when its rows are read.

    Raises:
        InvalidFeed: the feed as a whole cannot be read, or is in no format the project knows.
    """
    if options.format not in FORMATS:
        raise InvalidFeed(f"format must be one of {', '.join(FORMATS)}; got {options.format!r}.")
    notes: list[str] = []
    return Feed(_rows(path, options, notes), notes)


def _rows(path: Path, options: FeedOptions, notes: list[str]) -> Iterator[Row | BadRow]:
    try:
        chosen = detect_format(path) if options.format == "auto" else options.format
        if path.is_dir() != (chosen == "folder"):
            kind = "a folder" if path.is_dir() else "a file"
            raise InvalidFeed(f"--format {chosen} must fit what it reads; got {kind}, {path}. Leave --format out.")
        yield from product_rows(_RECORDS[chosen](path), notes) if chosen in _RECORDS else _ROWS[chosen](path)
    except OSError as error:
        raise InvalidFeed(f"a feed must be readable; got {path} ({error.strerror}). Check the path.") from error


def detect_format(path: Path) -> str:
    """Returns the name of a feed's format, detected from its content and suffix.

    Raises:
        InvalidFeed: the project does not know the format.
    """
    if path.is_dir():
        return "folder"
    with path.open("rb") as source:
        head = source.read(_HEAD_BYTES).removeprefix(BOM)
    if head[:4] == b"PAR1":
        return "parquet"
    if head.lstrip()[:1] == b"{":
        return "jsonl"
    if head.lstrip()[:1] == b"[":
        raise InvalidFeed(f"a JSON feed must hold one object a line (JSONL); got an array in {path}.")
    header = column_names(next(csv.reader(head.decode("utf-8", "replace").splitlines()[:1]), []))
    if header and (header[0] == "image-uri" or header[0].startswith("gs://")):
        return "google-csv"
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return "jsonl"
    if path.suffix.lower() in (".csv", ".tsv") or "product_id" in header or header_delimiter(path) != ",":
        return "csv"
    raise InvalidFeed(
        f"a feed must be CSV with a product_id column, JSONL, Parquet, Google CSV or a folder of photos; got {path}. "
        "Name its format with --format."
    )
