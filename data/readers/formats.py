"""Tells a feed's format by its content and its suffix."""

from data.errors import InvalidFeed
from data.readers.columns import column_names
from data.readers.csv_records import find_header
from data.readers.sources.source import Source

_HEAD_CHARACTERS = 65_536


def detect_format(source: Source) -> str:
    """Returns the name of a feed's format.

    Raises:
        InvalidFeed: the project does not know the format.
    """
    with source.open() as file:
        if file.read(4) == b"PAR1":
            return "parquet"
    with source.open_text() as text:
        head = text.read(_HEAD_CHARACTERS).lstrip()
    if head[:1] == "{":
        return "jsonl"
    if head[:1] == "[":
        raise InvalidFeed(f"a JSON feed must hold one object a line (JSONL); got an array in {source.name}.")
    header = find_header(source)
    names = column_names(header.cells)
    if names and (names[0] == "image-uri" or names[0].startswith("gs://")):
        return "google-csv"
    if source.suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    if source.suffix in (".csv", ".tsv") or "product_id" in names or len(names) > 1:
        return "csv"
    raise InvalidFeed(
        "a feed must be CSV with a header, JSON, Parquet, Google CSV or a folder of photos; "
        f"got {source.name}. Name its format with --format."
    )
