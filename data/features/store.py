"""The feature store: keeps the pool_3 features of photos, so that no photo is embedded twice.

Rows are float16 in one append-only file per fingerprint; the table `feature_rows` of catalog.db says which row belongs
to which key. A row is flushed to disk before the table names it, so every row that the table names is complete. A
writer that dies leaves rows without a key; they take up space until the next compaction.

The table also holds a checksum of each row. A row that a disk has damaged since counts as missing, is never returned,
and is replaced by the next `append` of its key.
"""

import logging
import re
import sqlite3
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from data.database import Connections, json_list
from data.errors import FeatureStoreError
from data.features.rows import BLOCK_ROWS, ROW_TYPE, Floats, Place, RowFiles, Rows, in_blocks
from data.features.sets import check_meta, open_set
from data.storage import waiting

_KEYS_A_QUERY = 20_000
_NAMED_KEYS = 5
_FINGERPRINT = re.compile(r"[0-9A-Za-z_-]{1,128}")
_log = logging.getLogger("lookalike.features")


# folder -> the set, and the number, inode and bytes of its file, when this process last opened it
_SEEN: dict[Path, tuple[int, int, int, int]] = {}


class FeatureStore:
    """Stored features of one fingerprint; safe to use from several threads and processes.

    Args:
        home: the folder that holds catalog.db and `features/`.
        fingerprint: identifies the backbone that computed the features.
        dim: number of features in a row.

    Raises:
        FeatureStoreError: the folder holds rows of another width, type or format.
    """

    def __init__(self, home: Path, fingerprint: str, dim: int) -> None:
        if not _FINGERPRINT.fullmatch(fingerprint) or dim < 1:
            raise FeatureStoreError(
                f"a feature store must have a hexadecimal fingerprint and a width; got {fingerprint!r}, {dim}."
            )
        self._folder = home / "features" / fingerprint
        self._dim, self._row_bytes = dim, dim * ROW_TYPE.itemsize
        self._connections = Connections(home)
        self._files = RowFiles(self._folder, dim)
        with waiting(self._folder / "lock"):
            check_meta(self._folder, dim)
            self._set_id = open_set(self._connections, fingerprint, dim)
            self._forget_lost_rows()

    @property
    def count(self) -> int:
        """How many rows are stored."""
        rows = self._connections.query("SELECT count(*) FROM feature_rows WHERE set_id = ?", (self._set_id,))
        return int(rows[0][0])

    @property
    def unchecked(self) -> int:
        """How many rows were stored before rows had checksums, and have none yet."""
        rows = self._connections.query(
            "SELECT count(*) FROM feature_rows WHERE set_id = ? AND checksum IS NULL", (self._set_id,)
        )
        return int(rows[0][0])

    def keys(self) -> list[str]:
        """Returns every key that has a row, in the order of the rows."""
        rows = self._connections.query("SELECT key FROM feature_rows WHERE set_id = ? ORDER BY row", (self._set_id,))
        return [key for (key,) in rows]

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Returns the keys that have no row, or a damaged one, in the given order, each once."""
        return [key for block in in_blocks(dict.fromkeys(keys), BLOCK_ROWS) for key in self._missing(block)]

    def absent(self, keys: Sequence[str]) -> list[str]:
        """Returns the keys that have no row, in the given order, each once; damaged rows are rows here."""
        absent: list[str] = []
        with self._connections.reading() as connection:
            for block in in_blocks(dict.fromkeys(keys), _KEYS_A_QUERY):
                known = self._places(connection, block)
                absent += [key for key in block if key not in known]
        return absent

    def damaged(self, keys: Sequence[str]) -> list[str]:
        """Returns those of the keys whose stored row is not what was stored, each once."""
        return self._files.damaged(*self._lookup(keys))

    def drop_damaged(self) -> list[str]:
        """Checks every row; drops the damaged ones and returns their keys, and adds checksums that are missing yet."""
        lost = [key for keys in in_blocks(self.keys(), BLOCK_ROWS) for key in self.damaged(keys)]
        if lost:
            with self._connections.writing() as connection:
                connection.executemany(
                    "DELETE FROM feature_rows WHERE set_id = ? AND key = ?", [(self._set_id, key) for key in lost]
                )
            _log.warning("%s: %d damaged rows were dropped: %s", self._folder, len(lost), _some(lost))
        self.add_checksums()
        return lost

    def add_checksums(self) -> int:
        """Gives every sound row without a checksum its checksum; returns how many that were."""
        find = "SELECT key FROM feature_rows WHERE set_id = ? AND checksum IS NULL"
        added = 0
        for keys in in_blocks([key for (key,) in self._connections.query(find, (self._set_id,))], BLOCK_ROWS):
            known, stored = self._lookup(keys)
            lost = set(self._files.damaged(known, stored))
            sound = [
                (zlib.crc32(stored[place.row].tobytes()), self._set_id, key, place.row)
                for key, place in known.items()
                if key not in lost
            ]
            with self._connections.writing() as connection:
                connection.executemany(
                    "UPDATE feature_rows SET checksum = ? WHERE set_id = ? AND key = ? AND row = ?", sound
                )
            added += len(sound)
        return added

    def append(self, keys: Sequence[str], rows: Floats, *, announce: bool = False) -> None:
        """Stores one row per key; durable when it returns. Keys that have a sound row already keep it.

        Args:
            rows: float32 (n, dim), rounded to float16.
            announce: whether products that show these photos count as changed, in the same transaction, so that
                every server looks for their features at its next search and not only some time later.

        Raises:
            FeatureStoreError: shapes differ, or a value is not finite in float16 (above 65504).
        """
        rounded = self._rounded(keys, rows)
        with waiting(self._folder / "lock"):
            absent = set(self.missing(keys))
            first = {key: position for position, key in reversed(list(enumerate(keys))) if key in absent}
            if not first:
                return
            positions = sorted(first.values())
            with self._connections.reading() as connection:
                number = self._file_number(connection)
            start = self._files.append(number, rounded[positions])
            with self._connections.writing() as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO feature_rows (set_id, key, row, checksum) VALUES (?, ?, ?, ?)",
                    [
                        (self._set_id, keys[position], start + offset, zlib.crc32(rounded[position].tobytes()))
                        for offset, position in enumerate(positions)
                    ],
                )
                if announce:
                    _announce(connection, list(first))

    def read(self, keys: Sequence[str]) -> Floats:
        """Returns the rows of `keys`, float32 (n, dim).

        Raises:
            FeatureStoreError: a key has no row, or one that is damaged or lost; the message names the first.
        """
        known, stored = self._lookup(keys)
        lost = next((key for key in keys if key not in known), None)
        if lost is not None:
            raise FeatureStoreError(f"every key must have stored features; {lost!r} has none. Embed it first.")
        if damaged := self._files.damaged(known, stored):
            raise FeatureStoreError(
                f"stored features must be as they were stored; those of {damaged[0]!r} are damaged or lost in "
                f"{self._folder}. Run `lookalike rebuild`: it embeds the photo again."
            )
        return self._files.gather(stored, np.array([known[key].row for key in keys], dtype=np.int64))

    def compact(self, drop: Collection[str]) -> int:
        """Removes the rows of the keys in `drop` and all rows without a key; returns the bytes freed.

        Readers continue meanwhile; writers wait.
        """
        unwanted = set(drop)
        with waiting(self._folder / "lock"):
            with self._connections.reading() as connection:
                number = self._file_number(connection)
                stored = connection.execute(
                    "SELECT row, key, checksum FROM feature_rows WHERE set_id = ? ORDER BY row", (self._set_id,)
                ).fetchall()
            before = self._files.size(number)
            whole = before // self._row_bytes
            kept = [(row, key, checksum) for row, key, checksum in stored if key not in unwanted and row < whole]
            if len(kept) * self._row_bytes < before:
                self._files.copy(number, [row for row, _, _ in kept])
                self._switch(number + 1, [(key, checksum) for _, key, checksum in kept])
                number += 1
            self._files.sweep(number)
            return before - self._files.size(number)

    def _forget_lost_rows(self) -> None:
        """Deletes the keys of rows that the file lacks, as after its folder was deleted; they are embedded again.

        The keys are not looked at, which takes as long as there are many, where this process has seen the same file
        before, not one restored in its place, and it has not become shorter.
        """
        with self._connections.reading() as connection:
            number = self._file_number(connection)
        size, inode = self._files.status(number)
        *same, seen_size = _SEEN.get(self._folder, (None, 0))
        if same != [self._set_id, number, inode] or not size or size < seen_size:
            self._delete_from(size // self._row_bytes)
        _SEEN[self._folder] = self._set_id, number, inode, size

    def _delete_from(self, whole: int) -> None:
        """Deletes the keys of rows from number `whole` on."""
        find = "SELECT max(row) FROM feature_rows WHERE set_id = ?"
        last = self._connections.query(find, (self._set_id,))[0][0]
        if last is None or last < whole:
            return
        with self._connections.writing() as connection:
            lost = [
                key
                for (key,) in connection.execute(
                    "DELETE FROM feature_rows WHERE set_id = ? AND row >= ? RETURNING key", (self._set_id, whole)
                )
            ]
        _log.warning(
            "%s lacks %d rows that it should hold; they will be embedded again: %s",
            self._folder, len(lost), _some(lost),
        )  # fmt: skip

    def _missing(self, keys: Sequence[str]) -> list[str]:
        known, stored = self._lookup(keys)
        lost = set(self._files.damaged(known, stored))
        return [key for key in keys if key not in known or key in lost]

    def _rounded(self, keys: Sequence[str], rows: Floats) -> Rows:
        if rows.shape != (len(keys), self._dim):
            raise FeatureStoreError(f"features must have the shape {(len(keys), self._dim)}; got {rows.shape}.")
        with np.errstate(over="ignore"):
            rounded = rows.astype(ROW_TYPE)
        if not np.isfinite(rounded).all():
            raise FeatureStoreError(
                f"features must be finite and within +-65504 (float16); got values up to {np.abs(rows).max()}."
            )
        return rounded

    def _switch(self, number: int, rows: Sequence[tuple[str, int | None]]) -> None:
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM feature_rows WHERE set_id = ?", (self._set_id,))
            connection.executemany(
                "INSERT INTO feature_rows (set_id, key, row, checksum) VALUES (?, ?, ?, ?)",
                [(self._set_id, key, row, checksum) for row, (key, checksum) in enumerate(rows)],
            )
            connection.execute("UPDATE feature_sets SET file = ? WHERE set_id = ?", (number, self._set_id))

    def _file_number(self, connection: sqlite3.Connection) -> int:
        return int(connection.execute("SELECT file FROM feature_sets WHERE set_id = ?", (self._set_id,)).fetchone()[0])

    def _lookup(self, keys: Sequence[str]) -> tuple[dict[str, Place], Rows]:
        """Returns where the known ones of `keys` are, and a map of the file that holds their rows."""
        seen = -1
        while True:
            with self._connections.reading() as connection:
                number = self._file_number(connection)
                known = self._places(connection, keys)
            stored = self._files.mapped(number, max((place.row for place in known.values()), default=-1) + 1)
            # Where the file is gone, either a compaction replaced it after its number was read, or it is lost.
            if stored is not None or number == seen:
                return known, self._files.none() if stored is None else stored
            seen = number

    def _places(self, connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Place]:
        return {
            key: Place(row, checksum)
            for block in in_blocks(keys, _KEYS_A_QUERY)
            for key, row, checksum in connection.execute(
                "SELECT key, row, checksum FROM feature_rows "
                "WHERE set_id = ? AND key IN (SELECT value FROM json_each(?))",
                (self._set_id, json_list(block)),
            )
        }


def _announce(connection: sqlite3.Connection, sha256s: Sequence[str]) -> None:
    """Gives the products that show these photos the next value of the catalogue's counter."""
    changed = connection.execute(
        "UPDATE products SET image_seq = (SELECT seq + 1 FROM counter) WHERE product_key IN "
        "(SELECT product_key FROM product_images WHERE sha256 IN (SELECT value FROM json_each(?)))",
        (json_list(sha256s),),
    ).rowcount
    if changed:
        connection.execute("UPDATE counter SET seq = seq + 1")


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_NAMED_KEYS]) + (", ..." if len(keys) > _NAMED_KEYS else "")
