"""A lesson: what the combiner learns from, and how well it finds what is meant, in folds of products and photos."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.space import Combiner, fit_combiner, mean_of, normalise
from training.combiner.changes import Changes
from training.combiner.chosen import Chosen
from training.measures import retrieval_metrics

_LEAST_CHOSEN = 20  # searches
_MEASURED = 1_000  # changes, and as many searches
_FOLDS, NO_FOLD = 5, -1
_STRENGTHS = (0.1, 0.3, 1.0)
_WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7)
_CLICK_WEIGHT = 5.0  # how much a search counts at most, beside a change
_SURELY = 2.0  # standard errors by which what was chosen must be found better
_SHOPPERS_PHOTO = -1
Numbers = NDArray[np.int64]


class Lesson:
    """Changes and the points of what is shown, said and right; and the same of what shoppers chose.

    Args:
        places: float32 (p, d), the products' points.
        texts: float32 (t, d), the points of the changes' texts.
        chosen: searches with a photo and words; None: there are none.
        said: float32 (n, d), the points of their words.
    """

    def __init__(
        self,
        changes: Changes,
        places: Floats,
        texts: Floats,
        chosen: Chosen | None = None,
        said: Floats | None = None,
        seed: int = 0,
    ) -> None:
        random = np.random.default_rng(seed)
        self._places, count = places, len(changes)
        self._fold = random.permutation(len(places)) % _FOLDS
        self._changes = np.sort(random.permutation(count)[:_MEASURED])
        self._photos, self._words = places[changes.products], texts[changes.words]
        self._shown, self._targets = changes.products, changes.targets
        self._folds, self._weights = self._fold[changes.products], np.ones(count, np.float32)
        self._searches = np.zeros(0, np.int64)
        if chosen is not None and said is not None and len(chosen) >= _LEAST_CHOSEN:
            self._add(chosen, said)

    def _add(self, chosen: Chosen, said: Floats) -> None:
        """Adds searches as questions behind the changes."""
        changes, searches = len(self._targets), len(chosen)
        weight = min(_CLICK_WEIGHT, changes / searches)
        self._photos = np.concatenate([self._photos, chosen.points])
        self._words = np.concatenate([self._words, said])
        self._shown = np.concatenate([self._shown, np.full(searches, _SHOPPERS_PHOTO)])
        self._targets = (*self._targets, *chosen.targets)
        self._folds = np.concatenate([self._folds, chosen.photos % _FOLDS])
        self._weights = np.concatenate([self._weights, np.full(searches, weight, np.float32)])
        self._searches = np.arange(changes, changes + min(searches, _MEASURED))

    def measure(self) -> dict[str, Any]:
        """Returns the figures of `training.combiner.train`, and with `clicks` whether they should teach.

        What was chosen teaches where the combiner then finds it better by more than chance, out of fold, and still
        finds the changes better than every weighted mean.
        """
        asked = np.concatenate([self._changes, self._searches])
        plain_points = self._out_of_fold(asked, clicks=False)
        plain = self._compared(plain_points)
        if not len(self._searches):
            return {**plain, "clicks": False}
        taught_points = self._out_of_fold(asked, clicks=True)
        taught = self._compared(taught_points)
        without = self._found(plain_points[plain["strength"]][len(self._changes) :], self._searches)
        taught_found = self._found(taught_points[taught["strength"]][len(self._changes) :], self._searches)
        gain = taught_found["map"] - without["map"]
        wins = taught["published"] and gain.mean() > _SURELY * gain.std() / len(gain) ** 0.5
        chosen = {"without": _means(without), "with": _means(taught_found)}
        return {
            **(taught if wins else plain), "clicks": bool(wins), "searches": len(self._searches), "chosen": chosen
        }  # fmt: skip

    def learn(self, hidden_fold: int, *strengths: float, clicks: bool = False) -> list[Floats]:
        """Returns the matrix for each strength, learned without the products of a fold, whether shown or right.

        Args:
            clicks: whether what shoppers chose teaches too; the photos of the fold do not.
        """
        rows, targets = [], []
        for row in np.flatnonzero((self._folds != hidden_fold) & (clicks | (self._shown != _SHOPPERS_PHOTO))):
            right = self._targets[row]
            right = right[self._fold[right] != hidden_fold]
            if len(right):
                rows.append(row)
                targets.append(self._places[right].mean(axis=0))
        photos, words, right_points = self._photos[rows], self._words[rows], normalise(np.stack(targets))
        weights = self._weights[rows]
        return [fit_combiner(photos, words, right_points, strength, weights) for strength in strengths]

    def _compared(self, learned_points: dict[float, Floats]) -> dict[str, Any]:
        """Returns how well the weighted means and the learned points, which begin with theirs, find the changes."""
        rows = self._changes
        photos, words = self._photos[rows], self._words[rows]
        means = {weight: self._figures(mean_of(photos, words, weight)) for weight in _WEIGHTS}
        learned = {strength: self._figures(points[: len(rows)]) for strength, points in learned_points.items()}
        weight, strength = max(means, key=lambda key: means[key]["map"]), max(learned, key=lambda k: learned[k]["map"])
        best, found = means[weight], learned[strength]
        won = found["map"] > best["map"] and found["recall10"] > best["recall10"]
        reason = "" if won else "it finds what is meant no better than the weighted mean"
        figures = {"weight": weight, "mean": best, "strength": strength, "learned": found}
        return {"published": won, "reason": reason, **figures}

    def _out_of_fold(self, rows: Numbers, *, clicks: bool) -> dict[float, Floats]:
        """Returns the points of some questions for each strength, float32 (m, d)."""
        found = {strength: np.zeros((len(rows), self._places.shape[1]), np.float32) for strength in _STRENGTHS}
        for fold in range(_FOLDS):
            asked = self._folds[rows] == fold
            of_fold = rows[asked]
            for strength, matrix in zip(_STRENGTHS, self.learn(fold, *_STRENGTHS, clicks=clicks), strict=True):
                found[strength][asked] = Combiner(matrix).apply(self._photos[of_fold], self._words[of_fold])
        return found

    def _figures(self, points: Floats) -> dict[str, float]:
        return _means(self._found(points, self._changes))

    def _found(self, points: Floats, asked: Numbers) -> dict[str, Floats]:
        """Returns recall@10 and average precision of each question, (m,); the product that is shown cannot be found."""
        parts = []
        for start in range(0, len(points), 256):
            rows = asked[start : start + 256]
            scores = points[start : start + 256] @ self._places.T
            lines = np.flatnonzero(self._shown[rows] != _SHOPPERS_PHOTO)
            scores[lines, self._shown[rows][lines]] = -np.inf
            gains = np.zeros_like(scores)
            for line, row in enumerate(rows):
                gains[line, self._targets[row]] = 1
            parts.append(retrieval_metrics(scores, gains))
        return {name: np.concatenate([part[name] for part in parts]) for name in ("recall10", "map")}


def _means(found: dict[str, Floats]) -> dict[str, float]:
    return {name: round(float(values.mean()), 4) for name, values in found.items()}
