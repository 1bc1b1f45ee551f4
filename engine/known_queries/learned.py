"""Learned queries: points of frequent queries, learned from clicks and used in place of the text tower's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from engine.errors import InvalidModel
from engine.known_queries.files import PointsFile, query_key
from engine.protocols import Floats, TextTower

LEARNED_FILE = "learned_queries.safetensors"
_FILE = PointsFile(name=LEARNED_FILE, tensor="points", entry="texts")


class LearnedQueries:
    """Query texts with their learned points.

    Args:
        texts: (n,), distinct by `query_key`.
        points: float32 (n, d), L2 norm 1.
        space: digest of the points' product space, see `engine.space.space_digest`; they are valid in no other.
    """

    def __init__(self, texts: Sequence[str], points: Floats, space: str = "") -> None:
        if points.ndim != 2 or len(points) != len(texts):
            raise InvalidModel(f"there must be one point a query; got {points.shape} for {len(texts)}. Rebuild.")
        self.texts, self.points, self.space = tuple(texts), points, space
        self._rows = {query_key(text): row for row, text in enumerate(texts)}

    def of(self, text: str) -> Floats | None:
        """Returns the point of these words, float32 (d,), ignoring case and spaces; None if they were not learned."""
        row = self._rows.get(query_key(text))
        return None if row is None else self.points[row]

    def save(self, folder: Path) -> None:
        """Writes `learned_queries.safetensors`."""
        _FILE.save(folder, self.points, self.texts, self.space)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads the file.

        Raises:
            InvalidModel: it does not hold learned queries.
        """
        return _FILE.load(path, lambda texts, points, space: cls([str(text) for text in texts], points, space))


class LearnedTextTower:
    """A text tower that returns learned points for known queries and embeds all other texts."""

    def __init__(self, tower: TextTower, learned: LearnedQueries) -> None:
        self._tower, self._learned = tower, learned

    def embed(self, texts: Sequence[str]) -> Floats:
        """Returns points of the product space, float32 (n, d), L2 norm 1; only unknown texts are embedded."""
        found = [self._learned.of(text) for text in texts]
        unknown = [text for text, point in zip(texts, found, strict=True) if point is None]
        others = iter(self._tower.embed(unknown) if unknown or not texts else ())
        points = [next(others) if point is None else point for point in found]
        return np.stack(points) if points else self._tower.embed(())
