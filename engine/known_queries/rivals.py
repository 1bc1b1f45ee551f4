"""Rivals: the names of the shop's categories, which words must outdo before a photo counts as theirs.

Some photos lie near many texts and would answer every question. So a photo is judged by how much better it fits the
words than the category that it fits best, much as a classifier's softmax would ("inverted softmax", Smith et al.,
"Offline bilingual word vectors, orthogonal transformations and the inverted softmax", ICLR 2017).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.errors import InvalidModel
from engine.known_queries.files import PointsFile
from engine.protocols import Floats

RIVALS_FILE = "rivals.safetensors"
MOST_RIVALS = 512  # a search compares its best photos with each of them
_FILE = PointsFile(name=RIVALS_FILE, tensor="points", entry="texts")
# docs/query-embedder.md says how both were chosen
_WIDTH = 0.07  # in cosine
_SHARE = 0.8


class Rivals:
    """The names of the shop's categories.

    Args:
        texts: (n,), 2 to 512 names.
        points: float32 (n, d), L2 norm 1.
        space: digest of the points' product space, see `engine.space.space_digest`.
    """

    def __init__(self, texts: Sequence[str], points: Floats, space: str = "") -> None:
        if points.ndim != 2 or len(points) != len(texts) or not 2 <= len(texts) <= MOST_RIVALS:
            raise InvalidModel(
                f"rivals must be 2 to {MOST_RIVALS}, each with a point; got {len(texts)} and {points.shape}. Rebuild."
            )
        self.texts, self.points, self.space = tuple(texts), points, space

    def lead(self, scores: Floats, photos: Floats) -> Floats:
        """Returns by how much photos fit words better than the shop's categories, float32, shape of `scores`.

        Args:
            scores: float32 (..., m), the cosines of the words and the photos.
            photos: float32 (m, d), L2 norm 1.
        """
        cosines = photos @ self.points.T
        best = cosines.max(axis=1, keepdims=True, initial=-1.0)
        soft = np.log(np.exp((cosines - best) / _WIDTH).sum(axis=1))
        return np.asarray(scores - _SHARE * (best[:, 0] + _WIDTH * soft), np.float32)

    def save(self, folder: Path) -> None:
        """Writes `rivals.safetensors`."""
        _FILE.save(folder, self.points, self.texts, self.space)

    @classmethod
    def load(cls, path: Path) -> "Rivals":
        """Reads the file.

        Raises:
            InvalidModel: it does not hold rivals.
        """
        return _FILE.load(path, lambda texts, points, space: cls([str(text) for text in texts], points, space))
