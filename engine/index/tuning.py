"""Chooses through how many lists a partitioned index looks, by what searches find that were not used to build it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.index import partitioned
from engine.index.checks import Rows
from engine.index.partitioned import RARE, PartitionedIndex, Reach
from engine.protocols import Floats, Mask

QUESTIONS = 200  # of each kind
_TIE = 1e-5  # inner products of float32 unit vectors that differ by less are the same score
_SPARE = 0.75  # of what may be missed: another sample of queries finds a little less
# Of so many hits, so many times as large a share may be missed: fewer shoppers page so far, and neighbours lie wider.
_MISSES = {"ten": (10, 1), "hundred": (100, 3), "thousand": (1000, 10)}
_DEEPEST = 1000
_MOST_SHARE = 1 / 2  # of the lists; a search that needs more is hardly quicker than an exact one
_FIRST_LISTS = 8


@dataclass(frozen=True)
class _Asked:
    """Queries with the exact scores of what they should find.

    Attributes:
        kind: `photo` or what the caller named.
        queries: float32 (q, d).
        own: int64 (q,), the row that each query is, which is not to be found; -1: none.
        scores: float32 (q, 1000), exact scores of the best rows, best first.
    """

    kind: str
    queries: Floats
    own: Rows
    scores: Floats


def tune(
    index: PartitionedIndex, vectors: Floats, questions: Mapping[str, Floats], target: float
) -> dict[str, Any]:  # fmt: skip
    """Sets `index.reach` and `index.filtered` to the fewest lists that reach the target for each kind of query.

    Each photo query is a row that may not find itself. `reach` becomes None if half of the lists is not enough.

    Args:
        vectors: float32 (n, d), the rows of the index.
        questions: kind -> float32 (q, d), held-out queries besides the photos.
        target: share of the 10 best rows that must be found; of the 100 best three times, and of the 1,000 best ten
            times as large a share may be missed.

    Returns:
        What was measured, plain JSON values; under `filtered` the same where a twentieth of the rows is allowed.
    """
    index.reach, measured = _tuned(index, vectors, questions, target)
    if index.reach and (allowed := _rare_rows(len(vectors))) is not None:
        index.filtered, measured["filtered"] = _tuned(index, vectors, questions, target, allowed)
    return measured


def _tuned(
    index: PartitionedIndex,
    vectors: Floats,
    questions: Mapping[str, Floats],
    target: float,
    allowed: Mask | None = None,
) -> tuple[Reach | None, dict[str, Any]]:
    """Returns the fewest lists that reach the target, and what was measured; None: half of the lists is not enough.

    Args:
        allowed: bool (n,), the only rows that may be found; then no fewer lists are tried than the index reaches
            without a filter. None: all rows.
    """
    asked = _asked(vectors, questions, np.arange(len(vectors)) if allowed is None else np.flatnonzero(allowed))
    curve: list[dict[str, Any]] = []
    found: dict[str, int] = {}
    for lists in _steps(index.list_count):
        for name, (k, times) in _MISSES.items():
            if name in found or (allowed is not None and index.reach and lists < index.reach.lists(k)):
                continue
            measured = [_recall(index, vectors, kind, lists, k, allowed) for kind in asked]
            curve += measured
            if all(1 - point["recall"] <= (1 - target) * _SPARE * times for point in measured):
                found[name] = lists
        if len(found) == len(_MISSES):
            break
    facts = {"lists": index.list_count, "target": target, "curve": curve, **found}
    return (Reach(**found) if len(found) == len(_MISSES) else None), facts


def _rare_rows(count: int) -> Mask | None:
    """Returns a twentieth of the rows, drawn by chance, bool (count,); None: so few are scored row by row."""
    wanted = round(RARE * count)
    if wanted <= max(partitioned.FEW_ROWS, _DEEPEST):
        return None
    allowed = np.zeros(count, np.bool_)
    allowed[np.random.default_rng(3).choice(count, wanted, replace=False)] = True
    return allowed


def _asked(vectors: Floats, questions: Mapping[str, Floats], allowed: Rows) -> list[_Asked]:
    own = np.sort(np.random.default_rng(2).choice(len(vectors), min(QUESTIONS, len(vectors)), replace=False))
    nobody = {kind: np.full(min(QUESTIONS, len(points)), -1) for kind, points in questions.items() if len(points)}
    asked = {"photo": (vectors[own], own.astype(np.int64))}
    asked |= {kind: (questions[kind][:QUESTIONS], rows) for kind, rows in nobody.items()}
    return [_Asked(kind, points, rows, _best(vectors, points, rows, allowed)) for kind, (points, rows) in asked.items()]


def _best(vectors: Floats, queries: Floats, own: Rows, allowed: Rows) -> Floats:
    import faiss

    depth = min(_DEEPEST + 1, len(allowed))
    rows = vectors if len(allowed) == len(vectors) else vectors[allowed]
    scores, found = faiss.knn(np.ascontiguousarray(queries), rows, depth, metric=faiss.METRIC_INNER_PRODUCT)
    scores = np.where(allowed[found] == own[:, None], -np.inf, scores)
    best: Floats = -np.sort(-scores, axis=1)
    return best


def _recall(
    index: PartitionedIndex, vectors: Floats, asked: _Asked, lists: int, k: int, allowed: Mask | None
) -> dict[str, Any]:
    right, times = 0, []
    for query, own, scores in zip(asked.queries, asked.own, asked.scores, strict=True):
        dead = np.array([own]) if own >= 0 else None
        started = time.thread_time()
        hits = index.find(query, k, lists, allowed, dead)
        times.append(time.thread_time() - started)
        right += int(np.count_nonzero(vectors[hits.rows] @ query >= scores[k - 1] - _TIE))
    recall = right / (k * max(1, len(asked.queries)))
    return {
        "kind": asked.kind,
        "k": k,
        "lists": lists,
        "recall": round(recall, 4),
        "ms": round(1000 * float(np.median(times)), 3),
    }


def _steps(lists: int) -> list[int]:
    """Returns 8, 12, 16, 24, 32, 48, ... up to half of the lists.

    >>> _steps(128)
    [8, 12, 16, 24, 32, 48, 64]
    """
    powers = [_FIRST_LISTS << place for place in range(20)]
    return [step for power in powers for step in (power, power * 3 // 2) if step <= lists * _MOST_SHARE]
