"""Queries with several senses: words that lead shoppers to products of different kinds get a point for each kind."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np

from data.storage import write_bytes
from engine.errors import InvalidModel
from engine.known_queries.related import query_key
from engine.protocols import Floats
from engine.space import read_tensors

FILE = "senses.safetensors"
MOST_SENSES = 3


class Senses:
    """The points of the queries that have several.

    Args:
        points: query text -> float32 (2 or 3, d), L2 norm 1, the sense that most was chosen of first.
        space: digest of the space that they lie in, see `engine.space.projection.space_digest`.
    """

    def __init__(self, points: Mapping[str, Floats], space: str = "") -> None:
        self.space = space
        if not points or any(rows.ndim != 2 or not 2 <= len(rows) <= MOST_SENSES for rows in points.values()):
            raise InvalidModel(f"there must be queries, each with 2 to {MOST_SENSES} senses. Rebuild.")
        self._points = {query_key(text): np.asarray(rows, np.float32) for text, rows in points.items()}

    def __len__(self) -> int:
        return len(self._points)

    def of(self, text: str) -> Floats | None:
        """Returns the senses of exactly these words, case aside, or None where they have one sense or are unknown."""
        return self._points.get(query_key(text))

    def save(self, folder: Path) -> None:
        """Writes `senses.safetensors`."""
        from safetensors.numpy import save

        counts = [(text, len(rows)) for text, rows in self._points.items()]
        points = np.concatenate(list(self._points.values()))
        write_bytes(
            folder / FILE, save({"points": points}, metadata={"senses": json.dumps(counts), "space": self.space})
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads the file.

        Raises:
            InvalidModel: it does not hold senses.
        """
        tensors, metadata = read_tensors(path, ("points",))
        try:
            told = [(str(text), int(count)) for text, count in json.loads(metadata["senses"])]
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidModel(f"{path.name} must name its queries; got {error}. Rebuild.") from error
        ends = np.cumsum([count for _, count in told])
        if not len(ends) or ends[-1] != len(tensors["points"]):
            raise InvalidModel(f"{path.name} must hold the points of its queries. Rebuild.")
        points = np.split(tensors["points"], ends[:-1])
        return cls(dict(zip([text for text, _ in told], points, strict=True)), metadata.get("space", ""))
