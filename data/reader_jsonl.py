"""Reads JSON Lines: one product object a line."""

import json
from collections.abc import Iterator
from pathlib import Path

from data.reader_rows import LINE_LIMIT, BadRow, Row, row_from

_BOM = b"\xef\xbb\xbf"


def read_jsonl(path: Path) -> Iterator[Row | BadRow]:
    """Yields a row for every line that is not blank."""
    with path.open("rb") as source:
        line = 0
        while text := source.readline(LINE_LIMIT + 1):
            line += 1
            if len(text) > LINE_LIMIT:
                while text and not text.endswith(b"\n"):
                    text = source.readline(LINE_LIMIT)
                yield BadRow(line, "line_too_long", f"a line must have at most {LINE_LIMIT:,} bytes; got more.")
            elif stripped := text.removeprefix(_BOM if line == 1 else b"").strip():
                yield _parse(line, stripped)


def _parse(line: int, text: bytes) -> Row | BadRow:
    try:
        value = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        return BadRow(
            line, "bad_encoding", f"a line must be UTF-8; got byte {text[error.start]:#04x}. Save it as UTF-8."
        )
    except (ValueError, RecursionError) as error:
        return BadRow(line, "bad_json", f"a line must be one JSON object; got {error}.")
    if not isinstance(value, dict):
        return BadRow(line, "bad_json", f"a line must be one JSON object; got {type(value).__name__}.")
    return row_from(line, value)
