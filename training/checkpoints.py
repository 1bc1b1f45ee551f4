"""Checkpoints from which a stopped training continues: one file of plain arrays, replaced atomically."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.storage import make_folder, write_bytes

Arrays = dict[str, NDArray[Any]]
# The errors that reading and parsing a checkpoint may raise; the training then starts anew.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


def write_checkpoint(path: Path, facts: dict[str, Any], arrays: Arrays) -> None:
    """Writes `facts`, plain JSON values, and `arrays` durably."""
    content = io.BytesIO()
    named: dict[str, Any] = {"facts": np.array(json.dumps(facts)), **arrays}
    np.savez(content, **named)
    make_folder(path.parent)
    write_bytes(path, content.getvalue())


def read_checkpoint(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Returns the facts and arrays that `write_checkpoint` wrote.

    Raises:
        One of UNREADABLE: the file is damaged or no checkpoint.
    """
    with np.load(path, allow_pickle=False) as kept:
        return json.loads(str(kept["facts"])), {name: kept[name] for name in kept.files if name != "facts"}
