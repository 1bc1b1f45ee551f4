"""Finds labels that may be wrong, from predictions for photos that the voters did not learn from.

Confident learning: Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, Journal
of Artificial Intelligence Research 70, 2021. The thresholds are its equation 2; the order is by its self-confidence.
"""

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats

Numbers = NDArray[np.int64]


def doubtful(tables: Floats, y: Numbers) -> Numbers:
    """Returns the photos whose label may be wrong, strongest doubt first, int64 (d,).

    A photo is doubtful if every voter names one and the same other label, and their mean probability surely belongs to
    another label than the given one (see `confident_labels`). The less likely the given label is, the stronger is the
    doubt.

    Args:
        tables: float32 (voters, n, labels), each voter's calibrated probabilities of photos it did not learn from.
        y: int64 (n,), the given labels.
    """
    named = tables.argmax(axis=2)
    mean = tables.mean(axis=0)
    contradicted = (named == named[0]).all(axis=0) & (named[0] != y)
    found = confident_labels(mean, y)
    rows = np.flatnonzero(contradicted & (found >= 0) & (found != y))
    return rows[np.argsort(mean[rows, y[rows]], kind="stable")]


def confident_labels(probabilities: Floats, y: Numbers) -> Numbers:
    """Returns the label that each photo surely belongs to, int64 (n,); -1: to none.

    A photo surely belongs to a label if its probability of it is at least the mean of the photos that were given it; of
    several such labels, to the most probable one.

    Args:
        probabilities: float (n, labels).
        y: int64 (n,), the given labels.

    >>> sure = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9], [0.45, 0.55]])
    >>> confident_labels(sure, np.array([0, 0, 0, 1, 1])).tolist()
    [0, 0, -1, 1, -1]
    """
    counts = np.bincount(y, minlength=probabilities.shape[1])
    sums = np.bincount(y, probabilities[np.arange(len(y)), y], minlength=probabilities.shape[1])
    # nothing is known of a label that no photo was given, so no photo surely belongs to it
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    reached = np.where(probabilities >= thresholds, probabilities, -1.0)
    best = reached.argmax(axis=1)
    return np.where(reached[np.arange(len(y)), best] >= 0, best, -1).astype(np.int64)
