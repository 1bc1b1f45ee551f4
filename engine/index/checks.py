"""Checks what an index is given: its rows, and the arguments of a search."""

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidQuery
from engine.protocols import Floats, Mask, VectorIndex

Rows = NDArray[np.int64]


def checked_rows(vectors: Floats) -> Floats:
    """Returns `vectors` as a contiguous float32 (n, dim) array.

    Raises:
        InvalidQuery: shape or dtype is wrong, or a value is not finite.
    """
    if vectors.ndim != 2 or vectors.dtype != np.float32 or not vectors.shape[1]:
        raise InvalidQuery(f"vectors must be float32 (n, dim); got {vectors.dtype} {vectors.shape}.")
    # The sum of finite numbers of one row is finite; unlike a mask of all numbers, it needs little memory.
    if not np.isfinite(vectors.sum(axis=1, dtype=np.float64)).all():
        raise InvalidQuery("vectors must be finite; got NaN or infinity.")
    return np.ascontiguousarray(vectors)


def checked_search(
    index: VectorIndex, queries: Floats, k: int, allowed: Mask | None, dead: Rows | None
) -> tuple[Floats, Mask | None, int]:
    """Checks a search's arguments.

    Returns:
        the queries, contiguous; `allowed` without the dead rows, or None where no mask was given; and how many rows
        may be found.

    Raises:
        InvalidQuery: see `VectorIndex.search`.
    """
    queries = checked_rows(queries)
    if queries.shape[1] != index.dim:
        raise InvalidQuery(f"queries must have width {index.dim}; got {queries.shape[1]}.")
    if k < 1:
        raise InvalidQuery(f"k must be at least 1; got {k}.")
    if dead is not None and len(dead):
        _check_dead(dead, index.count)
    if allowed is None:
        return queries, None, index.count - (0 if dead is None else len(dead))
    if allowed.shape != (index.count,) or allowed.dtype != np.bool_:
        raise InvalidQuery(f"allowed must be bool ({index.count},); got {allowed.dtype} {allowed.shape}.")
    if dead is not None and len(dead):
        allowed = allowed.copy()
        allowed[dead] = False
    return queries, allowed, int(np.count_nonzero(allowed))


def _check_dead(dead: Rows, count: int) -> None:
    if dead.ndim != 1 or dead.dtype != np.int64 or (np.diff(dead) <= 0).any():
        raise InvalidQuery(f"dead must be ascending int64 row numbers, each once; got {dead.dtype} {dead.shape}.")
    if dead[0] < 0 or dead[-1] >= count:
        raise InvalidQuery(f"dead must be rows from 0 to {count - 1}; got {dead[0]} to {dead[-1]}.")


def without(rows: Rows, dead: Rows | None) -> Rows:
    """Returns those of `rows` that are real (not -1) and not dead, in their order.

    Args:
        dead: ascending rows, or None. They are looked up, so that many of them cost little.
    """
    kept: Rows = rows[rows >= 0]
    if dead is None or not len(dead):
        return kept
    places = np.minimum(np.searchsorted(dead, kept), len(dead) - 1)
    living: Rows = kept[dead[places] != kept]
    return living
