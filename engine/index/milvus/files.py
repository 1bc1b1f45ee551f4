"""The files of an index in Milvus in a generation's folder: what it is, and its vectors."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.storage import parse_json, read_small, write_text
from engine.arrays import map_rows
from engine.errors import InvalidModel
from engine.index.milvus.collection import KINDS, PREFIX, Kind, collection_of
from engine.protocols import Floats

INDEX_FILE, ROWS_FILE = "milvus.json", "milvus_rows.npy"
_FORMAT = 1
_NAME = re.compile(PREFIX + r"\w{1,200}", re.ASCII)


@dataclass(frozen=True)
class Described:
    """What the files hold.

    Attributes:
        effort: how thoroughly Milvus searches; see `Kind`.
        vectors: float32 (n, dim), in row order; mapped from the file.
    """

    collection: str
    kind: Kind
    effort: int
    vectors: Floats

    def save(self, folder: Path) -> None:
        """Writes `milvus.json` and `milvus_rows.npy`."""
        facts = {
            "format": _FORMAT, "collection": self.collection, "kind": self.kind.name, "effort": self.effort,
            "rows": len(self.vectors), "dim": self.vectors.shape[1],
        }  # fmt: skip
        np.save(folder / ROWS_FILE, self.vectors, allow_pickle=False)
        write_text(folder / INDEX_FILE, json.dumps(facts, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "Described":
        """Reads the files of `save`.

        Raises:
            InvalidModel: they are not what `save` writes.
        """
        path = folder / INDEX_FILE
        try:
            facts = parse_json(read_small(path))
            if facts["format"] != _FORMAT:
                raise InvalidModel(f"{path.name} must have format {_FORMAT}; got {facts['format']!r}. Rebuild.")
            kind, effort, shape = KINDS[facts["kind"]], facts["effort"], (facts["rows"], facts["dim"])
            if effort not in kind.efforts or not _NAME.fullmatch(facts["collection"]):
                raise ValueError(facts)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidModel(f"{path.name} must describe an index in Milvus; got {error!r:.300}. Rebuild.") from error
        return cls(facts["collection"], kind, effort, map_rows(folder / ROWS_FILE, shape, np.float32))


def collection_in(folder: Path) -> str:
    """Returns the collection that a generation's folder names; if it names none, that of the generation's own id.

    A generation with one part trained alone is a copy of another one, and is searched in that one's collection.

    Raises:
        InvalidModel: the files are not what `Described.save` writes.
    """
    return Described.load(folder).collection if (folder / INDEX_FILE).exists() else collection_of(folder.name)
