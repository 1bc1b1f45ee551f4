"""The three trained voters: feature rows in, label probabilities out; no training library is needed.

Every voter reads transformed pool_3 rows and returns a probability for every row and label.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.settings import Settings
from engine.errors import InvalidModel, InvalidQuery
from engine.protocols import Floats, Mask
from engine.space import normalise, signed_sqrt

NAMES = ("softmax", "knn", "svm")
TRANSFORMS = ("plain", "l2", "sqrt_l2")
_FLOOR = 1e-7  # smallest probability of a label that may be named, so that its logarithm exists
Labels = NDArray[np.int64]
Near = tuple[NDArray[np.int64], Floats]  # rows near each query and their distances, see `KnnVoter.neighbours`


def transform_rows(name: str, rows: Floats) -> Floats:
    """Applies a feature transform to pool_3 rows float32 (n, dim): `plain`, `l2` or `sqrt_l2` (the Hellinger map).

    Raises:
        InvalidModel: there is no transform of this name.
    """
    if name == "plain":
        return np.asarray(rows, np.float32)
    if name == "l2":
        return normalise(rows)
    if name == "sqrt_l2":
        return normalise(signed_sqrt(rows))
    raise InvalidModel(f"transform must be one of {', '.join(TRANSFORMS)}; got {name!r}. Train the voters again.")


def softmax(logits: Floats) -> Floats:
    """Returns e^x / sum(e^x) of each row of float (n, labels), without overflow; -inf gives 0."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def calibrated(logits: Floats, temperature: float, allowed: Mask | None = None) -> Floats:
    """Returns softmax(logits / temperature) over the allowed labels, none of them below 1e-7; the others get 0."""
    if allowed is not None:
        logits = np.where(allowed, logits, -np.inf)
    floored = np.maximum(softmax(logits / temperature), _FLOOR)
    if allowed is not None:
        floored = np.where(allowed, floored, 0)
    return np.asarray(floored / floored.sum(axis=1, keepdims=True), np.float32)


@dataclass(frozen=True, kw_only=True)
class LinearVoter:
    """The voters `softmax` and `svm`: layers of `rows @ weights + bias` with ReLU between them.

    Attributes:
        layers: (weights (m, n), bias (n,)) of each layer, the last as wide as there are labels.
        temperature: divides the last layer's output, so that probabilities are calibrated.
    """

    layers: tuple[tuple[Floats, Floats], ...]
    temperature: float = 1.0

    def __post_init__(self) -> None:
        widths = [(weights.shape, bias.shape) for weights, bias in self.layers]
        fits = all(len(shape) == 2 and shape[1:] == bias for shape, bias in widths)
        chained = all(left[0][-1] == right[0][0] for left, right in itertools.pairwise(widths))
        if not (widths and fits and chained):
            raise InvalidModel(f"a voter's layers must fit each other; got {widths}. Train the voters again.")
        finite = all(np.isfinite(part).all() for layer in self.layers for part in layer)
        if not (finite and self.temperature > 0 and np.isfinite(self.temperature)):
            raise InvalidModel("a voter's numbers must be finite and its temperature above 0. Train the voters again.")

    @property
    def labels(self) -> int:
        return int(self.layers[-1][1].shape[0])

    def logits(self, rows: Floats) -> Floats:
        """Returns the last layer's output, float32 (n, labels)."""
        for weights, bias in self.layers[:-1]:
            rows = np.maximum(rows @ weights + bias, 0)
        weights, bias = self.layers[-1]
        return np.asarray(rows @ weights + bias, np.float32)

    def probabilities(self, rows: Floats, allowed: Mask | None = None) -> Floats:
        """Returns label probabilities float32 (n, labels), each row summing to 1.

        Args:
            rows: transformed features, float32 (n, dim).
            allowed: bool (labels,), the labels that may be named; the others get 0.
        """
        return calibrated(self.logits(rows), self.temperature, allowed)


