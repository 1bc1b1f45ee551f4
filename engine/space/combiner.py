"""The combiner: where in the product space lies what a photo shows, changed as words say ("this, in blue").

The mean of a photo's point and of the words' point keeps too much of what should differ, and of all else that the words
call to mind. The combiner is a linear correction of that mean, learned from the catalogue's own facts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from data.storage import write_bytes
from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.space.projection import normalise, read_tensors

COMBINER_FILE = "combiner.safetensors"


@dataclass(frozen=True)
class Combiner:
    """Joins the points of photos and words: `normalise(mean + [photo, words] @ matrix)`.

    Attributes:
        matrix: float32 (2 d, d).
        space: digest of the points' product space, see `space_digest`.
    """

    matrix: Floats
    space: str = ""

    def __post_init__(self) -> None:
        rows, width = self.matrix.shape if self.matrix.ndim == 2 else (0, 1)
        if not rows or rows != 2 * width:
            raise InvalidModel(f"the combiner must be a matrix (2 d, d); got {self.matrix.shape}. Rebuild.")
        if not np.isfinite(self.matrix).all():
            raise InvalidModel("the combiner must be finite; got NaN or infinity. Rebuild.")

    def apply(self, photos: Floats, words: Floats) -> Floats:
        """Returns what is meant by photos and words together, float32 (n, d), L2 norm 1.

        Args:
            photos, words: float32 (n, d), L2 norm 1.
        """
        return normalise(mean_of(photos, words) + np.concatenate([photos, words], axis=-1) @ self.matrix)

    def save(self, folder: Path) -> None:
        """Writes `combiner.safetensors`."""
        from safetensors.numpy import save

        matrix = np.ascontiguousarray(self.matrix, np.float32)
        write_bytes(folder / COMBINER_FILE, save({"matrix": matrix}, metadata={"space": self.space}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a combiner file.

        Raises:
            InvalidModel: the file is not a combiner.
        """
        tensors, metadata = read_tensors(path, ("matrix",))
        return cls(tensors["matrix"], metadata.get("space", ""))


def mean_of(photos: Floats, words: Floats, weight: float = 0.5) -> Floats:
    """Returns the weighted mean of points, L2 norm 1.

    Args:
        photos, words: float32 (..., d), L2 norm 1.
        weight: 0 (the photos) to 1 (the words).
    """
    return normalise((1 - weight) * photos + weight * words)


def fit_combiner(
    photos: Floats, words: Floats, targets: Floats, strength: float, weights: Floats | None = None
) -> Floats:
    """Returns the matrix of `Combiner`, by ridge regression to what the mean of photo and words lacks.

    Args:
        photos, words, targets: float32 (n, d), L2 norm 1.
        strength: the ridge penalty, relative to the mean square of a feature.
        weights: float32 (n,), how much each counts; None: 1.
    """
    given = np.concatenate([photos, words], axis=1)
    counted = given if weights is None else given * weights[:, None]
    square = counted.T @ given
    penalty = strength * (len(given) if weights is None else float(weights.sum())) / given.shape[1]
    lacking = counted.T @ (targets - mean_of(photos, words))
    matrix = np.linalg.solve(square.astype(np.float64) + penalty * np.eye(len(square)), lacking.astype(np.float64))
    return np.asarray(matrix, np.float32)
