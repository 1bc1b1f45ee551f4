"""The summary of a rebuild: collected while it runs, printed as one JSON line, and kept for `lookalike status`."""

import dataclasses
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.generations import main_figures
from data.rebuilds import LAST_FILE, record_rebuild
from data.storage import write_text
from indexer.rebuild.gates import GateResult

_log = logging.getLogger("lookalike.rebuild")
_KEPT_TEXT = 1_000  # characters of a reason in the record


@dataclass(frozen=True, kw_only=True)
class RebuildSummary:
    """The outcome of one rebuild.

    Attributes:
        published: whether the new generation is live.
        generation: id of the new generation, or None where nothing was published.
        reason: why nothing was published; "" where something was.
        started_at: ISO 8601, UTC.
        unchanged: the live generation was built from the same input, so its trained parts were taken over.
        counts: products, images, embedded, unreadable, indexed, projected (those whose points were not taken over from
            the live generation): as far as the rebuild got.
        seconds: wall time of each step, and `total`.
        gates: results of the verify gates, in order.
        unreadable: `{"sha256", "source", "code", "message"}` of the first photos that could not be used.
        metrics: what each trained part measured, by part.
        not_trained: the parts that could not be trained, each with the reason.
        damaged: `{"photo", "source", "message"}` of the first photos whose stored features were damaged.
        pruned: ids of old generations that were deleted.
        changes: what changed since the generation that was live before; see `Changes.to_json`.
    """

    published: bool
    generation: str | None
    reason: str
    started_at: str
    unchanged: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    gates: tuple[GateResult, ...] = ()
    unreadable: tuple[dict[str, str], ...] = ()
    metrics: dict[str, Any] = field(default_factory=dict)
    not_trained: dict[str, str] = field(default_factory=dict)
    damaged: tuple[dict[str, str], ...] = ()
    pruned: tuple[str, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


class Journal:
    """Collects one rebuild's outcome while it runs."""

    def __init__(self) -> None:
        self.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._clock = time.monotonic()
        self.counts: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        self.gates: tuple[GateResult, ...] = ()
        self.unreadable: list[dict[str, str]] = []
        self.metrics: dict[str, Any] = {}
        self.not_trained: dict[str, str] = {}
        self.damaged: list[dict[str, str]] = []
        self.pruned: tuple[str, ...] = ()
        self.changes: dict[str, Any] = {}
        self.generation: str | None = None
        self.published = self.unchanged = False

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measures a step's wall time, also when it fails."""
        _log.info("%s", name)
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - started, 3)

    def summary(self, reason: str = "") -> RebuildSummary:
        seconds = {**self.seconds, "total": round(time.monotonic() - self._clock, 3)}
        return RebuildSummary(
            published=self.published,
            generation=self.generation if self.published else None,
            reason=reason,
            started_at=self.started_at,
            unchanged=self.unchanged,
            counts=dict(self.counts),
            seconds=seconds,
            gates=self.gates,
            unreadable=tuple(self.unreadable),
            metrics=self.metrics,
            not_trained=self.not_trained,
            damaged=tuple(self.damaged),
            pruned=self.pruned,
            changes=self.changes,
        )


def remember(home: Path, summary: RebuildSummary) -> None:
    """Keeps the summary for `status` and in the record of past rebuilds.

    A full disk must not hide why the rebuild failed, so it is only logged.
    """
    try:
        write_text(home / LAST_FILE, json.dumps(summary.to_json(), ensure_ascii=False) + "\n")
        record_rebuild(home, _record(summary))
    except OSError as error:
        _log.warning("the summary could not be kept in %s: %s", home / LAST_FILE, error)


def _record(summary: RebuildSummary) -> dict[str, Any]:
    """Returns what is kept of a rebuild for a year: the summary without lists and names, and the main figures."""
    kept = ("started_at", "published", "generation", "unchanged", "counts", "seconds", "not_trained")
    fields = summary.to_json()
    gates = [{**gate, "detail": gate["detail"][:_KEPT_TEXT]} for gate in fields["gates"]]
    changed = {name: {"count": group["count"]} for name, group in summary.changes.get("products", {}).items()}
    return {name: fields[name] for name in kept} | {
        "reason": summary.reason[:_KEPT_TEXT],
        "gates": gates,
        "figures": main_figures(summary.metrics),
        "changes": {"products": changed} if changed else {},
    }


def reason_of(error: Exception) -> str:
    """Returns why a rebuild failed, for the summary."""
    if isinstance(error, OSError):
        return (
            f"every file must be writable; the system refused: {error}. Make room or check the rights, then run again."
        )
    return str(error) or type(error).__name__
