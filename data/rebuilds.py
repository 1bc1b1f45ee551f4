"""The record of past rebuilds in the home: one JSON line each, what was published and what was refused, and why."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.storage import parse_json, read_small, write_text

FILE_NAME = "rebuilds.jsonl"
LAST_FILE = "last_rebuild.json"  # the whole summary of the newest
MOST = 400  # a year of nights
_MOST_BYTES = 32_000_000


def record_rebuild(home: Path, fields: Mapping[str, Any]) -> None:
    """Adds a rebuild to the record, and drops those that are more than 400 rebuilds ago.

    Args:
        fields: plain JSON values. Whoever calls this holds the lock of rebuilds.

    Raises:
        OSError: the file cannot be written; the record stays as it was.
    """
    kept = [*reversed(past_rebuilds(home)), fields][-MOST:]
    write_text(home / FILE_NAME, "".join(f"{json.dumps(one)}\n" for one in kept))


def past_rebuilds(home: Path) -> list[dict[str, Any]]:
    """Returns what is recorded of the last rebuilds, newest first; lines that cannot be read are skipped."""
    try:
        lines = read_small(home / FILE_NAME, _MOST_BYTES).decode("utf-8", errors="replace").split("\n")
    except OSError:
        return []
    return [found for line in reversed(lines) if (found := _fields(line)) is not None][:MOST]


def last_rebuild(home: Path) -> dict[str, Any] | None:
    """Returns the last rebuild's summary as JSON fields, or None where there is none or it is unreadable."""
    try:
        fields = parse_json(read_small(home / LAST_FILE))
    except (OSError, ValueError):
        return None
    return fields if isinstance(fields, dict) else None


def _fields(line: str) -> dict[str, Any] | None:
    try:
        fields = parse_json(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None
