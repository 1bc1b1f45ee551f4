"""The feature store: keeps the pool_3 features of photos, so that no photo is embedded twice.

Rows are float16 in one append-only file per fingerprint; the table `feature_rows` of catalog.db says which row belongs
to which key. A row is flushed to disk before the table names it, so every row that the table names is complete. A
writer that dies leaves rows without a key; they take up space until the next compaction.

The table also holds a checksum of each row. A row that a disk has damaged since counts as missing, is never returned,
and is replaced by the next `append` of its key.
"""

import itertools
import logging
import mmap
import os
import re
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from data.database import Connections, json_list
from data.errors import FeatureStoreError
from data.features.sets import check_meta, open_set
from data.storage import fsync_path, waiting

Item = TypeVar("Item")
Floats = NDArray[np.float32]
_DTYPE = np.dtype("<f2")
_BLOCK_ROWS = 8192
_KEYS_A_QUERY = 20_000
_NAMED_KEYS = 5
_FINGERPRINT = re.compile(r"[0-9A-Za-z_-]{1,128}")
_log = logging.getLogger("lookalike.features")


@dataclass(frozen=True)
class _Place:
    """Where a key's row is in the file, and its CRC-32; None: stored before rows had checksums."""

    row: int
    checksum: int | None

    def is_whole(self, stored: NDArray[np.float16]) -> bool:
        """Returns whether the file's rows, float16 (n, dim), hold here what was stored, as far as can be told."""
        if self.row >= len(stored):
            return False
        row = stored[self.row]
        if self.checksum is None:  # a backbone never gives zeros alone, but a hole in a file does
            return bool(np.isfinite(row).all() and row.any())
        return zlib.crc32(row.tobytes()) == self.checksum


