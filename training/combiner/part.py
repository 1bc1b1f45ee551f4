"""The rebuild's part `combiner`: learned on the changes that the catalogue's facts show, kept where it wins."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.space import PROJECTION_FILE, Combiner, Projection, fit_combiner, mean_of, normalise, space_digest
from engine.text import HEAD_FILE, EncoderTextTower, TextEncoder, TextHead
from training.combiner.changes import Changes, find_changes
from training.context import TrainingContext
from training.measures import retrieval_metrics

_LEAST_CHANGES = 200
_MOST_PRODUCTS = 20_000
_MEASURED = 1_000  # changes
_FOLDS, _NO_FOLD = 5, -1
_STRENGTHS = (0.1, 0.3, 1.0)
_WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7)
_BLOCK = 4096
Numbers = NDArray[np.int64]


def train(context: TrainingContext, folder: Path) -> dict[str, Any]:
    """Learns and measures the combiner in folds of products; writes it if it beats every weighted mean.

    A change is measured with a combiner that has seen its product neither as something shown nor as a target.

    Returns:
        `published`, and the `reason` if not (`skipped`, if nothing could be learned); the number of `changes`; out of
        fold, recall@10 and mean average precision of the best `mean` with its `weight`, and of the combiner (`learned`)
        with the `strength` of its penalty.
    """
    if not (folder / HEAD_FILE).is_file():
        return {"published": False, "skipped": "products need texts; got none"}
    space = Projection.load(folder / PROJECTION_FILE)
    products = [each for each in context.catalogue.iter_facts() if each.image_sha256][:_MOST_PRODUCTS]
    changes = find_changes(products)
    if len(changes) < _LEAST_CHANGES:
        reason = f"at least {_LEAST_CHANGES} changes of one fact are needed; the products show {len(changes)}"
        return {"published": False, "skipped": reason}
    head = TextHead.load(folder / HEAD_FILE)
    encoder = TextEncoder(head.encoder_name, context.settings.cores, context.settings.home)
    places = product_points(context, space, [each.product_key for each in products])
    lesson = Lesson(changes, places, EncoderTextTower(encoder, head).embed(changes.texts))
    figures = lesson.measure()
    if figures["published"]:
        Combiner(lesson.learn(_NO_FOLD, figures["strength"])[0], space_digest(space)).save(folder)
    return {"changes": len(changes), **figures}


def product_points(context: TrainingContext, space: Projection, product_keys: list[int]) -> Floats:
    """Returns the mean point of each product's photos, float32 (p, d), L2 norm 1; zeros for one without features."""
    sums = np.zeros((len(product_keys), space.space_dim), np.float32)
    at = {key: place for place, key in enumerate(product_keys)}
    rows = np.flatnonzero(np.isin(context.snapshot.product_keys, product_keys))
    for block in (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)):
        points = space.apply(context.features.read([context.snapshot.image_sha256[row] for row in block]))
        np.add.at(sums, [at[int(context.snapshot.product_keys[row])] for row in block], points)
    return normalise(sums)


class Lesson:
    """Changes and the points of what is shown, said and right.

    Args:
        places: float32 (p, d), the products' points.
        texts: float32 (t, d), the points of the changes' texts.
    """

    def __init__(self, changes: Changes, places: Floats, texts: Floats, seed: int = 0) -> None:
        self._changes, self._places = changes, places
        self._photos, self._words = places[changes.products], texts[changes.words]
        random = np.random.default_rng(seed)
        self._fold = random.permutation(len(places)) % _FOLDS
        self._measured = np.sort(random.permutation(len(changes))[:_MEASURED])

    def measure(self) -> dict[str, Any]:
        """Returns the figures of `train`."""
        photos, words = self._photos[self._measured], self._words[self._measured]
        means = {weight: self._figures(mean_of(photos, words, weight)) for weight in _WEIGHTS}
        learned = {strength: self._figures(points) for strength, points in self._out_of_fold().items()}
        weight, strength = max(means, key=lambda key: means[key]["map"]), max(learned, key=lambda k: learned[k]["map"])
        best, found = means[weight], learned[strength]
        won = found["map"] > best["map"] and found["recall10"] > best["recall10"]
        reason = "" if won else "it finds what is meant no better than the weighted mean"
        figures = {"weight": weight, "mean": best, "strength": strength, "learned": found}
        return {"published": won, "reason": reason, **figures}

    def learn(self, hidden_fold: int, *strengths: float) -> list[Floats]:
        """Returns the matrix for each strength, learned without the products of a fold, whether shown or right."""
        rows, targets = [], []
        for row in np.flatnonzero(self._fold[self._changes.products] != hidden_fold):
            right = self._changes.targets[row]
            right = right[self._fold[right] != hidden_fold]
            if len(right):
                rows.append(row)
                targets.append(self._places[right].mean(axis=0))
        photos, words, right_points = self._photos[rows], self._words[rows], normalise(np.stack(targets))
        return [fit_combiner(photos, words, right_points, strength) for strength in strengths]

    def _out_of_fold(self) -> dict[float, Floats]:
        """Returns the points of the measured changes for each strength, float32 (m, d)."""
        found = {
            strength: np.zeros((len(self._measured), self._places.shape[1]), np.float32) for strength in _STRENGTHS
        }
        folds = self._fold[self._changes.products[self._measured]]
        for fold in range(_FOLDS):
            asked = folds == fold
            rows = self._measured[asked]
            for strength, matrix in zip(_STRENGTHS, self.learn(fold, *_STRENGTHS), strict=True):
                found[strength][asked] = Combiner(matrix).apply(self._photos[rows], self._words[rows])
        return found

    def _figures(self, points: Floats) -> dict[str, float]:
        """Returns mean recall@10 and mean average precision; the product that is shown cannot be found."""
        sums = {"recall10": 0.0, "map": 0.0}
        for start in range(0, len(points), 256):
            rows = self._measured[start : start + 256]
            scores = points[start : start + 256] @ self._places.T
            scores[np.arange(len(rows)), self._changes.products[rows]] = -np.inf
            gains = np.zeros_like(scores)
            for line, row in enumerate(rows):
                gains[line, self._changes.targets[row]] = 1
            found = retrieval_metrics(scores, gains)
            sums = {name: sums[name] + float(found[name].sum()) for name in sums}
        return {name: round(value / len(points), 4) for name, value in sums.items()}
