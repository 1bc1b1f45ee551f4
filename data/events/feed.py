"""Reads a log of events, CSV or JSON Lines, one row at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import InvalidFeed
from data.events.fields import FIELDS, OUTCOMES
from data.readers import BadRow, column_names, detect_format, open_source, read_csv, read_jsonl


@dataclass(frozen=True)
class EventRow:
    """One row as the log gives it, not yet checked; `line` counts from 1."""

    line: int
    fields: Mapping[str, Any]


def read_event_feed(path: Path, format: str = "auto") -> Iterator[EventRow | BadRow]:
    """Yields the rows of the log at `path`; memory does not grow with it.

    Args:
        format: auto, csv or jsonl; `auto`: JSONL if the first character is a brace or the suffix says so, else CSV.

    Raises:
        InvalidFeed: the file cannot be read, or a CSV header has wrong, repeated or missing columns.
    """
    try:
        with open_source(path) as source:
            detected = "jsonl" if detect_format(source) == "jsonl" else "csv"
            reader = read_csv if (format if format != "auto" else detected) == "csv" else read_jsonl
            records = reader(source)
            names = dict(zip(records.columns, column_names(records.columns), strict=True))
            if reader is read_csv:
                _check_columns(list(names.values()))
            for record in records.rows:
                if isinstance(record, BadRow):
                    yield record
                else:
                    yield EventRow(record.line, {names.get(name, name): value for name, value in record.values.items()})
    except OSError as error:
        raise InvalidFeed(f"a log must be readable; got {path} ({error.strerror}). Check the path.") from error


def _check_columns(columns: list[str]) -> None:
    unknown = [name for name in columns if name not in (*FIELDS, *OUTCOMES, "time")]
    if not {"at", "time"} & set(columns) or unknown or len(set(columns)) < len(columns):
        raise InvalidFeed(
            f"a CSV log must have a header with `at` and columns among {', '.join((*FIELDS, *OUTCOMES))}, each once; "
            f"got {', '.join(columns)[:200] or 'no header'}."
        )
