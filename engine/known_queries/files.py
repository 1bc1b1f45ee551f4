"""What all known queries share: `query_key`, by which texts are compared, and the file that holds their points."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from data.storage import parse_json, write_bytes
from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.space import read_tensors

Known = TypeVar("Known")
_LONGEST = 300


def query_key(text: str) -> str:
    """Returns the text by which queries are compared: case folded, single spaces, at most 300 characters."""
    return " ".join(text.casefold().split())[:_LONGEST].strip()


@dataclass(frozen=True)
class PointsFile:
    """One kind of safetensors file: points, and a metadata entry that says which queries they belong to.

    Attributes:
        name: the file's name in a generation.
        tensor: name of the points in it.
        entry: name of the metadata entry.
    """

    name: str
    tensor: str
    entry: str

    def save(self, folder: Path, points: Floats, told: Any, space: str) -> None:
        """Writes the file durably.

        Args:
            points: float32 (n, d).
            told: the metadata entry, as plain JSON values.
            space: digest of the points' product space, see `engine.space.space_digest`.
        """
        from safetensors.numpy import save

        metadata = {self.entry: json.dumps(told, ensure_ascii=False), "space": space}
        tensors = {self.tensor: np.ascontiguousarray(points, np.float32)}
        write_bytes(folder / self.name, save(tensors, metadata=metadata))

    def load(self, path: Path, build: Callable[[Any, Floats, str], Known]) -> Known:
        """Returns `build(told, points, space)`, called with what `save` was given; points float32 (n, d).

        Raises:
            InvalidModel: the file holds something else.
        """
        tensors, metadata = read_tensors(path, (self.tensor,))
        try:
            return build(parse_json(metadata[self.entry]), tensors[self.tensor], metadata.get("space", ""))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidModel(
                f"{path.name} must hold `{self.entry}` and their {self.tensor}; got {error!r}. Rebuild."
            ) from error
