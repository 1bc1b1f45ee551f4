"""`RowTable`: the product and the image of each row of an index."""

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.columns import within
from data.storage import write_bytes
from engine.arrays import read_npz
from engine.errors import InvalidModel
from engine.protocols import Mask

ROWS_FILE = "rows.npz"


@dataclass(frozen=True, kw_only=True)
class RowTable:
    """The product and the image of each index row.

    Attributes:
        product_keys: int64 (n,), ascending.
        image_keys: int64 (n,).
        image_sha256: bytes (n,), ASCII hex.
    """

    product_keys: NDArray[np.int64]
    image_keys: NDArray[np.int64]
    image_sha256: NDArray[np.bytes_]

    def __post_init__(self) -> None:
        lengths = {self.product_keys.size, self.image_keys.size, self.image_sha256.size}
        flat = {self.product_keys.ndim, self.image_keys.ndim, self.image_sha256.ndim} == {1}
        if not flat or len(lengths) != 1 or (np.diff(self.product_keys) < 0).any():
            raise InvalidModel("the row table must have columns of one length, by ascending product. Rebuild.")

    @cached_property
    def products(self) -> Mask:
        """Which products have a row, bool, by product_key."""
        found = np.zeros(int(self.product_keys.max(initial=0)) + 1, np.bool_)
        found[self.product_keys] = True
        return found

    @cached_property
    def product_count(self) -> int:
        return int(np.count_nonzero(self.products))

    def has(self, product_keys: NDArray[np.int64]) -> Mask:
        """Returns which of the products have a row, bool (p,)."""
        return within(self.products, product_keys)

    def rows_of_any(self, product_keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows of the given products, int64 (r,), without looking at all rows."""
        keys = np.unique(product_keys)
        firsts, ends = np.searchsorted(self.product_keys, keys), np.searchsorted(self.product_keys, keys, side="right")
        counts = ends - firsts
        rows: NDArray[np.int64] = np.arange(counts.sum()) + np.repeat(firsts - (np.cumsum(counts) - counts), counts)
        return rows

    def save(self, folder: Path) -> None:
        content = io.BytesIO()
        np.savez(content, product_keys=self.product_keys, image_keys=self.image_keys, image_sha256=self.image_sha256)
        write_bytes(folder / ROWS_FILE, content.getvalue())

    @classmethod
    def load(cls, path: Path) -> "RowTable":
        columns = read_npz(path)
        try:
            return cls(  # copies, for which numpy asks large pages of the system: a search reads from all over them
                product_keys=columns["product_keys"].astype(np.int64, casting="safe"),
                image_keys=columns["image_keys"].astype(np.int64, casting="safe"),
                image_sha256=columns["image_sha256"].astype(np.bytes_, casting="safe"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidModel(f"{path.name} must be a row table; got {error}. Rebuild.") from error
