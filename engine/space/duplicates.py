"""Finds near-duplicates: products whose photos are as alike as two photos of one product."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.space.projection import spread

Order = NDArray[np.int64]
DEFAULT_BOUND = 0.98  # used if no product has two photos to measure on
_LEAST_BOUND = 0.9
_ALIKE_SHARE = 0.95
_MEASURED_PRODUCTS = 1000


def duplicate_bound(product_keys: NDArray[np.int64], vectors_of: Callable[[Order], Floats]) -> float:
    """Returns the cosine at or above which two products are near-duplicates.

    Two photos of one product show how alike two pictures of the same thing are. The bound is the 95th percentile of
    the cosines of such pairs, and at least 0.9. It is measured on the first two photos of at most 1,000 products,
    evenly spread.

    Args:
        product_keys: int64 (n,), ascending, the product of each row.
        vectors_of: returns the points of rows, float32 (r, d), L2 norm 1.
    """
    _, firsts, counts = np.unique(product_keys, return_index=True, return_counts=True)
    several = firsts[counts > 1]
    if not len(several):
        return DEFAULT_BOUND
    picked = several[spread(len(several), _MEASURED_PRODUCTS)]
    likeness = np.einsum("ij,ij->i", vectors_of(picked), vectors_of(picked + 1))
    apart = likeness[likeness < 1 - 1e-6]  # the same photo listed twice says nothing
    return max(float(np.quantile(apart, _ALIKE_SHARE)), _LEAST_BOUND) if len(apart) else DEFAULT_BOUND


def duplicates(sha256: Sequence[str], likeness: Floats, bound: float) -> NDArray[np.bool_]:
    """Returns which products are near-duplicates of a better-ranked product that is not one itself, bool (m,).

    Args:
        sha256: (m,), the photo that represents each product, best first.
        likeness: float32 (m, m), cosines between these photos.
        bound: see `duplicate_bound`.
    """
    _, numbers = np.unique(np.array(sha256, "S64"), return_inverse=True)
    alike = (likeness >= bound) | (numbers[:, None] == numbers[None, :])
    found = np.zeros(len(numbers), np.bool_)
    for at in range(1, len(found)):
        found[at] = bool((alike[at, :at] & ~found[:at]).any())
    return found