# folder -> the set, the number of its file and the bytes of it, when this process last opened it
_SEEN: dict[Path, tuple[int, int, int]] = {}


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
        self._dim, self._row_bytes = dim, dim * _DTYPE.itemsize
        self._connections = Connections(home)
        self._map: tuple[int, NDArray[np.float16]] = (-1, np.zeros((0, dim), _DTYPE))
        self._pages: mmap.mmap | None = None
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
        return [key for block in _blocks(dict.fromkeys(keys), _BLOCK_ROWS) for key in self._missing(block)]

    def absent(self, keys: Sequence[str]) -> list[str]:
        """Returns the keys that have no row, in the given order, each once; damaged rows are rows here."""
        absent: list[str] = []
        with self._connections.reading() as connection:
            for block in _blocks(dict.fromkeys(keys), _KEYS_A_QUERY):
                known = self._places(connection, block)
                absent += [key for key in block if key not in known]
        return absent

    def damaged(self, keys: Sequence[str]) -> list[str]:
        """Returns those of the keys whose stored row is not what was stored, each once."""
        damaged = _damaged(*self._lookup(keys))
        self._forget_pages(len(keys))
        return damaged

    def drop_damaged(self) -> list[str]:
        """Checks every row; drops the damaged ones and returns their keys, and adds checksums that are missing yet."""
        lost = [key for keys in _blocks(self.keys(), _BLOCK_ROWS) for key in self.damaged(keys)]
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
        for keys in _blocks([key for (key,) in self._connections.query(find, (self._set_id,))], _BLOCK_ROWS):
            known, stored = self._lookup(keys)
            lost = set(_damaged(known, stored))
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
            start = self._write(rounded[positions])
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
        if damaged := _damaged(known, stored):
            raise FeatureStoreError(
                f"stored features must be as they were stored; those of {damaged[0]!r} are damaged or lost in "
                f"{self._folder}. Run `lookalike rebuild`: it embeds the photo again."
            )
        return self._gather(stored, np.array([known[key].row for key in keys], dtype=np.int64))

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
            before = self._size(number)
            whole = before // self._row_bytes
            kept = [(row, key, checksum) for row, key, checksum in stored if key not in unwanted and row < whole]
            if len(kept) * self._row_bytes < before:
                self._copy(number, [row for row, _, _ in kept])
                self._switch(number + 1, [(key, checksum) for _, key, checksum in kept])
                number += 1
            self._sweep(number)
            return before - self._size(number)

    def _forget_lost_rows(self) -> None:
        """Deletes the keys of rows that the file lacks, as after its folder was deleted; they are embedded again.

        The keys are not looked at, which takes as long as there are many, where this process has seen the file before
        and it has not become shorter.
        """
        with self._connections.reading() as connection:
            number = self._file_number(connection)
        size, seen = self._size(number), _SEEN.get(self._folder)
        if seen is None or seen[:2] != (self._set_id, number) or not size or size < seen[2]:
            self._delete_from(size // self._row_bytes)
        _SEEN[self._folder] = self._set_id, number, size

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
        lost = set(_damaged(known, stored))
        return [key for key in keys if key not in known or key in lost]

    def _rounded(self, keys: Sequence[str], rows: Floats) -> NDArray[np.float16]:
        if rows.shape != (len(keys), self._dim):
            raise FeatureStoreError(f"features must have the shape {(len(keys), self._dim)}; got {rows.shape}.")
        with np.errstate(over="ignore"):
            rounded = rows.astype(_DTYPE)
        if not np.isfinite(rounded).all():
            raise FeatureStoreError(
                f"features must be finite and within +-65504 (float16); got values up to {np.abs(rows).max()}."
            )
        return rounded

    def _write(self, rounded: NDArray[np.float16]) -> int:
        """Appends rows to the file, flushes them, and returns the number of the first one."""
        with self._connections.reading() as connection:
            path = self._path(self._file_number(connection))
        try:
            is_new = not path.exists()
            with path.open("ab") as file:
                # A writer that died may have left part of a row.
                size = os.fstat(file.fileno()).st_size
                start = -(-size // self._row_bytes)
                file.write(b"\0" * (start * self._row_bytes - size))
                file.write(rounded.tobytes())
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                fsync_path(self._folder)
        except OSError as error:
            raise FeatureStoreError(
                f"{path} must be writable; got: {error}. Check the disk, then run again."
            ) from error
        return start

    def _copy(self, number: int, rows: Sequence[int]) -> None:
        """Writes file `number + 1` with `rows` of file `number`, in the given order."""
        source = self._mapped(number, max(rows, default=-1) + 1)
        with self._path(number + 1).open("wb") as file:
            for block in _blocks(rows, _BLOCK_ROWS):
                if source is not None:
                    file.write(source[np.array(block, dtype=np.int64)].tobytes())
            file.flush()
            os.fsync(file.fileno())
        fsync_path(self._folder)

    def _switch(self, number: int, rows: Sequence[tuple[str, int | None]]) -> None:
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM feature_rows WHERE set_id = ?", (self._set_id,))
            connection.executemany(
                "INSERT INTO feature_rows (set_id, key, row, checksum) VALUES (?, ?, ?, ?)",
                [(self._set_id, key, row, checksum) for row, (key, checksum) in enumerate(rows)],
            )
            connection.execute("UPDATE feature_sets SET file = ? WHERE set_id = ?", (number, self._set_id))

    def _sweep(self, number: int) -> None:
        """Removes files left by finished and interrupted compactions; readers that still have a file mapped keep it."""
        for path in self._folder.glob("rows-*.f16"):
            if path != self._path(number):
                path.unlink()

    def _file_number(self, connection: sqlite3.Connection) -> int:
        return int(connection.execute("SELECT file FROM feature_sets WHERE set_id = ?", (self._set_id,)).fetchone()[0])

    def _lookup(self, keys: Sequence[str]) -> tuple[dict[str, _Place], NDArray[np.float16]]:
        """Returns where the known ones of `keys` are, and a map of the file that holds their rows."""
        seen = -1
        while True:
            with self._connections.reading() as connection:
                number = self._file_number(connection)
                known = self._places(connection, keys)
            stored = self._mapped(number, max((place.row for place in known.values()), default=-1) + 1)
            # Where the file is gone, either a compaction replaced it after its number was read, or it is lost.
            if stored is not None or number == seen:
                return known, np.zeros((0, self._dim), _DTYPE) if stored is None else stored
            seen = number

    def _places(self, connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, _Place]:
        return {
            key: _Place(row, checksum)
            for block in _blocks(keys, _KEYS_A_QUERY)
            for key, row, checksum in connection.execute(
                "SELECT key, row, checksum FROM feature_rows "
                "WHERE set_id = ? AND key IN (SELECT value FROM json_each(?))",
                (self._set_id, json_list(block)),
            )
        }

    def _mapped(self, number: int, rows: int) -> NDArray[np.float16] | None:
        """Returns a memory map of the file, with at least `rows` rows unless it was cut short; None if it is gone."""
        known, stored = self._map
        path = self._path(number)
        try:
            # looked at each time: to read a map beyond the end of a file that was cut short kills the process
            whole = path.stat().st_size // self._row_bytes
            if known == number and rows <= len(stored) <= whole:
                return stored
            if not whole:
                return np.zeros((0, self._dim), _DTYPE)
            with path.open("rb") as file:
                self._pages = mmap.mmap(file.fileno(), whole * self._row_bytes, access=mmap.ACCESS_READ)
            stored = np.frombuffer(self._pages, _DTYPE).reshape(whole, self._dim)
        except FileNotFoundError:
            return np.zeros((0, self._dim), _DTYPE) if rows == 0 else None
        self._map = (number, stored)
        return stored

    def _gather(self, stored: NDArray[np.float16], rows: NDArray[np.int64]) -> Floats:
        out = np.empty((len(rows), self._dim), np.float32)
        for start in range(0, len(rows), _BLOCK_ROWS):
            out[start : start + _BLOCK_ROWS] = stored[rows[start : start + _BLOCK_ROWS]]
            self._forget_pages(len(rows))
        return out

    def _forget_pages(self, rows: int) -> None:
        """Gives the file's pages back after many rows were read, else the whole file would count as memory used."""
        if rows >= _BLOCK_ROWS // 2 and self._pages is not None:
            self._pages.madvise(mmap.MADV_DONTNEED)

    def _path(self, number: int) -> Path:
        return self._folder / f"rows-{number}.f16"

    def _size(self, number: int) -> int:
        try:
            return self._path(number).stat().st_size
        except FileNotFoundError:
            return 0


def _announce(connection: sqlite3.Connection, sha256s: Sequence[str]) -> None:
    """Gives the products that show these photos the next value of the catalogue's counter."""
    changed = connection.execute(
        "UPDATE products SET image_seq = (SELECT seq + 1 FROM counter) WHERE product_key IN "
        "(SELECT product_key FROM product_images WHERE sha256 IN (SELECT value FROM json_each(?)))",
        (json_list(sha256s),),
    ).rowcount
    if changed:
        connection.execute("UPDATE counter SET seq = seq + 1")


def _damaged(known: dict[str, _Place], stored: NDArray[np.float16]) -> list[str]:
    return [key for key, place in known.items() if not place.is_whole(stored)]


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_NAMED_KEYS]) + (", ..." if len(keys) > _NAMED_KEYS else "")


def _blocks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while block := list(itertools.islice(iterator, size)):
        yield block
