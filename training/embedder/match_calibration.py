"""Fits the match calibration on queries with known answers: match probabilities, and the bounds of `no_match`."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.space import Curve, MatchCalibration, Region, normalise, signed_sqrt
from training.measures import reliability

_HITS = 10  # hits of each query that the curve is fitted on
_REFUSED = 0.01  # share of queries with a right answer that a bound may refuse
_AXES = 64
_LEAST_QUERIES = 20
_LEAST_SPREAD = 1e-7
_NEWTON_STEPS = 50
Numbers = NDArray[np.int64]
Truths = NDArray[np.bool_]


def fit_curve(scores: Floats, right: Truths) -> tuple[Curve, dict[str, Any]] | None:
    """Fits the probability curve of one kind of query.

    Platt scaling with its smoothed targets (Platt, "Probabilistic Outputs for Support Vector Machines", 1999), so that
    a curve is never steeper than its data allow. It learns from each query's ten best hits twice: as they
    are, and without the right products, as if the shop did not sell them, so that all hits are wrong.

    Args:
        scores: float32 (n, p), cosine of each query and the best photo of each product.
        right: bool (n, p), whether the product is right.

    Returns:
        The curve and its figures, or None with fewer than 20 queries. `false_refusal` is the share of queries with
        a right answer that `least` refuses, `false_accept` the share of queries without one that it lets pass.
    """
    usable = right.any(axis=1) & ~right.all(axis=1)
    if usable.sum() < _LEAST_QUERIES:
        return None
    scores, right = scores[usable], right[usable]
    bare = np.where(right, -np.inf, scores)
    found, truths = zip(*(_best_hits(table, right) for table in (scores, bare)), strict=True)
    cosines, labels = np.concatenate(found), np.concatenate(truths)
    slope, offset = _platt(cosines.astype(np.float64), labels)
    best, best_bare = scores.max(axis=1), bare.max(axis=1)
    curve = Curve(slope=slope, offset=offset, least=float(np.quantile(best, _REFUSED)))
    measured = {
        "queries": int(usable.sum()),
        "false_refusal": round(float((best < curve.least).mean()), 4),
        "false_accept": round(float((best_bare >= curve.least).mean()), 4),
        "expected_calibration_error": round(_error(curve, cosines, labels), 4),
    }
    return curve, measured


def fit_region(blocks: Iterable[Floats], held: Floats) -> tuple[Region, dict[str, Any]]:
    """Fits the region in which the catalogue's photos lie.

    Args:
        blocks: pool_3 rows float32 (n, dim) of the photos.
        held: float32 (m, dim), pool_3 rows of other photos; their distances set the bound. If there are fewer than 20,
            the last block sets it and the bound is doubled, because a region lies nearer to the photos that shaped it.

    Returns:
        The region and its `false_refusal` on the photos that set the bound.
    """
    count, total, products, last = 0, np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0), np.float32)
    for block in blocks:
        rows = normalise(signed_sqrt(block)).astype(np.float64)
        if not count:
            total, products = np.zeros(rows.shape[1]), np.zeros((rows.shape[1], rows.shape[1]))
        count, total, products, last = count + len(rows), total + rows.sum(axis=0), products + rows.T @ rows, block
    mean = total / count
    values, vectors = np.linalg.eigh(products / count - np.outer(mean, mean))
    kept = min(_AXES, len(mean) - 1, max(1, count - 1))
    spreads = np.maximum(np.append(values[::-1][:kept], values[::-1][kept:].mean()), _LEAST_SPREAD)
    region = Region(
        mean=mean.astype(np.float32),
        axes=np.ascontiguousarray(vectors[:, ::-1][:, :kept], np.float32),
        spreads=spreads.astype(np.float32),
        farthest=0.0,
    )
    judges = held if len(held) >= _LEAST_QUERIES else last
    distances = region.distances(judges)
    bound = float(np.quantile(distances, 1 - _REFUSED)) * (1 if len(held) >= _LEAST_QUERIES else 2)
    region = Region(mean=region.mean, axes=region.axes, spreads=region.spreads, farthest=bound)
    return region, {"photos": len(judges), "false_refusal": round(float((distances > bound).mean()), 4)}


def fit_calibration(
    tables: dict[str, tuple[Floats, Truths]], blocks: Iterable[Floats], held: Floats
) -> MatchCalibration:
    """Returns the match calibration: the curve of each kind of query, and the region.

    Args:
        tables: kind (`text`, `photo`) -> scores and truths as `fit_curve` takes them.
        blocks, held: as `fit_region` takes them.
    """
    region, measured_region = fit_region(blocks, held)
    curves, measured = {}, {"region": measured_region}
    for kind, (scores, right) in tables.items():
        if (found := fit_curve(scores, right)) is not None:
            curves[kind], measured[kind] = found
    return MatchCalibration(curves=curves, region=region, measured=measured)


def _best_hits(scores: Floats, right: Truths) -> tuple[Floats, Truths]:
    depth = min(_HITS, scores.shape[1])
    best = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
    found, truths = np.take_along_axis(scores, best, 1).ravel(), np.take_along_axis(right, best, 1).ravel()
    there = np.isfinite(found)
    return found[there], truths[there]


def _platt(cosines: NDArray[np.float64], right: Truths) -> tuple[float, float]:
    """Returns slope and offset, fitted by Newton's method with a small ridge."""
    positives = int(right.sum())
    high, low = (positives + 1) / (positives + 2), 1 / (len(right) - positives + 2)
    targets = np.where(right, high, low)
    design = np.stack([cosines, np.ones_like(cosines)], axis=1)
    weights = np.zeros(2)
    for _ in range(_NEWTON_STEPS):
        guess = 1 / (1 + np.exp(-np.clip(design @ weights, -40, 40)))
        slope = design.T @ (guess - targets) + 1e-3 * weights
        bend = (design * (guess * (1 - guess))[:, None]).T @ design + 1e-3 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        weights = weights - step * min(1.0, 20 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    return float(weights[0]), float(weights[1])


def _error(curve: Curve, cosines: Floats, right: Truths) -> float:
    return reliability(curve.probability(cosines), right).expected_error