class KnnVoter:
    """The voter `knn`: the labels of the k nearest training photos, by Euclidean distance.

    FAISS finds the largest inner product; (x, -|x|^2 / 2) . (q, 1) is largest where |x - q| is smallest.

    Args:
        rows: transformed training features, float32 (n, dim).
        row_labels: int64 (n,), the label number of each row.
        label_count: how many labels there are.
        k: neighbours that vote.
        bandwidth: a neighbour at squared distance d counts e^(-d / bandwidth); 0: all count alike.
        temperature: above 1 flattens, below 1 sharpens.
        settings: decide the device of the index; None: the CPU.
    """

    def __init__(
        self,
        rows: Floats,
        row_labels: Labels,
        *,
        label_count: int,
        k: int,
        bandwidth: float,
        temperature: float = 1.0,
        settings: Settings | None = None,
    ) -> None:
        if rows.ndim != 2 or row_labels.shape != rows.shape[:1] or not len(rows) or not np.isfinite(rows).all():
            raise InvalidModel(f"k-NN rows and labels must fit; got {rows.shape}, {row_labels.shape}.")
        if row_labels.min() < 0 or row_labels.max() >= label_count or k < 1 or bandwidth < 0 or not temperature > 0:
            raise InvalidModel("k-NN labels, k, bandwidth and temperature must be in range. Train the voters again.")
        from engine.index import build_index

        self.rows, self.row_labels, self.label_count = rows, row_labels, label_count
        self.k, self.bandwidth, self.temperature = k, bandwidth, temperature
        half_norms = -0.5 * np.einsum("ij,ij->i", rows, rows)[:, None]
        lifted = np.concatenate([rows, half_norms], axis=1).astype(np.float32)
        self._index = build_index(lifted, settings or Settings(device="cpu"))

    def neighbours(self, rows: Floats, k: int, allowed: Mask | None = None) -> Near:
        """Finds each row's k nearest training rows of the allowed labels, nearest first.

        Returns:
            Row numbers int64 (n, m) and squared distances float32 (n, m), m being at most k; where a row has fewer
            neighbours, the rest is row 0 at infinite distance.

        Raises:
            InvalidQuery: the rows have another width than the training rows.
        """
        if rows.ndim != 2 or rows.shape[1] != self.rows.shape[1]:
            raise InvalidQuery(f"features must have shape (n, {self.rows.shape[1]}); got {rows.shape}.")
        lifted = np.concatenate([rows, np.ones((len(rows), 1), np.float32)], axis=1).astype(np.float32)
        mask = None if allowed is None else allowed[self.row_labels]
        found = self._index.search(lifted, k, mask)
        width = max((len(hits.rows) for hits in found), default=0)
        near = np.zeros((len(rows), width), np.int64)
        distances = np.full((len(rows), width), np.inf, np.float32)
        norms = np.einsum("ij,ij->i", rows, rows)
        for query, hits in enumerate(found):
            near[query, : len(hits.rows)] = hits.rows
            distances[query, : len(hits.rows)] = np.maximum(norms[query] - 2 * hits.scores, 0)
        return near, distances

    def probabilities(self, rows: Floats, allowed: Mask | None = None) -> Floats:
        """Returns label probabilities float32 (n, labels), as `LinearVoter.probabilities` does."""
        return self.probabilities_by(self.neighbours(rows, self.k, allowed), allowed)

    def probabilities_by(self, near: Near, allowed: Mask | None = None) -> Floats:
        """Returns label probabilities float32 (n, labels) from what `neighbours` found; only the k nearest count."""
        rows, distances = near[0][:, : self.k], near[1][:, : self.k]
        shares = neighbour_shares(self.row_labels[rows], distances, self.bandwidth, self.label_count)
        return calibrated(np.log(shares), self.temperature, allowed)


def neighbour_shares(labels: Labels, distances: Floats, bandwidth: float, label_count: int) -> Floats:
    """Returns each label's share of the neighbours' votes, float32 (n, label_count), none of them 0.

    Args:
        labels: int64 (n, k), the label number of each neighbour.
        distances: float32 (n, k), squared, nearest first; infinite where there is no neighbour.
        bandwidth: see `KnnVoter`.
    """
    counts = np.full((len(labels), label_count), 1 / label_count)  # one more vote, shared by all labels
    if labels.shape[1]:
        exists = np.isfinite(distances)
        gaps = np.where(exists, distances, 0) - np.where(exists[:, :1], distances[:, :1], 0)
        weights = exists * (np.exp(-gaps / bandwidth) if bandwidth else 1.0)
        np.add.at(counts, (np.arange(len(labels))[:, None], labels), weights)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True), np.float32)
