"""Batches of an epoch's views: seed, epoch and step alone decide the photos, their views and how they are blended."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from training.backbone.options import BackboneOptions
from training.backbone.views import Read, view_key
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
        open_epoch: makes an epoch's view of each of these photos; gives what reads the inputs of those named.
        keys: sha256 of each photo.
        y: int64 (n,), label numbers.
        label_count: number of labels.
        options: batch, mixup, class weights and seed.
    """

    def __init__(
        self,
        open_epoch: Callable[[Sequence[str], int], AbstractContextManager[Read]],
        keys: Sequence[str],
        y: Numbers,
        label_count: int,
        options: BackboneOptions,
    ) -> None:
        self._open_epoch, self._keys, self._y, self._options = open_epoch, keys, y, options
        self._targets = np.eye(label_count, dtype=np.float32)
        self._weights = class_weights(y, label_count) if options.class_weights else np.ones(label_count, np.float32)

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return -(-len(self._keys) // self._options.batch)

    def views_of(self, epoch: int) -> AbstractContextManager[Read]:
        """Makes the epoch's view of every photo; gives what `at` reads them by."""
        return self._open_epoch(self._keys, epoch)

    def at(self, read: Read, epoch: int, step: int) -> Batch:
        """Returns a step's batch; the same one each time it is asked for."""
        order = self._random(epoch, 0).permutation(len(self._keys))
        rows = order[step * self._options.batch : (step + 1) * self._options.batch]
        inputs = read([view_key(self._keys[row], epoch + 1) for row in rows])
        targets, weights = self._targets[self._y[rows]], self._weights[self._y[rows]]
        if self._options.mixup:
            return self._blended(inputs, targets, weights, self._random(epoch, step + 1))
        return Batch(inputs=inputs, targets=targets, weights=weights)

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
