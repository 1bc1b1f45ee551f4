"""The files of a set's rows, and the memory map that rows are read through."""

import itertools
import mmap
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from data.errors import FeatureStoreError
from data.storage import fsync_path

Item = TypeVar("Item")
Floats = NDArray[np.float32]
Rows = NDArray[np.float16]
ROW_TYPE = np.dtype("<f2")
BLOCK_ROWS = 8192


@dataclass(frozen=True)
class Place:
    """Where a key's row is in the file, and its CRC-32; None: stored before rows had checksums."""

    row: int
    checksum: int | None

    def is_whole(self, stored: Rows) -> bool:
        """Returns whether the file's rows, float16 (n, dim), hold here what was stored, as far as can be told."""
        if self.row >= len(stored):
            return False
        row = stored[self.row]
        if self.checksum is None:  # a backbone never gives zeros alone, but a hole in a file does
            return bool(np.isfinite(row).all() and row.any())
        return zlib.crc32(row.tobytes()) == self.checksum


class RowFiles:
    """The files of one set, each float16 (n, dim): number 0, and one more after each compaction.

    Safe to read from several threads; who writes holds the set's lock.

    Args:
        folder: of the set.
        dim: number of features in a row.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        self._folder, self._dim, self._row_bytes = folder, dim, dim * ROW_TYPE.itemsize
        # the number of the file last read, its rows, and the memory map that they are in
        self._map: tuple[int, Rows, mmap.mmap | None] = (-1, np.zeros((0, dim), ROW_TYPE), None)

    def status(self, number: int) -> tuple[int, int]:
        """Returns how many bytes a file has, and its inode; zeros if there is none."""
        try:
            found = self._path(number).stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_size, found.st_ino

    def size(self, number: int) -> int:
        """Returns how many bytes a file has; 0 if there is none."""
        return self.status(number)[0]

    def append(self, number: int, rows: Rows) -> int:
        """Appends rows to a file, flushes them, and returns the number of the first one.

        Raises:
            FeatureStoreError: the file cannot be written.
        """
        path = self._path(number)
        try:
            is_new = not path.exists()
            with path.open("ab") as file:
                # A writer that died may have left part of a row.
                size = os.fstat(file.fileno()).st_size
                start = -(-size // self._row_bytes)
                file.write(b"\0" * (start * self._row_bytes - size))
                file.write(rows.tobytes())
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                fsync_path(self._folder)
        except OSError as error:
            raise FeatureStoreError(
                f"{path} must be writable; got: {error}. Check the disk, then run again."
            ) from error
        return start

    def copy(self, number: int, rows: Sequence[int]) -> None:
        """Writes file `number + 1` with `rows` of file `number`, in the given order."""
        source = self.mapped(number, max(rows, default=-1) + 1)
        with self._path(number + 1).open("wb") as file:
            for block in in_blocks(rows, BLOCK_ROWS):
                if source is not None:
                    file.write(source[np.array(block, dtype=np.int64)].tobytes())
            file.flush()
            os.fsync(file.fileno())
        fsync_path(self._folder)

    def sweep(self, number: int) -> None:
        """Removes files left by finished and interrupted compactions; readers that still have a file mapped keep it.

        Args:
            number: of the file that stays.
        """
        for path in self._folder.glob("rows-*.f16"):
            if path != self._path(number):
                path.unlink()

    def mapped(self, number: int, rows: int) -> Rows | None:
        """Returns a memory map of the file, with at least `rows` rows unless it was cut short; None if it is gone."""
        known, stored, _ = self._map
        path = self._path(number)
        try:
            # looked at each time: to read a map beyond the end of a file that was cut short kills the process
            whole = path.stat().st_size // self._row_bytes
            if known == number and rows <= len(stored) <= whole:
                return stored
            if not whole:
                return self.none()
            with path.open("rb") as file:
                pages = mmap.mmap(file.fileno(), whole * self._row_bytes, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            return self.none() if rows == 0 else None
        stored = np.frombuffer(pages, ROW_TYPE).reshape(whole, self._dim)
        self._map = (number, stored, pages)
        return stored

    def none(self) -> Rows:
        """Returns no rows, float16 (0, dim)."""
        return np.zeros((0, self._dim), ROW_TYPE)

    def gather(self, stored: Rows, rows: NDArray[np.int64]) -> Floats:
        """Returns rows of a map, float32 (n, dim)."""
        out = np.empty((len(rows), self._dim), np.float32)
        for start in range(0, len(rows), BLOCK_ROWS):
            out[start : start + BLOCK_ROWS] = stored[rows[start : start + BLOCK_ROWS]]
            self._forget_pages(len(rows))
        return out

    def damaged(self, known: dict[str, Place], stored: Rows) -> list[str]:
        """Returns the keys whose row in a map is not what was stored."""
        damaged: list[str] = []
        for block in in_blocks(known.items(), BLOCK_ROWS):
            damaged += [key for key, place in block if not place.is_whole(stored)]
            self._forget_pages(len(block))
        return damaged

    def _forget_pages(self, rows: int) -> None:
        """Gives the file's pages back after many rows were read, else the whole file would count as memory used."""
        pages = self._map[2]
        if rows >= BLOCK_ROWS // 2 and pages is not None:
            pages.madvise(mmap.MADV_DONTNEED)

    def _path(self, number: int) -> Path:
        return self._folder / f"rows-{number}.f16"


def in_blocks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yields the items, at most `size` at a time."""
    iterator = iter(items)
    while block := list(itertools.islice(iterator, size)):
        yield block
