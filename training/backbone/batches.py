"""Batches of stored views: seed, epoch and step alone decide the photos, their views and how they are blended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from training.backbone.options import BackboneOptions
from training.backbone.views import view_key
from training.voters import class_weights

Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One step: inputs (n, ...), label probabilities (n, labels), weight of each row (n,); all float32."""

    inputs: Floats
    targets: Floats
    weights: Floats


class TrainingBatches:
    """The photos to learn from, in a new order and in new views every epoch.

    Args:
        read: returns the inputs of the named views, float32 (n, ...).
        keys: sha256 of each photo.
        y: int64 (n,), label numbers.
        label_count: number of labels.
        options: batch, views, mixup, label smoothing, class weights and seed.
    """

    def __init__(
        self,
        read: Callable[[Sequence[str]], Floats],
        keys: Sequence[str],
        y: Numbers,
        label_count: int,
        options: BackboneOptions,
    ) -> None:
        self._read, self._keys, self._y, self._options = read, keys, y, options
        smoothed = options.label_smoothing
        self._targets = np.eye(label_count, dtype=np.float32) * (1 - smoothed) + np.float32(smoothed / label_count)
        self._weights = class_weights(y, label_count) if options.class_weights else np.ones(label_count, np.float32)

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return -(-len(self._keys) // self._options.batch)

    def at(self, epoch: int, step: int) -> Batch:
        """Returns a step's batch; the same one each time it is asked for."""
        order, views = self._plan(epoch)
        rows = order[step * self._options.batch : (step + 1) * self._options.batch]
        inputs = self._read([view_key(self._keys[row], int(views[row])) for row in rows])
        targets, weights = self._targets[self._y[rows]], self._weights[self._y[rows]]
        if self._options.mixup:
            return self._blended(inputs, targets, weights, self._random(epoch, step + 1))
        return Batch(inputs=inputs, targets=targets, weights=weights)

    def _plan(self, epoch: int) -> tuple[Numbers, Numbers]:
        """Returns the epoch's order of the photos and each one's view."""
        random = self._random(epoch, 0)
        return random.permutation(len(self._keys)), random.integers(0, self._options.views + 1, len(self._keys))

    def _random(self, epoch: int, stream: int) -> np.random.Generator:
        return np.random.default_rng([self._options.seed, epoch, stream])

    def _blended(self, inputs: Floats, targets: Floats, weights: Floats, random: Any) -> Batch:
        """Blends each row with another one of the batch (Zhang et al., mixup, 2018), here in the stored activations."""
        share = np.float32(random.beta(self._options.mixup, self._options.mixup))
        other = random.permutation(len(inputs))
        return Batch(
            inputs=share * inputs + (1 - share) * inputs[other],
            targets=share * targets + (1 - share) * targets[other],
            weights=share * weights + (1 - share) * weights[other],
        )
