"""Related queries: finds the past searches and product names that are nearest to a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidModel
from engine.known_queries.files import PointsFile, query_key
from engine.protocols import Floats

RELATED_FILE = "related_queries.safetensors"
_FILE = PointsFile(name=RELATED_FILE, tensor="vectors", entry="queries")
MOST_TEXTS = 100_000
_NEAR_TIE = 0.02  # step that scores are rounded to, in cosine; among equals, the query searched more often wins


@dataclass(frozen=True)
class RelatedQuery:
    """A known query text.

    Attributes:
        score: cosine between the two queries in the product space.
        searches: how often shoppers searched it; 0: it is a product's or category's name.
    """

    text: str
    score: float
    searches: int


class RelatedQueries:
    """The known queries of one generation.

    Args:
        texts: distinct by `query_key`, at most 100,000.
        searches: int64 (n,), how often each was searched.
        vectors: float32 (n, d), L2 norm 1.
        space: digest of the vectors' product space, see `engine.space.space_digest`.
    """

    def __init__(self, texts: Sequence[str], searches: NDArray[np.int64], vectors: Floats, space: str = "") -> None:
        lengths = {len(texts), len(searches), len(vectors)}
        if len(lengths) != 1 or vectors.ndim != 2 or len(texts) > MOST_TEXTS:
            raise InvalidModel(f"known queries must have one row each, at most {MOST_TEXTS:,}; got {lengths}. Rebuild.")
        self.space = space
        self._texts, self._searches, self._vectors = tuple(texts), searches, vectors
        self._rows = {query_key(text): row for row, text in enumerate(texts)}

    def __len__(self) -> int:
        return len(self._texts)

    def searches(self, text: str) -> int:
        """Returns how often shoppers had searched these words when the generation was built."""
        row = self._rows.get(query_key(text))
        return int(self._searches[row]) if row is not None else 0

    def nearest(self, text: str, point: Floats, k: int) -> list[RelatedQuery]:
        """Returns the k known queries nearest to a query, except the query itself, best first.

        Scores that round to the same multiple of 0.02 count as equal; the query searched more often comes first.

        Args:
            point: float32 (d,), L2 norm 1, of `text`.
        """
        if not len(self):
            return []
        scores = self._vectors @ point
        own = self._rows.get(query_key(text))
        if own is not None:
            scores[own] = -np.inf
        wanted = min(4 * k + 16, len(scores))
        head = np.argpartition(-scores, wanted - 1)[:wanted]
        order = head[np.lexsort((head, -scores[head], -self._searches[head], -np.round(scores[head] / _NEAR_TIE)))]
        return [
            RelatedQuery(self._texts[row], float(scores[row]), int(self._searches[row]))
            for row in order[:k].tolist()
            if np.isfinite(scores[row])
        ]

    def save(self, folder: Path) -> None:
        """Writes `related_queries.safetensors`."""
        told = {"texts": self._texts, "searches": self._searches.tolist()}
        _FILE.save(folder, self._vectors, told, self.space)

    @classmethod
    def load(cls, path: Path) -> "RelatedQueries":
        """Reads the file.

        Raises:
            InvalidModel: it does not hold known queries.
        """

        def build(told: Any, vectors: Floats, space: str) -> "RelatedQueries":
            return cls([str(text) for text in told["texts"]], np.array(told["searches"], np.int64), vectors, space)

        return _FILE.load(path, build)
