"""Reads JSON Lines: one JSON object per line."""

import json
from collections.abc import Iterator

from data.readers.records import BadRow, Record, Records
from data.readers.sources.lines import Lines, bad_encoding, has_bad_bytes, too_long
from data.readers.sources.source import Source


def read_jsonl(source: Source) -> Records:
    """Returns a record for every line that is not blank."""
    return Records((), _records(source))


def _records(source: Source) -> Iterator[Record | BadRow]:
    lines = Lines(source)
    for number, text in enumerate(lines, start=1):
        if lines.take_cut():
            yield too_long(number)
        elif has_bad_bytes(text):
            yield bad_encoding(number)
        elif stripped := text.strip():
            yield _parse(number, stripped)


def _parse(line: int, text: str) -> Record | BadRow:
    try:
        value = json.loads(text)
    except RecursionError:
        return BadRow(line, "bad_json", "a line must be one JSON object; got brackets nested too deeply.")
    except ValueError as error:
        return BadRow(line, "bad_json", f"a line must be one JSON object; got {text[:40]!r} ({error}).")
    if not isinstance(value, dict):
        return BadRow(line, "bad_json", f"a line must be one JSON object; got {text[:40]!r}.")
    return Record(line, value)
