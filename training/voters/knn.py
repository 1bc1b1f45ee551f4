"""Fits the k-NN voter: chooses k and the weighting by distance on held-out photos."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.recognition import KnnVoter, calibrated, neighbour_shares
from training.measures import fit_temperature, negative_log_likelihood

K_GRID = (3, 10, 30, 100)
BANDWIDTHS = (0.0, 0.05, 0.1, 0.2)  # 0: neighbours count alike, whatever their distance
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class KnnChoice:
    """How many neighbours vote (counted in photos), and how fast a neighbour's weight falls with squared distance."""

    k: int
    bandwidth: float


def fit_knn(rows: Floats, y: Numbers, label_count: int, choice: KnnChoice, *, copies: int = 1) -> KnnVoter:
    """Returns the voter; with augmented copies, proportionally more neighbours vote.

    Args:
        rows: float32 (n, d), L2 norm 1.
        y: int64 (n,), label numbers.
        copies: how many rows show each photo.
    """
    k = min(choice.k * copies, len(rows))
    return KnnVoter(rows, y, label_count=label_count, k=k, bandwidth=choice.bandwidth)


def choose_knn(parts: list[tuple[Floats, Numbers, Floats, Numbers]], label_count: int) -> KnnChoice:
    """Returns the k and bandwidth that make the right labels most likely, so that Top-5 counts too.

    Args:
        parts: for each fold, training rows float32 (n, d) and labels int64 (n,), then the same of held-out photos.
    """
    found = []
    for rows, y, queries, truth in parts:
        near, distances = fit_knn(rows, y, label_count, KnnChoice(k=max(K_GRID), bandwidth=0)).neighbours(
            queries, min(max(K_GRID), len(rows))
        )
        found.append((y[near], distances, truth))
    choices = [KnnChoice(k=k, bandwidth=bandwidth) for k in K_GRID for bandwidth in BANDWIDTHS]
    return min(choices, key=lambda choice: _loss(found, choice, label_count))


def _loss(found: list[tuple[Numbers, Floats, Numbers]], choice: KnnChoice, label_count: int) -> float:
    """Returns the mean of -ln p(right label), calibrated, over all folds."""
    shares = [
        neighbour_shares(labels[:, : choice.k], distances[:, : choice.k], choice.bandwidth, label_count)
        for labels, distances, _ in found
    ]
    logits, y = np.log(np.concatenate(shares)), np.concatenate([truth for _, _, truth in found])
    return negative_log_likelihood(calibrated(logits, fit_temperature(logits, y)), y)
