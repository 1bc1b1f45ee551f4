"""Arrays by product_key in blocks, so that a change of a few products copies their blocks and not all products."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
BLOCK = 32_768  # products whose facts are copied together


def block_count(size: int) -> int:
    """Returns how many blocks hold the product_keys below `size`."""
    return -(-size // BLOCK)


def by_block(keys: NDArray[Any], count: int) -> Iterator[tuple[int, slice]]:
    """Yields each block that holds any of the keys, which are ascending, and where these are.

    Args:
        count: keys of later blocks are left out.
    """
    blocks = np.arange(count + 1) * BLOCK
    ends = np.searchsorted(keys, blocks.astype(keys.dtype))
    for block in np.flatnonzero(np.diff(ends)).tolist():
        yield block, slice(int(ends[block]), int(ends[block + 1]))


@dataclass(frozen=True)
class Blocks:
    """One value of each product, by product_key. It never changes; a change makes another that shares most blocks.

    Attributes:
        parts: arrays of `BLOCK` values, the last one shorter.
        size: how many values there are: one more than the highest product_key.
        missing: the value of products that have none.
    """

    parts: Sequence[NDArray[Any]]
    size: int
    missing: Any

    @classmethod
    def of(cls, keys: Keys, values: NDArray[Any], size: int, missing: Any) -> "Blocks":
        """Returns the values of `size` products, of which those with these keys have one."""
        whole = np.full(size, missing, values.dtype)
        whole[keys] = values
        return cls([whole[start : start + BLOCK] for start in range(0, size, BLOCK)], size, missing)

    def changed(self, gone: Keys, keys: Keys, values: NDArray[Any], size: int) -> "Blocks":
        """Returns the same with values replaced, for at least as many products.

        Args:
            gone: int64 (m,), the products that lose their value.
            keys, values: (n,), the products that have a value now.
        """
        dtype = values.dtype if not self.parts else self.parts[0].dtype
        parts = list(self.parts)
        for block in range(max(len(parts) - 1, 0), block_count(size)):
            parts[block : block + 1] = [self._resized(block, min(BLOCK, size - block * BLOCK), dtype)]
        keys = np.concatenate([gone, keys])
        values = np.concatenate([np.full(len(gone), self.missing, dtype), values])
        order = np.argsort(keys, kind="stable")  # of a product that lost a value and has one now, the last is written
        keys, values = keys[order], values[order]
        for block, at in by_block(keys, len(parts)):
            parts[block] = parts[block].copy()
            parts[block][keys[at] - block * BLOCK] = values[at]
        return Blocks(parts, size, self.missing)

    def take(self, keys: Keys) -> NDArray[Any]:
        """Returns the value of each product, (n,); the missing one for keys beyond the end."""
        if len(self.parts) == 1 and keys.max(initial=0) < self.size:  # as in most shops
            return self.parts[0].take(keys)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        found = np.full(len(keys), self.missing, self.parts[0].dtype if self.parts else None)
        for block, at in by_block(ordered, len(self.parts)):
            inside = ordered[at][ordered[at] < self.size]
            found[order[at][: len(inside)]] = self.parts[block][inside - block * BLOCK]
        return found

    def _resized(self, block: int, length: int, dtype: Any) -> NDArray[Any]:
        part = self.parts[block] if block < len(self.parts) else np.zeros(0, dtype)
        if len(part) == length:
            return part
        found = np.full(length, self.missing, dtype)
        found[: len(part)] = part
        return found
