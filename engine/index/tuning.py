"""Chooses through how many lists a partitioned index looks, by what searches find that were not used to build it."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np

from engine.index import partitioned
from engine.index.checks import Rows
from engine.index.partitioned import PartitionedIndex
from engine.index.reach import RARE, Reach, Reaches, Tuned
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
    """Sets `index.tuned` to the fewest lists that reach the target for each kind of query.

    Each photo query is a row that may not find itself. `tuned` becomes None if half of the lists is not enough.

    Args:
        vectors: float32 (n, d), the rows of the index.
        questions: kind -> float32 (q, d), held-out queries besides the photos.
        target: share of the 10 best rows that must be found; of the 100 best three times, and of the 1,000 best ten
            times as large a share may be missed.

    Returns:
        What was measured, plain JSON values; under `filtered` the same where a twentieth of the rows is allowed.
    """
    reach, measured = _tuned(index, vectors, questions, target)
    rare: dict[str, Reach] = {}
    if reach and (allowed := _rare_rows(len(vectors))) is not None:
        rare, measured["filtered"] = _tuned(index, vectors, questions, target, (allowed, reach))
    kinds = {kind: Reaches(found, rare.get(kind)) for kind, found in reach.items()}
    index.tuned = Tuned(Reaches(_most(reach), _most(rare) if rare else None), kinds) if reach else None
    return measured


def _tuned(
    index: PartitionedIndex,
    vectors: Floats,
    questions: Mapping[str, Floats],
    target: float,
    filtered: tuple[Mask, Mapping[str, Reach]] | None = None,
) -> tuple[dict[str, Reach], dict[str, Any]]:
    """Returns kind -> the fewest lists that reach the target, and what was measured; none: half are too few.

    Args:
        filtered: bool (n,), the only rows that may be found, and what was found without a filter: no fewer lists are
            tried. None: all rows.
    """
    allowed, least = filtered or (None, {})
    asked = _asked(vectors, questions, np.arange(len(vectors)) if allowed is None else np.flatnonzero(allowed))
    curve: list[dict[str, Any]] = []
    found: dict[str, dict[str, int]] = {kind.kind: {} for kind in asked}
    for lists, kind, (name, (k, times)) in itertools.product(_steps(index.list_count), asked, _MISSES.items()):
        if name in found[kind.kind] or (kind.kind in least and lists < least[kind.kind].lists(k)):
            continue
        curve.append(_recall(index, vectors, kind, lists, k, allowed))
        if 1 - curve[-1]["recall"] <= (1 - target) * _SPARE * times:
            found[kind.kind][name] = lists
    facts = {"lists": index.list_count, "target": target, "curve": curve, "kinds": found}
    if any(len(lists) < len(_MISSES) for lists in found.values()):
        return {}, facts
    reach = {kind: Reach(**lists) for kind, lists in found.items()}
    return reach, {**facts, **asdict(_most(reach))}


def _most(reach: Mapping[str, Reach]) -> Reach:
    """Returns the lists that are enough for every kind."""
    return Reach(*(max(lists) for lists in zip(*map(astuple, reach.values()), strict=True)))


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
