"""The margin loss that fine-tuning adds to softmax: it asks for room between labels, which makes better features.

Source: Deng et al., Sub-center ArcFace, ECCV 2020. A label has two centres, so that two looks of one thing (its front
and its back, say) need not lie in one place. An angle to its own label's nearest centre counts as larger than it is.
"""

import math
from typing import Any

import numpy as np

from engine.protocols import Floats

CENTRES = 2
_MARGIN = 0.2  # radians
_SCALE = 24.0
_NOISE = 0.01


def cosines_to_centres(unit: Any, means: Floats) -> Any:
    """Returns each photo's cosine to the nearest centre of each label, a Keras tensor (n, labels).

    Args:
        unit: pool_3 of length 1, a Keras tensor (n, dim).
        means: where the labels' centres start, float32 (labels, dim).
    """
    import keras

    labels, dim = means.shape
    noise = keras.random.normal((labels, CENTRES, dim), stddev=_NOISE)
    start = np.asarray(keras.ops.convert_to_numpy(noise)) + means[:, np.newaxis]

    class Centres(keras.layers.Layer):  # type: ignore[misc]
        def build(self, _: Any) -> None:
            self.kernel = self.add_weight(shape=(dim, labels * CENTRES), name="kernel")
            self.kernel.assign(start.reshape(-1, dim).T)

        def call(self, points: Any) -> Any:
            cosines = points @ keras.ops.normalize(self.kernel, axis=0)
            return keras.ops.max(keras.ops.reshape(cosines, (-1, labels, CENTRES)), axis=2)

    return Centres(name="centres", dtype="float32")(unit)


def margin_loss(targets: Any, cosines: Any) -> Any:
    """Returns each photo's loss (n,): cross-entropy in which the angle to the target label's centre counts as larger.

    Args:
        targets: share of each label (n, labels); rows sum to 1. A blended photo has two, each with its own margin.
        cosines: from `cosines_to_centres`.
    """
    from keras import ops

    cosines = ops.clip(cosines, -0.999, 0.999)
    sines = ops.sqrt(1 - cosines**2)
    nearer = _SCALE * (cosines * math.cos(_MARGIN) - sines * math.sin(_MARGIN))  # cosine of the angle plus the margin
    powers = ops.exp(_SCALE * (cosines - 1))
    others = ops.sum(powers, axis=1, keepdims=True) - powers
    all_labels = ops.log(ops.maximum(others, 0) + ops.exp(nearer - _SCALE)) + _SCALE
    return ops.sum(targets * (all_labels - nearer), axis=1)
