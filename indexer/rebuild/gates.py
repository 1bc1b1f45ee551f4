"""The gates: checks that a new generation must pass before it is published."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.protocols import Floats, VectorIndex
from indexer.errors import GateFailed

MAX_UNREADABLE_SHARE = 0.2
MIN_RECALL = 0.99
NORM_TOLERANCE = 1e-3
_TIE = 1e-5  # inner products of float32 unit vectors that differ by less are the same score
_SAMPLE = 500
_BLOCK_ROWS = 65_536


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """The result of one gate.

    Attributes:
        name: short name of the gate, for example `recall`.
        measured: the measured figure, or None where nothing could be measured.
        required: what the figure must be, for example `>= 0.99`.
        detail: one sentence for the person who reads the summary.
        before: what the live generation measured on the same queries, where the gate compares with it.
    """

    name: str
    passed: bool
    measured: float | None
    required: str
    detail: str
    before: float | None = None


def check_counts(index_rows: int, usable_images: int) -> GateResult:
    """Passes if the index holds one row for each usable image of the snapshot."""
    return GateResult(
        name="counts",
        passed=index_rows == usable_images,
        measured=index_rows,
        required=f"== {usable_images} usable images",
        detail=f"the index holds {index_rows} rows for {usable_images} usable images",
    )


def check_unreadable(unreadable: int, images: int) -> GateResult:
    """Passes if at most `MAX_UNREADABLE_SHARE` of the photos are unreadable; more hints at a missing disk."""
    share = unreadable / images if images else 0.0
    return GateResult(
        name="unreadable",
        passed=share <= MAX_UNREADABLE_SHARE,
        measured=round(share, 4),
        required=f"<= {MAX_UNREADABLE_SHARE}",
        detail=f"{unreadable} of {images} photos could not be read",
    )


def check_norms(vectors: Floats) -> GateResult:
    """Passes if every vector, float32 (n, d), is finite and its L2 norm is within `NORM_TOLERANCE` of 1."""
    worst = 0.0
    for start in range(0, len(vectors), _BLOCK_ROWS):
        # float64, so that a huge float32 row does not overflow to inf while it is squared
        block = np.asarray(vectors[start : start + _BLOCK_ROWS], dtype=np.float64)
        errors = np.abs(np.linalg.norm(block, axis=1) - 1)
        worst = max(worst, float(np.where(np.isfinite(errors), errors, np.inf).max(initial=0.0)))
    measured = worst if np.isfinite(worst) else None
    return GateResult(
        name="norms",
        passed=worst < NORM_TOLERANCE,
        measured=measured,
        required=f"< {NORM_TOLERANCE}",
        detail=f"largest distance of a norm from 1 is {worst:.2g}"
        if measured is not None
        else "a vector is not finite",
    )


def check_self_recall(index: VectorIndex, vectors: Floats, *, least: float = 1.0, seed: int = 0) -> GateResult:
    """Passes if each row of a sample finds itself first, or a row with the same score; at least so large a share."""
    rows = _sample(len(vectors), seed)
    queries = np.ascontiguousarray(vectors[rows])
    found = 0
    for row, query, hits in zip(rows, queries, index.search(queries, 1), strict=True):
        found += bool(len(hits.rows)) and _is_tied(vectors, query, int(hits.rows[0]), int(row))
    return GateResult(
        name="self_recall",
        passed=found >= least * len(rows),
        measured=round(found / len(rows), 4) if len(rows) else None,
        required="== 1" if least == 1 else f">= {least}",
        detail=f"{found} of {len(rows)} sampled rows find themselves first",
    )


def _is_tied(vectors: Floats, query: Floats, found: int, row: int) -> bool:
    return found == row or bool(vectors[found] @ query >= vectors[row] @ query - _TIE)


def check_recall(
    index: VectorIndex, vectors: Floats, *, k: int = 10, least: float = MIN_RECALL, seed: int = 1
) -> GateResult:
    """Passes if recall@k against exact numpy search is at least `least`; a tie at the end counts as right."""
    rows = _sample(len(vectors), seed)
    k = max(1, min(k, len(vectors)))
    queries = np.ascontiguousarray(vectors[rows])
    kth_best = _kth_best_scores(vectors, queries, k)
    right = 0
    for query, kth, hits in zip(queries, kth_best, index.search(queries, k), strict=True):
        distinct = np.unique(hits.rows)
        right += int(np.count_nonzero(vectors[distinct] @ query >= kth - _TIE))
    recall = right / (len(rows) * k) if len(rows) else None
    return GateResult(
        name="recall",
        passed=recall is None or recall >= least,
        measured=None if recall is None else round(recall, 4),
        required=f">= {least}",
        detail=f"recall@{k} against exact search over {len(rows)} sampled rows",
    )


def _kth_best_scores(vectors: Floats, queries: Floats, k: int) -> Floats:
    """Returns the k-th best exact inner product of each query, float32 (q,), block by block over the rows."""
    best = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        scores = queries @ np.asarray(vectors[start : start + _BLOCK_ROWS]).T
        best = -np.partition(-np.hstack([best, scores]), k - 1, axis=1)[:, :k]
    kth: Floats = best.min(axis=1)
    return kth


def _sample(count: int, seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    generator = np.random.default_rng(seed)
    return np.sort(generator.choice(count, size=min(count, _SAMPLE), replace=False)).astype(np.int64)


def check_quality(new: Mapping[str, Any] | None, live: Mapping[str, Any] | None, *, max_drop: float) -> GateResult:
    """Passes if held-out quality is at most `max_drop` below the live generation's.

    Where one query alone weighs more than `max_drop`, the loss of one query is allowed: it may be chance.

    Args:
        new, live: `{"measure": name, "value": 0..1, "queries": count}`, measured on the same queries, or None where
            nothing could be measured. Compared only where both name the same measure.
    """
    if new is None:
        return _quality(True, None, "any", "the catalogue has nothing to measure held-out quality on")
    value, measure = float(new["value"]), new["measure"]
    told = f"{measure} is {value:.4f} over {new['queries']} queries"
    if not np.isfinite(value):
        return _quality(False, None, "a finite number", told)
    if live is None or live["measure"] != measure:
        return _quality(True, value, "any", f"{told}; no live generation can be measured on the same queries")
    least = float(live["value"]) - max(max_drop, 1.5 / new["queries"])
    before = float(live["value"])
    return _quality(value >= least, value, f">= {least:.4f}", f"{told}; live: {before:.4f}", before)


def _quality(
    passed: bool, measured: float | None, required: str, detail: str, before: float | None = None
) -> GateResult:
    return GateResult(name="quality", passed=passed, measured=measured, required=required, detail=detail, before=before)


def check_answers(answer: Callable[[], int], rows: int) -> GateResult:
    """Passes if the staged files load as the server loads them, and answer a query.

    Args:
        rows: the index's rows; where there is none, no hit is wanted.
        answer: loads the generation from disk, searches it, and returns how many hits came back.
    """
    try:
        hits, detail = answer(), "the staged files load and answer a query"
    # whatever a loader raises on its own files, the generation must not go live
    except Exception as error:
        hits, detail = -1, f"loading the staged files failed: {error}"
    least = min(rows, 1)
    return GateResult(name="loads", passed=hits >= least, measured=hits, required=f">= {least} hit", detail=detail)


def refuse_failed(results: Sequence[GateResult]) -> None:
    """Raises an error unless every gate passed.

    Raises:
        GateFailed: names each failed gate, what it measured and what it requires.
    """
    failed = [
        f"{gate.name} must be {gate.required}, measured {gate.measured} ({gate.detail})"
        for gate in results
        if not gate.passed
    ]
    if failed:
        raise GateFailed(f"the new generation was refused and nothing was published: {'; '.join(failed)}")
