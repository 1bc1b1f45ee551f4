"""Made-up photos of what a shop does not sell, from the classes of the backbone's own classifier."""

import numpy as np

from engine.protocols import Floats

_DISTANCES = (1.0, 1.5, 2.0)  # as real photos of other shops lie, in norms of the mean photo


def made_up_rows(middle: Floats, class_rows: Floats, chosen: list[int]) -> Floats:
    """Returns one made-up pool_3 row for each chosen class, float32 (n, dim), never negative.

    A class's score is the inner product of its row and the features, so its photos lie in the direction of the row.

    Args:
        middle: float32 (dim,), the mean of the catalogue's square-rooted, L2-normalised features.
        class_rows: float32 (classes, dim).
    """
    start = np.square(np.maximum(middle, 0))
    away = class_rows - class_rows.mean(axis=0)
    away = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    steps = np.array([_DISTANCES[at % len(_DISTANCES)] for at in range(len(chosen))], np.float32)[:, None]
    return np.asarray(np.maximum(start + steps * np.linalg.norm(start) * away[chosen], 0), np.float32)
