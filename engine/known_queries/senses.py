"""Queries with several senses: words that led shoppers to different kinds of products have a point for each kind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InvalidModel
from engine.known_queries.files import PointsFile, query_key
from engine.protocols import Floats

SENSES_FILE = "senses.safetensors"
_FILE = PointsFile(name=SENSES_FILE, tensor="points", entry="senses")
MOST_SENSES = 3


class Senses:
    """The queries with several senses, and a point for each sense.

    Args:
        points: query text -> float32 (2 or 3, d), L2 norm 1, the most chosen sense first.
        space: digest of the points' product space, see `engine.space.space_digest`.
    """

    def __init__(self, points: Mapping[str, Floats], space: str = "") -> None:
        self.space = space
        if not points or any(rows.ndim != 2 or not 2 <= len(rows) <= MOST_SENSES for rows in points.values()):
            raise InvalidModel(f"there must be queries, each with 2 to {MOST_SENSES} senses. Rebuild.")
        self._points = {query_key(text): np.asarray(rows, np.float32) for text, rows in points.items()}

    def __len__(self) -> int:
        return len(self._points)

    def of(self, text: str) -> Floats | None:
        """Returns the senses of these words, float32 (2 or 3, d), ignoring case and spaces; None if not several."""
        return self._points.get(query_key(text))

    def save(self, folder: Path) -> None:
        """Writes `senses.safetensors`."""
        counts = [(text, len(rows)) for text, rows in self._points.items()]
        _FILE.save(folder, np.concatenate(list(self._points.values())), counts, self.space)

    @classmethod
    def load(cls, path: Path) -> "Senses":
        """Reads the file.

        Raises:
            InvalidModel: it does not hold senses.
        """

        def build(told: Any, points: Floats, space: str) -> "Senses":
            counts = [(str(text), int(count)) for text, count in told]
            ends = np.cumsum([count for _, count in counts])
            if not len(ends) or ends[-1] != len(points):
                raise ValueError(f"{len(points)} points")
            rows = np.split(points, ends[:-1])
            return cls({text: part for (text, _), part in zip(counts, rows, strict=True)}, space)

        return _FILE.load(path, build)
