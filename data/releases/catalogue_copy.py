"""Copies a catalogue for servers that only search: facts, words and what changed, but nothing of shoppers or keys."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from data.database import FILE_NAME, Connections, forget_home
from data.errors import DatabaseError
from data.features import FeatureStore

# Every other table is emptied, so that a table that is added later is not given away by mistake.
_SHARED = {
    "applied_migrations", "catalogue_id", "counter", "filter_facts", "filter_values", "photos", "product_images",
    "products",
}  # fmt: skip
_SHARED_PREFIXES = ("completion_", "lexical_", "sqlite_")
_ROWS_AT_ONCE = 4096  # of features; 34 MB of those of Inception-v3
_CHANGED = "SELECT DISTINCT sha256 FROM product_images JOIN products USING (product_key) WHERE image_seq > ?"


def copy_catalogue(home: Path, target: Path, *, after_seq: int, fingerprint: str, dim: int) -> int:
    """Writes a copy of a home's catalogue, and the features of photos of products that changed since a generation.

    Where photos lie on this machine is left out too. Deleted pages are not carried over, so nothing that was left out
    can be read in the bytes of the copy.

    Args:
        target: a folder without a catalogue, which becomes a home.
        after_seq: the generation's `seq`.
        fingerprint, dim: of the features.

    Returns:
        The counter of changes of the copy.

    Raises:
        DatabaseError: the catalogue cannot be read, or the copy cannot be written.
    """
    path = target / FILE_NAME
    Connections(home).query("VACUUM INTO ?", (str(path),))
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            _empty(connection)
            seq = int(connection.execute("SELECT seq FROM counter").fetchone()[0])
            changed = [row[0] for row in connection.execute(_CHANGED, (after_seq,))]
        _copy_features(FeatureStore(home, fingerprint, dim), changed, lambda: FeatureStore(target, fingerprint, dim))
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise DatabaseError(f"the copy of the catalogue could not be written: {error}. Check the disk.") from error
    finally:
        forget_home(target)
    return seq


def _copy_features(source: FeatureStore, wanted: list[str], target: Callable[[], FeatureStore]) -> None:
    missing = set(source.missing(wanted))
    stored = [sha256 for sha256 in wanted if sha256 not in missing]
    for start in range(0, len(stored), _ROWS_AT_ONCE):
        block = stored[start : start + _ROWS_AT_ONCE]
        target().append(block, source.read(block))


def _empty(connection: sqlite3.Connection) -> None:
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        if table not in _SHARED and not table.startswith(_SHARED_PREFIXES):
            connection.execute(f'DELETE FROM "{table}"')  # noqa: S608 - names of our own tables
    connection.execute("UPDATE photos SET source = ''")
    connection.execute("VACUUM")
