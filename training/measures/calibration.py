"""Calibrates probabilities, and measures how good they are: temperature, expected calibration error, coverage."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.recognition import softmax

_LOG_TEMPERATURES = (-4.0, 3.0)
BINS = 10
Numbers = NDArray[np.int64]
Doubles = NDArray[np.float64]


def fit_temperature(logits: Floats, y: Numbers) -> float:
    """Returns the T for which softmax(logits / T) gives the right labels the highest likelihood.

    One number for all labels (Guo et al., On Calibration of Modern Neural Networks, 2017). It never changes a ranking.

    Args:
        logits: float (n, labels); -inf for a label that is impossible.
        y: int64 (n,), the right labels.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(softmax(logits / np.float32(np.exp(log_temperature))), y)

    # the loss is convex in 1 / T, so a search along one line finds its only minimum
    found = minimize_scalar(loss, bounds=_LOG_TEMPERATURES, method="bounded", options={"xatol": 0.01})
    return float(np.exp(found.x))


def negative_log_likelihood(probabilities: Floats, y: Numbers) -> float:
    """Returns the mean of -ln p(right label)."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(y)), y], 1e-9)).mean())


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Equal-width bins of the top probability: per bin its mean, the share that was right, the count, the weight."""

    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    count: tuple[int, ...]
    weight: tuple[float, ...]

    @property
    def expected_error(self) -> float:
        """Expected calibration error: mean distance of confidence and accuracy, weighted by the bins' weights."""
        gaps = zip(self.confidence, self.accuracy, self.weight, strict=True)
        return sum(weight * abs(confidence - accuracy) for confidence, accuracy, weight in gaps) / (
            sum(self.weight) or 1
        )


def reliability(confidence: Floats, right: NDArray[np.bool_], weights: Doubles | None = None) -> Reliability:
    """Returns the bins of top probabilities; empty bins are left out.

    Args:
        confidence: float (n,), the probabilities.
        right: bool (n,), whether each came true.
        weights: float64 (n,), above 0, how much each counts; None: 1.
    """
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    counts = np.ones(len(bins)) if weights is None else weights
    used = [bins == number for number in range(BINS) if (bins == number).any()]
    return Reliability(
        confidence=tuple(float(np.average(confidence[of], weights=counts[of])) for of in used),
        accuracy=tuple(float(np.average(right[of], weights=counts[of])) for of in used),
        count=tuple(int(of.sum()) for of in used),
        weight=tuple(float(counts[of].sum()) for of in used),
    )


def coverage_curve(confidence: Floats, right: NDArray[np.bool_]) -> tuple[Doubles, Doubles]:
    """Returns coverage and precision, float64 (n,) each, as the threshold falls from the surest photo to the least."""
    order = np.argsort(-confidence, kind="stable")
    counts = np.arange(1, len(order) + 1)
    return counts / len(order), np.cumsum(right[order]) / counts


def threshold_for(confidence: Floats, right: NDArray[np.bool_], precision: float) -> float:
    """Returns the lowest threshold from which on at least the share `precision` is right; 1.0 if there is none.

    Ties are taken together: every photo at the threshold's confidence counts.
    """
    order = np.argsort(-confidence, kind="stable")
    _, precisions = coverage_curve(confidence, right)
    ends = np.append(np.diff(confidence[order]) != 0, True)
    good = np.flatnonzero((precisions >= precision) & ends)
    if not len(good):
        return 1.0
    return 0.0 if good[-1] == len(order) - 1 else float(confidence[order][good[-1]])
