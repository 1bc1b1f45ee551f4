"""The k-NN voter: k and the weighting by distance, chosen on held-out photos."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.voters import KnnVoter

K_GRID = (1, 3, 5, 10, 20)
BANDWIDTHS = (0.0, 0.03, 0.1, 0.3)  # 0: neighbours count alike, whatever their distance
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class KnnChoice:
    """How many neighbours vote (counted in photos), and how fast a neighbour's weight falls with squared distance."""

    k: int
    bandwidth: float


def fit_knn(rows: Floats, y: Numbers, label_count: int, choice: KnnChoice, *, copies: int = 1) -> KnnVoter:
    """Makes the voter; with augmented copies, as many more neighbours vote.

    Args:
        rows: float32 (n, d), L2 norm 1.
        y: int64 (n,), label numbers.
        copies: how many rows show each photo.
    """
    k = min(choice.k * copies, len(rows))
    return KnnVoter(rows, y, label_count=label_count, k=k, bandwidth=choice.bandwidth)


def choose_knn(parts: list[tuple[Floats, Numbers, Floats, Numbers]], label_count: int) -> KnnChoice:
    """Chooses k and bandwidth by the held-out Top-1, ties by the likelihood of the right label.

    Args:
        parts: for each fold training rows and labels, held-out rows and labels.
    """
    found = []
    for rows, y, queries, truth in parts:
        voter = fit_knn(rows, y, label_count, KnnChoice(k=max(K_GRID), bandwidth=0))
        found.append((y, truth, voter.neighbours(queries, voter.k)))
    choices = [KnnChoice(k=k, bandwidth=bandwidth) for k in K_GRID for bandwidth in BANDWIDTHS]
    return max(choices, key=lambda choice: _score(found, choice, label_count))


def _score(
    found: list[tuple[Numbers, Numbers, list[tuple[Numbers, Floats]]]], choice: KnnChoice, label_count: int
) -> tuple[float, float]:
    right = likelihood = total = 0.0
    for y, truth, neighbours in found:
        for label, (near, distances) in zip(truth, neighbours, strict=True):
            near, gaps = near[: choice.k], distances[: choice.k] - distances[0]
            weights = np.exp(-gaps / choice.bandwidth) if choice.bandwidth else np.ones(len(near))
            shares = np.bincount(y[near], weights, minlength=label_count) / weights.sum()
            right += float(np.argmax(shares) == label)
            likelihood += float(np.log(shares[label] + 1e-3))
            total += 1
    return right / total, likelihood / total
