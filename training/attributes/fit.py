"""Fits the voter of one attribute: a linear discriminant, calibrated out of fold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.recognition import AttributeVoter, chances_of, leads_of
from training.attributes.learnable import NOT_GIVEN, Attribute
from training.measures import reliability, threshold_for

_SHRINKAGE = 0.3  # of the covariance within a value towards a multiple of the identity; see docs/selling.md
_UNKNOWN = -1e6  # bias of a value that no photo of the fold shows
_PRECISION = 0.9  # wanted share of right answers where a voter does not abstain, as for the vote
_LEAST_JUDGES = 50  # photos; fewer would calibrate by chance
_LEAST_ANSWERS = 30  # photos; fewer may be right by chance
_LEAST_CHANCE = 0.5  # of a guess that is no abstention, however easy the attribute is
_BETTER = 2.0  # standard errors by which a voter must be right more often than the commonest value
Doubles = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Photos:
    """The photos to learn from.

    Attributes:
        points: what the voters read of them, float32 (n, d).
        products: int64 (n,), place of the product that each shows.
        folds: int64 (n,); products that look alike share a fold.
        judges: bool (n,), the photos that the backbone has not learned from: they calibrate and measure, if at least 50
            of them have the attribute; else all photos do.
    """

    points: Floats
    products: Numbers
    folds: Numbers
    judges: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Learned:
    """A voter, or None where photos do not tell the attribute, and its figures out of fold."""

    voter: AttributeVoter | None
    figures: dict[str, Any]


@dataclass(frozen=True)
class _Moments:
    """Sums over photos, from which a discriminant is fitted; sums of several folds are added.

    Attributes:
        counts: (values,).
        sums: (values, d).
        squares: (d, d).
    """

    counts: Doubles
    sums: Doubles
    squares: Doubles

    def __add__(self, other: "_Moments") -> "_Moments":
        return _Moments(self.counts + other.counts, self.sums + other.sums, self.squares + other.squares)

    @classmethod
    def of(cls, points: Floats, y: Numbers, values: int) -> "_Moments":
        sums = np.zeros((values, points.shape[1]))
        np.add.at(sums, y, points)
        counts = np.bincount(y, minlength=values).astype(np.float64)
        return cls(counts, sums, (points.T @ points).astype(np.float64))

    def discriminant(self) -> tuple[Floats, Floats]:
        """Returns weights float32 (d, values) and bias float32 (values,) of the linear discriminant.

        Every value is a normal distribution, all with one covariance (Fisher, 1936), which is shrunk towards a multiple
        of the identity, so that it also holds for few photos (Friedman, Regularized Discriminant Analysis, 1989).
        """
        total = self.counts.sum()
        means = self.sums / np.maximum(self.counts, 1)[:, None]
        within = (self.squares - (means.T * self.counts) @ means) / total
        level = max(float(np.trace(within)) / len(within), 1e-9)
        shrunk = (1 - _SHRINKAGE) * within + _SHRINKAGE * level * np.eye(len(within))
        weights = np.linalg.solve(shrunk, means.T)
        bias = np.log(np.maximum(self.counts, 1) / total) - 0.5 * np.einsum("ij,ji->i", means, weights)
        return weights.astype(np.float32), np.where(self.counts > 0, bias, _UNKNOWN).astype(np.float32)


def learn(attribute: Attribute, photos: Photos) -> Learned:
    """Returns the voter of an attribute, fitted on all photos, and its figures on photos that it was not fitted on.

    It is kept if it is right clearly more often than the commonest value would be: by two standard errors, counted in
    the products whose photos judge.
    """
    y = attribute.y[photos.products]
    given = np.flatnonzero(y != NOT_GIVEN)
    points, y, folds, products = photos.points[given], y[given], photos.folds[given], photos.products[given]
    judges = photos.judges[given]
    if judges.sum() < _LEAST_JUDGES:
        judges = np.ones_like(judges)
    values = len(attribute.values)
    moments = {
        fold: _Moments.of(points[rows], y[rows], values)
        for fold in np.unique(folds)
        if (rows := (folds == fold) & (y >= 0)).any()
    }
    logits, y, folds = _out_of_fold(points, folds, moments)[judges], y[judges], folds[judges]
    best, leads = leads_of(logits)
    judged = _judged(leads, best == y, folds)
    figures = judged.figures()
    figures |= {"products": len(np.unique(products)), "photos": len(y), "values": values}
    figures |= {"commonest": _rounded((y == 0).mean()), "among_3": _rounded(_among(logits, y))}
    chance = max(figures["right"] * (1 - figures["right"]), 1e-9) / len(np.unique(products[judges]))
    if figures["right"] <= figures["commonest"] + _BETTER * chance**0.5:
        return Learned(voter=None, figures=figures)
    return Learned(voter=_fitted(attribute, _sum(list(moments.values())), leads, judged), figures=figures)


def _fitted(attribute: Attribute, moments: _Moments, leads: Floats, judged: "_Judged") -> AttributeVoter:
    """Returns the voter of these photos, calibrated by guesses out of fold."""
    weights, bias = moments.discriminant()
    offset, slope = calibration(leads, judged.right)
    return AttributeVoter(
        name=attribute.name,
        values=attribute.values,
        weights=weights,
        bias=bias,
        offset=offset,
        slope=slope,
        threshold=threshold(judged.chances, judged.right),
    )


def _out_of_fold(points: Floats, folds: Numbers, moments: Mapping[int, _Moments]) -> Floats:
    """Returns the logits of each photo, float32 (n, values), by the discriminant of all folds but its own."""
    values = len(next(iter(moments.values())).counts)
    logits = np.zeros((len(points), values), np.float32)
    for fold in np.unique(folds):
        weights, bias = _sum([each for number, each in moments.items() if number != fold]).discriminant()
        held = folds == fold
        logits[held] = points[held] @ weights + bias
    return logits


def calibration(leads: Floats, right: NDArray[np.bool_]) -> tuple[float, float]:
    """Returns the offset and the slope with which `chances_of` gives what happened the highest likelihood.

    Half a right and half a wrong guess are added at the middle, so that no voter is ever certain.
    """
    from sklearn.linear_model import LogisticRegression

    middle = float(np.median(leads)) if len(leads) else 0.0
    x = np.append(leads, [middle, middle]).astype(np.float64)[:, None]
    weights = np.append(np.ones(len(leads)), [0.5, 0.5])
    model = LogisticRegression(C=10.0).fit(x, np.append(right, [True, False]), sample_weight=weights)
    slope = float(model.coef_[0, 0])
    if slope > 0:
        return float(model.intercept_[0]), slope
    share = float((right.sum() + 0.5) / (len(right) + 1))  # a lead says nothing
    return float(np.log(share / (1 - share))), 0.0


@dataclass(frozen=True)
class _Judged:
    """The chances of guesses, float (n,), whether they are right and relied on, bool (n,) each; all out of fold."""

    chances: Floats
    right: NDArray[np.bool_]
    answered: NDArray[np.bool_]

    def figures(self) -> dict[str, Any]:
        return {
            "right": _rounded(self.right.mean()),
            "promised": _rounded(self.chances.mean()),
            "expected_calibration_error": _rounded(reliability(self.chances, self.right).expected_error),
            "answered": _rounded(self.answered.mean()),
            "right_when_answered": _rounded(self.right[self.answered].mean()) if self.answered.any() else None,
        }


def _judged(leads: Floats, right: NDArray[np.bool_], folds: Numbers) -> _Judged:
    """Judges guesses; the calibration and the threshold of each come from the other folds."""
    chances, answered = np.zeros(len(leads), np.float32), np.zeros(len(leads), np.bool_)
    for fold in np.unique(folds):
        held = folds == fold
        offset, slope = calibration(leads[~held], right[~held])
        chances[held] = chances_of(leads[held], offset, slope)
        answered[held] = chances[held] >= threshold(chances_of(leads[~held], offset, slope), right[~held])
    return _Judged(chances, right, answered)


def threshold(chances: Floats, right: NDArray[np.bool_]) -> float:
    """Returns the chance from which on 90 % of the guesses are right, but at least 0.5.

    It is 1, so that the voter always abstains, where that would hold for fewer than 30 guesses.
    """
    found = threshold_for(chances, right, _PRECISION)
    return max(_LEAST_CHANCE, found) if (chances >= found).sum() >= _LEAST_ANSWERS else 1.0


def _among(logits: Floats, y: Numbers, count: int = 3) -> float:
    """Returns for how many photos the right value is among the best ones."""
    return float((np.argsort(-logits, axis=1, kind="stable")[:, :count] == y[:, None]).any(axis=1).mean())


def _sum(moments: list[_Moments]) -> _Moments:
    total = moments[0]
    for each in moments[1:]:
        total += each
    return total


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 4)
