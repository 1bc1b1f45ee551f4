"""The rows of a large catalogue in 16 bits a number: what a partitioned index scores its finds with.

The upper 8 bits are the codes that FAISS looks through, so that only the lower 8 are kept beside them. Older indexes
have a file of 16-bit numbers, which is memory-mapped.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.arrays import map_rows
from engine.index.checks import Rows
from engine.index.lists import RESTS, Lists
from engine.protocols import Floats

ROWS_FILE = "index_rows.npy"  # of older indexes
_ROWS_AT_ONCE = 1024  # so that a block of float32 stays in the processor's cache


class StoredRows:
    """Rows of numbers that are `base + step * n`, n being a whole number of 16 bits.

    Args:
        numbers: returns the whole numbers of some rows, float32 (m, dim).
        shape: how many rows there are, and their width.
        base, step: float32 (dim,).
    """

    def __init__(self, numbers: Callable[[Rows], Floats], shape: tuple[int, int], base: Floats, step: Floats) -> None:
        self._numbers, self.shape, self._base, self._step = numbers, shape, base, step

    @classmethod
    def of(cls, lists: Lists) -> "StoredRows":
        """Returns the rows of lists that have the rests of their codes."""
        count, dim = lists.codes.shape
        places = np.empty(count, np.int32)
        places[lists.rows] = np.arange(count, dtype=np.int32)
        least, width = lists.learned.ranges[:dim], lists.learned.ranges[dim:]
        step: Floats = width / np.float32(255 * RESTS)  # FAISS cuts a range into 255 steps

        def numbers(rows: Rows) -> Floats:
            at = places[rows]
            found = lists.codes.take(at, axis=0).astype(np.float32)  # `take` is twice as quick here as an index
            found *= np.float32(RESTS)
            found += lists.rests.take(at, axis=0)
            return found

        return cls(numbers, (count, dim), least + step / np.float32(2), step)

    @classmethod
    def load(cls, path: Path, shape: tuple[int, int], factor: float) -> "StoredRows":
        """Maps the rows of an older index; no number of 16 bits can be NaN, so their content needs no check.

        Args:
            factor: what its numbers are multiplied with.

        Raises:
            InvalidModel: it is no file of int16 numbers of this shape.
        """
        whole = map_rows(path, shape, np.int16)
        none, step = np.zeros(shape[1], np.float32), np.full(shape[1], factor, np.float32)
        return cls(lambda rows: whole[rows].astype(np.float32), shape, none, step)

    def vectors(self, rows: Rows) -> Floats:
        """Returns the stored rows, float32 (m, dim)."""
        found = self._numbers(rows)
        found *= self._step
        found += self._base
        return found

    def scores(self, query: Floats, rows: Rows) -> Floats:
        """Returns the scores of `rows`, float32 (m,), to the last bit the same whatever else is searched."""
        found = np.empty(len(rows), np.float32)
        scaled = query * self._step
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            found[part] = np.einsum("ij,j->i", self._numbers(rows[part]), scaled)
        return found + np.float32(query @ self._base)
