"""The query adapter: moves the points of shoppers' photos towards the points of the catalogue's photos.

A phone photo shows a product in a hand, in a room, in that room's light; the catalogue's photos show it alone. The
adapter corrects for that difference. It is applied after the projection, and never to catalogue photos.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from data.storage import write_bytes
from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.space.projection import normalise, of_length_one, read_tensors

ADAPTER_FILE = "query_adapter.safetensors"


@dataclass(frozen=True)
class QueryAdapter:
    """Corrects the points of query photos: `normalise(points + points @ matrix)`.

    Attributes:
        matrix: float32 (d, d).
    """

    matrix: Floats

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or self.matrix.shape[0] != self.matrix.shape[1] or not self.matrix.size:
            raise InvalidModel(f"the query adapter must be a matrix (d, d); got {self.matrix.shape}. Rebuild.")
        if not np.isfinite(self.matrix).all():
            raise InvalidModel("the query adapter must be finite; got NaN or infinity. Rebuild.")

    @property
    def space_dim(self) -> int:
        """Width of the product space."""
        return len(self.matrix)

    def apply(self, points: Floats) -> Floats:
        """Returns the corrected points, float32 (n, d), L2 norm 1, of query photos' points float32 (n, d)."""
        return normalise(points + points @ self.matrix)

    def of_places(self, places: Floats) -> Floats:
        """Returns what each place of a query photo adds to its corrected point; see `Projection.of_places`."""
        return of_length_one(places + places @ self.matrix)

    def save(self, folder: Path) -> None:
        """Writes `query_adapter.safetensors`."""
        from safetensors.numpy import save

        write_bytes(folder / ADAPTER_FILE, save({"matrix": np.ascontiguousarray(self.matrix, np.float32)}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads an adapter file.

        Raises:
            InvalidModel: the file is not an adapter.
        """
        tensors, _ = read_tensors(path, ("matrix",))
        return cls(tensors["matrix"])
