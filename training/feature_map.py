"""From pool_3 rows to what the voters read: a transform, PCA, and whitening of the differences within a label.

Whitening divides every direction by how far photos of one label differ along it, so that light, angle and background
count little and what tells labels apart counts much (Fukunaga, Introduction to Statistical Pattern Recognition, 10.2;
the shrinkage of the covariance towards a multiple of the identity: Ledoit and Wolf, 2004).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.recognition import FeatureMap
from engine.voters import TRANSFORMS, transform_rows

MOST_DIMS = 384
SHRINKAGES = (1.0, 0.6, 0.3, 0.1)  # 1: no whitening
Numbers = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MapChoice:
    """The feature map that did best where photos were held out.

    Attributes:
        tried: Top-1 share of a ridge classifier for each `transform` and each shrinkage of the best transform.
    """

    transform: str
    shrinkage: float
    tried: dict[str, float]


class MapFit:
    """PCA of one transform of training rows; whitening maps of any shrinkage follow from it cheaply.

    Args:
        rows: pool_3 features of the training photos, float32 (n, dim).
        y: int64 (n,), label numbers.
    """

    def __init__(self, transform: str, rows: Floats, y: Numbers) -> None:
        self.transform = transform
        changed = transform_rows(transform, rows).astype(np.float64)
        self._mean: Doubles = changed.mean(axis=0)
        centred = changed - self._mean
        values, vectors = np.linalg.eigh(centred.T @ centred / len(rows))
        kept = min(MOST_DIMS, max(1, len(rows) - 1), int((values > values[-1] * 1e-7).sum()) or 1)
        self._axes: Doubles = vectors[:, ::-1][:, :kept]
        points = centred @ self._axes
        self._within = _within_covariance(points, y)

    def at(self, shrinkage: float, views: tuple[str, ...] = ("photo",)) -> FeatureMap:
        """Returns the map that whitens with the within-label covariance shrunk towards its mean variance."""
        size = len(self._within)
        level = max(float(np.trace(self._within)) / size, 1e-12)
        shrunk = (1 - shrinkage) * self._within + shrinkage * level * np.eye(size)
        values, vectors = np.linalg.eigh(shrunk)
        matrix = self._axes @ (vectors / np.sqrt(np.maximum(values, level * 1e-6)))
        return FeatureMap(
            transform=self.transform,
            mean=self._mean.astype(np.float32),
            matrix=np.ascontiguousarray(matrix, np.float32),
            views=views,
        )


def choose_map(rows: Floats, y: Numbers, folds: Numbers) -> MapChoice:
    """Chooses transform and shrinkage by the held-out Top-1 of a ridge classifier, which needs no further choice.

    Args:
        rows: pool_3 features, float32 (n, dim).
        y: int64 (n,).
        folds: int64 (n,), from `look_folds`.
    """
    fits = {name: [MapFit(name, rows[folds != fold], y[folds != fold]) for fold in _held(folds)] for name in TRANSFORMS}
    by_transform = {name: _score(fits[name], 0.3, rows, y, folds) for name in TRANSFORMS}
    # the first of equals: the order of TRANSFORMS reversed, for the square root has served best on photos
    transform = max(reversed(TRANSFORMS), key=lambda name: by_transform[name])
    by_shrinkage = {value: _score(fits[transform], value, rows, y, folds) for value in SHRINKAGES}
    shrinkage = max(SHRINKAGES, key=lambda value: by_shrinkage[value])
    tried = {**by_transform, **{f"{transform}, shrinkage {value}": share for value, share in by_shrinkage.items()}}
    return MapChoice(transform=transform, shrinkage=shrinkage, tried=tried)


def _held(folds: Numbers) -> list[int]:
    return [int(fold) for fold in np.unique(folds)]


def _score(fits: list[MapFit], shrinkage: float, rows: Floats, y: Numbers, folds: Numbers) -> float:
    right = 0
    for fold, fit in zip(_held(folds), fits, strict=True):
        mapped = fit.at(shrinkage)
        train, held = folds != fold, folds == fold
        right += int((_ridge(mapped.apply(rows[train]), y[train], mapped.apply(rows[held])) == y[held]).sum())
    return right / len(y)


def _ridge(rows: Floats, y: Numbers, queries: Floats, strength: float = 0.1) -> Numbers:
    targets = np.eye(int(y.max()) + 1)[y]
    mean = rows.mean(axis=0)
    centred = (rows - mean).astype(np.float64)
    gram = centred.T @ centred
    gram.flat[:: len(gram) + 1] += strength * np.trace(gram) / len(gram)
    weights = np.linalg.solve(gram, centred.T @ (targets - targets.mean(axis=0)))
    return np.asarray(np.argmax((queries - mean) @ weights + targets.mean(axis=0), axis=1), np.int64)


def _within_covariance(points: Doubles, y: Numbers) -> Doubles:
    """Covariance of the differences to the label's own mean, labels of any size weighing by their photos."""
    _, inverse, counts = np.unique(y, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), points.shape[1]))
    np.add.at(sums, inverse, points)
    residual = points - (sums / counts[:, None])[inverse]
    return np.asarray(residual.T @ residual / len(points))
