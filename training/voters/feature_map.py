"""Fits the map from pool_3 rows to the voters' features: a transform, PCA, and whitening within each label.

Whitening divides every direction by how far photos of one label differ along it: light, angle and background then count
little, and differences between labels count much (Fukunaga, Introduction to Statistical Pattern Recognition, 10.2;
the shrinkage of the covariance towards a multiple of the identity: Ledoit and Wolf, 2004).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.recognition import TRANSFORMS, FeatureMap, transform_rows
from engine.space import normalise

MOST_DIMS = 384
SHRINKAGES = (1.0, 0.6, 0.3, 0.1)  # 1: no whitening
_INDIFFERENCE = 0.001
_LEAST_RIDGE = 1e-9
Numbers = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Axes:
    """Principal axes of transformed training rows.

    Attributes:
        transform: one of `TRANSFORMS`.
        mean: float32 (dim,).
        vectors: float32 (dim, d), the axes of largest variance.
    """

    transform: str
    mean: Floats
    vectors: Floats

    def project(self, rows: Floats) -> Floats:
        """Maps pool_3 rows float32 (..., dim) to points float32 (..., d)."""
        flat = transform_rows(self.transform, rows.reshape(-1, rows.shape[-1]))
        points = (flat - self.mean) @ self.vectors
        return np.asarray(points, np.float32).reshape(*rows.shape[:-1], points.shape[1])

    def feature_map(self, points: Floats, y: Numbers, shrinkage: float, views: tuple[str, ...]) -> FeatureMap:
        """Returns the complete map from pool_3 rows to the voters' features, whitened for `points`."""
        matrix = self.vectors @ whitening(points, y, shrinkage)
        return FeatureMap(
            transform=self.transform, mean=self.mean, matrix=np.ascontiguousarray(matrix, np.float32), views=views
        )


@dataclass(frozen=True, kw_only=True)
class MapChoice:
    """The transform and shrinkage that did best on held-out photos.

    Attributes:
        tried: Top-1 share of a ridge classifier for each `transform` and each shrinkage of the best transform.
    """

    transform: str
    shrinkage: float
    tried: dict[str, float]


def fit_axes(transform: str, rows: Floats) -> Axes:
    """Returns at most 384 principal axes of pool_3 rows float32 (n, dim), after the transform."""
    changed = transform_rows(transform, rows)
    mean = changed.mean(axis=0)
    centred = changed - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / len(rows))
    kept = min(MOST_DIMS, max(1, len(rows) - 1), max(1, int((values > values[-1] * 1e-6).sum())))
    return Axes(transform=transform, mean=mean, vectors=np.ascontiguousarray(vectors[:, ::-1][:, :kept]))


def whitening(points: Floats, y: Numbers, shrinkage: float) -> Floats:
    """Returns the matrix float32 (d, d) after which photos of one label differ equally in all directions.

    Args:
        points: float32 (n, d).
        y: int64 (n,), label numbers.
        shrinkage: 0 (the measured covariance within labels) to 1 (its mean variance: no whitening).
    """
    within = _within_covariance(points.astype(np.float64), y)
    size = len(within)
    level = max(float(np.trace(within)) / size, 1e-12)
    values, vectors = np.linalg.eigh((1 - shrinkage) * within + shrinkage * level * np.eye(size))
    return np.asarray(vectors / np.sqrt(np.maximum(values, level * 1e-6)), np.float32)


def choose_map(rows: Floats, y: Numbers, folds: Numbers, judges: NDArray[np.bool_] | None = None) -> MapChoice:
    """Returns the transform and shrinkage with the best held-out Top-1 of a ridge classifier.

    Args:
        rows: pool_3 features, float32 (n, dim).
        y: int64 (n,).
        folds: int64 (n,), the fold of each photo, from `look_folds`.
        judges: bool (n,), the held-out photos that count; None: all.
    """
    counted = np.ones(len(y), np.bool_) if judges is None else judges
    points = {name: fit_axes(name, rows).project(rows) for name in TRANSFORMS}
    by_transform = {name: _score(points[name], 0.3, y, folds, counted) for name in TRANSFORMS}
    # of equals the last: the square root has worked best on photos
    transform = max(reversed(TRANSFORMS), key=lambda name: by_transform[name])
    by_shrinkage = {value: _score(points[transform], value, y, folds, counted) for value in SHRINKAGES}
    best = max(by_shrinkage.values())
    # the least whitening that is as good as the best: it is safer for photos from other sources
    shrinkage = next(value for value in SHRINKAGES if by_shrinkage[value] >= best - _INDIFFERENCE)
    tried = {**by_transform, **{f"{transform}, shrinkage {value}": share for value, share in by_shrinkage.items()}}
    rounded = {name: round(share, 4) for name, share in tried.items()}
    return MapChoice(transform=transform, shrinkage=shrinkage, tried=rounded)


def _score(points: Floats, shrinkage: float, y: Numbers, folds: Numbers, counted: NDArray[np.bool_]) -> float:
    right = 0
    for fold in np.unique(folds[counted]):
        train, held = folds != fold, (folds == fold) & counted
        mapped = normalise(points @ whitening(points[train], y[train], shrinkage))
        right += int((_ridge(mapped[train], y[train], mapped[held]) == y[held]).sum())
    return right / int(counted.sum())


def _ridge(rows: Floats, y: Numbers, queries: Floats, strength: float = 0.1) -> Numbers:
    targets = np.eye(int(y.max()) + 1)[y]
    mean = rows.mean(axis=0)
    centred = (rows - mean).astype(np.float64)
    gram = centred.T @ centred
    # the least value keeps the matrix regular where all rows are the same, as in a shop with very few photos
    gram.flat[:: len(gram) + 1] += max(strength * np.trace(gram) / len(gram), _LEAST_RIDGE)
    weights = np.linalg.solve(gram, centred.T @ (targets - targets.mean(axis=0)))
    return np.asarray(np.argmax((queries - mean) @ weights + targets.mean(axis=0), axis=1), np.int64)


def _within_covariance(points: Doubles, y: Numbers) -> Doubles:
    """Returns the covariance of photos around the mean of their label; every photo counts the same."""
    _, inverse, counts = np.unique(y, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), points.shape[1]))
    np.add.at(sums, inverse, points)
    residual = points - (sums / counts[:, None])[inverse]
    return np.asarray(residual.T @ residual / len(points))
