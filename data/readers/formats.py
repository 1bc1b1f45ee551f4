"""Tells a feed's format by its content and its suffix."""

from data.errors import InvalidFeed
from data.readers.columns import column_names
from data.readers.files.csv_records import find_header
from data.readers.sources.containers import is_workbook
from data.readers.sources.source import Source

_HEAD_CHARACTERS = 65_536
_JSONL = (".jsonl", ".ndjson")


def detect_format(source: Source) -> str:
    """Returns the name of a feed's format.

    Raises:
        InvalidFeed: the project does not know the format.
    """
    with source.open() as file:
        if file.read(4) == b"PAR1":
            return "parquet"
    if is_workbook(source):
        return "xlsx"
    with source.open_text() as text:
        head = text.read(_HEAD_CHARACTERS).lstrip()
    if head[:1] == "[" or (head[:1] == "{" and not _is_jsonl(head, source.suffix)):
        return "json"
    if head[:1] == "{" or source.suffix in _JSONL:
        return "jsonl"
    if head[:1] == "<":
        return "xml"
    header = find_header(source)
    names = column_names(header.cells)
    if names and (names[0] == "image-uri" or names[0].startswith("gs://")):
        return "google-csv"
    if source.suffix in (".csv", ".tsv") or "product_id" in names or len(names) > 1:
        return "csv"
    raise InvalidFeed(
        "a feed must be CSV with a header, JSON, XML, Excel, Parquet, Google CSV or a folder of photos; "
        f"got {source.name}. Name its format with --format."
    )


def _is_jsonl(head: str, suffix: str) -> bool:
    """Returns whether JSON that begins with an object has one object a line."""
    first, *others = (line.strip() for line in head.splitlines() if line.strip())
    unfinished = first.endswith(("{", "[", ":")) or (first.endswith(",") and not first.endswith("},"))
    return not unfinished and (bool(others) or suffix in _JSONL)
