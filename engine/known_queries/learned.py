"""Points of frequent queries, learned from what shoppers chose, beside the text tower that knows all words."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from data.storage import write_bytes
from engine.errors import InvalidModel
from engine.protocols import Floats, TextTower
from engine.space import read_tensors

FILE = "learned_queries.safetensors"


class LearnedQueries:
    """Query texts with their points.

    Args:
        texts: (n,), distinct but for case and spaces.
        points: float32 (n, d), L2 norm 1.
        space: digest of the space they lie in, see `engine.space.space_digest`; they mean nothing in another.
    """

    def __init__(self, texts: Sequence[str], points: Floats, space: str = "") -> None:
        if points.ndim != 2 or len(points) != len(texts):
            raise InvalidModel(f"there must be one point a query; got {points.shape} for {len(texts)}. Rebuild.")
        self.texts, self.points, self.space = tuple(texts), points, space
        self._rows = {_key(text): row for row, text in enumerate(texts)}

    def of(self, text: str) -> Floats | None:
        """Returns the point of these words, case and spaces aside, or None where they were not learned."""
        row = self._rows.get(_key(text))
        return None if row is None else self.points[row]

    def save(self, folder: Path) -> None:
        """Writes `learned_queries.safetensors`."""
        from safetensors.numpy import save

        metadata = {"texts": json.dumps(self.texts, ensure_ascii=False), "space": self.space}
        write_bytes(folder / FILE, save({"points": np.ascontiguousarray(self.points, np.float32)}, metadata=metadata))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads the file.

        Raises:
            InvalidModel: it does not hold learned queries.
        """
        tensors, metadata = read_tensors(path, ("points",))
        try:
            texts = [str(text) for text in json.loads(metadata["texts"])]
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidModel(f"{path.name} must name its queries; got {error}. Rebuild.") from error
        return cls(texts, tensors["points"], metadata.get("space", ""))


class LearnedTextTower:
    """A text tower that knows some queries by heart."""

    def __init__(self, tower: TextTower, learned: LearnedQueries) -> None:
        self._tower, self._learned = tower, learned

    def embed(self, texts: Sequence[str]) -> Floats:
        """Returns points of the product space, float32 (n, d), L2 norm 1; the tower sees unknown texts alone."""
        found = [self._learned.of(text) for text in texts]
        unknown = [text for text, point in zip(texts, found, strict=True) if point is None]
        others = iter(self._tower.embed(unknown) if unknown or not texts else ())
        points = [next(others) if point is None else point for point in found]
        return np.stack(points) if points else self._tower.embed(())


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()
