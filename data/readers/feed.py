"""Reads a catalogue feed in any format the project knows, one row at a time."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from data.errors import InvalidFeed
from data.readers.csv_rows import column_names, header_delimiter, read_csv
from data.readers.folder import read_folder
from data.readers.google import read_google_csv
from data.readers.jsonl import read_jsonl
from data.readers.parquet import read_parquet
from data.readers.rows import BOM, BadRow, Row

__all__ = ["FORMATS", "BadRow", "Row", "detect_format", "read_feed"]
_READERS: dict[str, Callable[[Path], Iterator[Row | BadRow]]] = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "folder": read_folder,
    "google-csv": read_google_csv,
}
FORMATS = ("auto", *_READERS)
_HEAD_BYTES = 65_536


def read_feed(path: Path, format: str = "auto") -> Iterator[Row | BadRow]:
    """Yields the rows of the feed at `path`; memory does not grow with it.

    Args:
        format: one of `FORMATS`; `auto` detects it from the content and the suffix.

    Raises:
        InvalidFeed: the feed as a whole cannot be read, or is in no format the project knows.
    """
    if format not in FORMATS:
        raise InvalidFeed(f"format must be one of {', '.join(FORMATS)}; got {format!r}.")
    try:
        chosen = detect_format(path) if format == "auto" else format
        if path.is_dir() != (chosen == "folder"):
            kind = "a folder" if path.is_dir() else "a file"
            raise InvalidFeed(f"--format {chosen} must fit what it reads; got {kind}, {path}. Leave --format out.")
        yield from _READERS[chosen](path)
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
    if path.suffix.lower() in (".csv", ".tsv") or "product_id" in header or header_delimiter(path, "product_id") != ",":
        return "csv"
    raise InvalidFeed(
        f"a feed must be CSV with a product_id column, JSONL, Parquet, Google CSV or a folder of photos; got {path}. "
        "Name its format with --format."
    )
