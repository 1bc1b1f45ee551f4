"""Checkpoints from which a stopped training continues: one file of plain arrays, replaced atomically."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from data.storage import make_folder, parse_json, write_bytes
from engine.arrays import Arrays, read_npz
from engine.errors import InvalidModel

# The errors that reading and parsing a checkpoint may raise; the training then starts anew.
UNREADABLE = (InvalidModel, ValueError, KeyError, TypeError)


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
    kept = read_npz(path)
    return parse_json(str(kept.pop("facts"))), kept
