"""Reads JSON Lines: one JSON object per line."""

from collections.abc import Iterator

from data.readers.files.json_objects import parse_object
from data.readers.records import BadRow, Record, Records
from data.readers.sources.lines import Lines, too_long
from data.readers.sources.source import Source


def read_jsonl(source: Source) -> Records:
    """Returns a record for every line that is not blank; a comma between the lines is left out."""
    return Records((), _records(source))


def _records(source: Source) -> Iterator[Record | BadRow]:
    lines = Lines(source)
    for number, text in enumerate(lines, start=1):
        if lines.take_cut():
            yield too_long(number)
        elif stripped := text.strip():
            yield parse_object(number, stripped.removesuffix(","))
