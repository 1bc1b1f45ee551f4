"""The record of past rebuilds in the home: one JSON line each, what was published and what was refused, and why."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.storage import parse_json, read_small, write_text

FILE_NAME = "rebuilds.jsonl"
LAST_FILE = "last_rebuild.json"  # the whole summary of the newest
MOST = 400  # a year of nights
_MOST_BYTES = 32_000_000


@dataclass(frozen=True, kw_only=True)
class PastRebuild:
    """One rebuild of the record; what a line does not say is empty.

    Attributes:
        started_at: ISO 8601, UTC.
        generation: what was published; "": nothing.
        reason: why nothing was published.
        figures: the main figures of the generation, by name.
        changes: how many products were `added`, `removed` and `changed`.
        passed: how many gates were passed.
        failed: the gates that refused, each with what it measured.
    """

    started_at: str
    published: bool
    generation: str
    reason: str
    seconds: float
    figures: Mapping[str, float]
    changes: Mapping[str, int]
    passed: int
    failed: tuple[str, ...]


def record_rebuild(home: Path, fields: Mapping[str, Any]) -> None:
    """Adds a rebuild to the record, and drops those that are more than 400 rebuilds ago.

    Args:
        fields: plain JSON values. Whoever calls this holds the lock of rebuilds.

    Raises:
        OSError: the file cannot be written; the record stays as it was.
    """
    kept = [*(line for line, _ in reversed(_readable(home))), json.dumps(fields)][-MOST:]
    write_text(home / FILE_NAME, "".join(f"{line}\n" for line in kept))


def past_rebuilds(home: Path) -> list[PastRebuild]:
    """Returns what is recorded of the last rebuilds, newest first; lines that say something else are skipped."""
    return [found for _, found in _readable(home)]


def last_rebuild(home: Path) -> dict[str, Any] | None:
    """Returns the last rebuild's summary as JSON fields, or None where there is none or it is unreadable."""
    try:
        fields = parse_json(read_small(home / LAST_FILE))
    except (OSError, ValueError):
        return None
    return fields if isinstance(fields, dict) else None


def _readable(home: Path) -> list[tuple[str, PastRebuild]]:
    """Returns the lines that can be read, newest first, and what they say."""
    try:
        lines = read_small(home / FILE_NAME, _MOST_BYTES).decode("utf-8", errors="replace").split("\n")
    except OSError:
        return []
    return [(line, found) for line in reversed(lines) if (found := _read(line)) is not None][:MOST]


def _read(line: str) -> PastRebuild | None:
    """Returns the rebuild of a line; None if a person or a full disk made something else of it."""
    try:
        fields = parse_json(line)
        changes, gates = fields.get("changes", {}).get("products", {}), fields.get("gates", [])
        return PastRebuild(
            started_at=str(fields.get("started_at", "")),
            published=bool(fields.get("published")),
            generation=str(fields.get("generation") or ""),
            reason=str(fields.get("reason", "")),
            seconds=_finite(fields.get("seconds", {}).get("total", 0.0)),
            figures={name: _finite(value) for name, value in fields.get("figures", {}).items()},
            changes={name: int(_finite(group["count"])) for name, group in changes.items()},
            passed=sum(bool(gate["passed"]) for gate in gates),
            failed=tuple(f"{gate['name']}: {gate['detail']}" for gate in gates if not gate["passed"]),
        )
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
        return None


def _finite(value: Any) -> float:
    if not math.isfinite(number := float(value)):
        raise ValueError(f"a number must be finite; got {number}")
    return number
