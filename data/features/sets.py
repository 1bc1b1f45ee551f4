"""The sets of stored features, one per fingerprint: which there are, their meta.json, and those no longer used."""

import json
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from data.database import Connections
from data.errors import FeatureStoreError
from data.storage import fsync_path, parse_json, read_small, write_text

FORMAT = 1


def expected_meta(dim: int) -> dict[str, str | int]:
    """Returns what `meta.json` must say of rows with `dim` features."""
    return {"format": FORMAT, "dim": dim, "dtype": "float16"}


def check_meta(folder: Path, dim: int) -> None:
    """Writes the `meta.json` of a new set.

    Raises:
        FeatureStoreError: there is one that says something else, or nothing that can be read.
    """
    path = folder / "meta.json"
    expected = expected_meta(dim)
    if not path.exists():
        write_text(path, json.dumps(expected) + "\n")
        fsync_path(folder.parent)
    try:
        found = parse_json(read_small(path))
    except (OSError, ValueError):
        found = None
    if found != expected:
        raise FeatureStoreError(f"{path} must say {expected}; got {found}. Run `lookalike doctor --repair`.")


def open_set(connections: Connections, fingerprint: str, dim: int) -> int:
    """Returns the number of a set, which is entered in the table if it is new.

    Raises:
        FeatureStoreError: its rows have another width.
    """
    find = "SELECT set_id, dim FROM feature_sets WHERE fingerprint = ?"
    if not connections.query(find, (fingerprint,)):
        with connections.writing() as connection:
            connection.execute("INSERT INTO feature_sets (fingerprint, dim, file) VALUES (?, ?, 0)", (fingerprint, dim))
    set_id, known = connections.query(find, (fingerprint,))[0]
    if known != dim:
        raise FeatureStoreError(f"features of {fingerprint[:12]} must have the width {known}; got {dim}.")
    return int(set_id)


def stored_sets(home: Path) -> dict[str, int]:
    """Returns the fingerprints of the backbones with stored features, and the width of their rows."""
    return dict(Connections(home).query("SELECT fingerprint, dim FROM feature_sets ORDER BY fingerprint"))


def mend_meta(home: Path, fingerprint: str, dim: int) -> bool:
    """Writes a damaged `meta.json` anew from what catalog.db knows; returns False where a newer version wrote it."""
    path = home / "features" / fingerprint / "meta.json"
    try:
        found = parse_json(read_small(path))
    except (OSError, ValueError):
        found = None
    if isinstance(found, dict) and found.get("format") not in (None, FORMAT):
        return False
    write_text(path, json.dumps(expected_meta(dim)) + "\n")
    return True


def drop_unused_sets(home: Path, used: Collection[str], *, unused_s: float) -> list[str]:
    """Deletes the stored features of backbones that are no longer used; returns their fingerprints.

    Args:
        used: fingerprints to keep.
        unused_s: other fingerprints are kept until nothing was written to them for this many seconds.
    """
    connections = Connections(home)
    gone = []
    for folder in sorted(path.parent for path in (home / "features").glob("*/meta.json")):
        written = max((path.stat().st_mtime for path in folder.glob("rows-*.f16")), default=folder.stat().st_mtime)
        if folder.name in used or time.time() - written < unused_s:
            continue
        with connections.writing() as connection:
            connection.execute(
                "DELETE FROM feature_rows WHERE set_id IN (SELECT set_id FROM feature_sets WHERE fingerprint = ?)",
                (folder.name,),
            )
            connection.execute("DELETE FROM feature_sets WHERE fingerprint = ?", (folder.name,))
        shutil.rmtree(folder)
        gone.append(folder.name)
    return gone
