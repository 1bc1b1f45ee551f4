"""The photos of products that changed since the generation was built, as rows that are only ever added."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats, Mask

_FIRST_ROWS = 256
_FEW_DEAD = 1_000  # rows that are kept until they are also half of all


@dataclass(frozen=True, kw_only=True)
class Delta:
    """The rows as one view sees them.

    Attributes:
        alive: bool (m,), the rows whose product was not changed or deleted again.
        product_keys, image_keys: int64 (m,), the product and the image of each row.
        sha256: bytes (m,), ASCII hex, the photo of each row.
        points: float32 (m, d), in the product space.
    """

    alive: Mask
    product_keys: NDArray[np.int64]
    image_keys: NDArray[np.int64]
    sha256: NDArray[np.bytes_]
    points: Floats


class GrowingDelta:
    """Adds and removes rows; views keep what they were given, because rows are never written twice.

    A change costs as much as the product has photos, however many rows there are; now and then a longer array is made.
    """

    def __init__(self, dim: int) -> None:
        self._alive = np.zeros(0, np.bool_)
        self._keys, self._images = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._sha256, self._points = np.zeros(0, "S64"), np.zeros((0, dim), np.float32)
        self._count = self._dead = 0
        self._rows: dict[int, range] = {}  # by the key of the product

    @property
    def count(self) -> int:
        """How many rows are alive."""
        return self._count - self._dead

    @property
    def product_count(self) -> int:
        """How many products have rows."""
        return len(self._rows)

    def add(self, product_key: int, image_keys: Sequence[int], sha256: Sequence[str], points: Floats) -> None:
        """Adds the photos of a product that has none here."""
        rows = range(self._count, self._count + len(sha256))
        if rows.stop > len(self._alive):
            self._copy(np.arange(self._count), max(2 * rows.stop, _FIRST_ROWS))
        part = slice(rows.start, rows.stop)
        self._alive[part], self._keys[part], self._images[part] = True, product_key, image_keys
        self._sha256[part], self._points[part] = list(sha256), points
        self._rows[product_key], self._count = rows, rows.stop

    def remove(self, product_key: int) -> None:
        """Removes the photos of a product, if it has any here."""
        rows = self._rows.pop(product_key, range(0))
        self._alive[rows.start : rows.stop] = False
        self._dead += len(rows)
        if self._dead > max(_FEW_DEAD, self._count // 2):
            self._forget_dead()

    def now(self) -> Delta:
        """Returns the rows as they are now."""
        rows = slice(0, self._count)
        return Delta(
            alive=self._alive[rows].copy(),
            product_keys=self._keys[rows],
            image_keys=self._images[rows],
            sha256=self._sha256[rows],
            points=self._points[rows],
        )

    def _forget_dead(self) -> None:
        kept = np.flatnonzero(self._alive[: self._count])
        places = np.cumsum(self._alive[: self._count]) - 1
        self._rows = {
            key: range(int(places[rows.start]), int(places[rows.start]) + len(rows)) for key, rows in self._rows.items()
        }
        self._copy(kept, max(2 * len(kept), _FIRST_ROWS))
        self._count, self._dead = len(kept), 0

    def _copy(self, rows: NDArray[np.int64], capacity: int) -> None:
        """Copies rows into new arrays with room for `capacity` rows; views keep the old ones."""

        def copied(array: NDArray[Any]) -> NDArray[Any]:
            longer = np.zeros((capacity, *array.shape[1:]), array.dtype)
            longer[: len(rows)] = array[rows]
            return longer

        self._alive, self._keys, self._images = copied(self._alive), copied(self._keys), copied(self._images)
        self._sha256, self._points = copied(self._sha256), copied(self._points)
