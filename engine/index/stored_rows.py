"""The rows of a large catalogue in 16 bits a number, memory-mapped: what a partitioned index scores its finds with.

A whole number of 16 bits times one factor is nearer to the row than float16 is (5e-6 of a score instead of 2e-5), and
NumPy turns it into float32 five times faster; `benchmarks/index_ladder.py` prints both.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidModel
from engine.index.checks import Rows
from engine.protocols import Floats

ROWS_FILE = "index_rows.npy"
_LARGEST = 32_767
_ROWS_AT_ONCE = 1024  # so that a block of float32 stays in the processor's cache
_ROWS_WRITTEN_AT_ONCE = 65_536


class StoredRows:
    """Rows of 16-bit numbers.

    Args:
        numbers: int16 (n, dim), in memory or mapped from a file.
        factor: what they are multiplied with.
    """

    def __init__(self, numbers: NDArray[np.int16], factor: float) -> None:
        self._numbers, self.factor = numbers, factor

    @classmethod
    def of(cls, vectors: Floats) -> "StoredRows":
        """Returns the rows of `vectors`, finite float32 (n, dim), rounded to the nearest 16-bit number."""
        largest = max(float(vectors.max(initial=0.0)), -float(vectors.min(initial=0.0)))
        factor = float(np.float32(largest / _LARGEST)) or 1.0
        numbers = np.empty(vectors.shape, np.int16)
        for start in range(0, len(vectors), _ROWS_WRITTEN_AT_ONCE):
            part = slice(start, start + _ROWS_WRITTEN_AT_ONCE)
            numbers[part] = np.clip(np.rint(vectors[part] / np.float32(factor)), -_LARGEST, _LARGEST)
        return cls(numbers, factor)

    @classmethod
    def load(cls, path: Path, shape: tuple[int, int], factor: float) -> "StoredRows":
        """Maps the rows of a file; no number of 16 bits can be NaN, so their content needs no check.

        Raises:
            InvalidModel: it is no file of int16 numbers of this shape.
        """
        try:
            numbers = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError, SyntaxError, OverflowError, MemoryError) as error:
            raise InvalidModel(f"{path.name} must be a file of rows; got {error}. Rebuild.") from error
        if not isinstance(numbers, np.memmap) or numbers.dtype != np.int16 or not numbers.flags.c_contiguous:
            raise InvalidModel(f"{path.name} must hold rows of 16-bit numbers; it does not. Rebuild.")
        if numbers.shape != shape:
            raise InvalidModel(f"{path.name} must hold {shape[0]} rows of {shape[1]}; got {numbers.shape}. Rebuild.")
        return cls(np.asarray(numbers), factor)

    def save(self, folder: Path) -> None:
        """Writes `index_rows.npy` into `folder`."""
        np.save(folder / ROWS_FILE, self._numbers, allow_pickle=False)

    @property
    def shape(self) -> tuple[int, int]:
        return self._numbers.shape[0], self._numbers.shape[1]

    def vectors(self, rows: Rows) -> Floats:
        """Returns the stored rows, float32 (m, dim)."""
        return self._numbers[rows].astype(np.float32) * np.float32(self.factor)

    def scores(self, query: Floats, rows: Rows) -> Floats:
        """Returns the scores of `rows`, float32 (m,), to the last bit the same whatever else is searched."""
        found = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            found[part] = np.einsum("ij,j->i", self._numbers[rows[part]].astype(np.float32), query)
        return found * np.float32(self.factor)
