"""Known queries: when two texts are the same question, and how their points lie on disk."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from data.storage import write_bytes
from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.space import read_tensors

Known = TypeVar("Known")
_LONGEST = 300


def query_key(text: str) -> str:
    """Returns the form in which two questions are the same: case folded, single spaces, at most 300 characters."""
    return " ".join(text.casefold().split())[:_LONGEST].strip()


@dataclass(frozen=True)
class PointsFile:
    """One kind of safetensors file.

    Attributes:
        name: of the file in a generation.
        tensor: name of the points in it.
        entry: name of the metadata entry that tells what the points belong to.
    """

    name: str
    tensor: str
    entry: str

    def save(self, folder: Path, points: Floats, told: Any, space: str) -> None:
        """Writes the file durably.

        Args:
            points: float32 (n, d).
            told: plain JSON values.
            space: digest of the space that the points lie in.
        """
        from safetensors.numpy import save

        metadata = {self.entry: json.dumps(told, ensure_ascii=False), "space": space}
        tensors = {self.tensor: np.ascontiguousarray(points, np.float32)}
        write_bytes(folder / self.name, save(tensors, metadata=metadata))

    def load(self, path: Path, build: Callable[[Any, Floats, str], Known]) -> Known:
        """Returns what `build` makes of the told values, the points float32 (n, d) and the space's digest.

        Raises:
            InvalidModel: the file holds something else.
        """
        tensors, metadata = read_tensors(path, (self.tensor,))
        try:
            return build(json.loads(metadata[self.entry]), tensors[self.tensor], metadata.get("space", ""))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidModel(
                f"{path.name} must hold `{self.entry}` and their {self.tensor}; got {error!r}. Rebuild."
            ) from error
