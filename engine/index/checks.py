"""Checks what an index is given: its rows, and the arguments of a search."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidQuery
from engine.protocols import ANY, Aim, Floats, Hits, Mask, Where

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


@dataclass(frozen=True)
class Asked:
    """A search whose arguments were checked.

    Attributes:
        queries: float32 (n, dim), contiguous.
        k: rows wanted, at most as many as may be found, at least 1.
        limit: how many rows may be found.
        allowed: bool (count,), without the dead rows; None: no mask was given.
        dead, aim, where: see `VectorIndex.search`.
    """

    queries: Floats
    k: int
    limit: int
    allowed: Mask | None
    dead: Rows | None
    aim: Aim
    where: Where | None


class CheckedIndex(ABC):
    """Base of the indexes: checks what a search is given, before `found` searches."""

    @property
    @abstractmethod
    def count(self) -> int: ...

    @property
    @abstractmethod
    def dim(self) -> int: ...

    @abstractmethod
    def found(self, asked: Asked) -> list[Hits]:
        """Returns the k best rows that may be found, for each query."""

    def search(
        self,
        queries: Floats,
        k: int,
        allowed: Mask | None = None,
        dead: Rows | None = None,
        aim: Aim = ANY,
        where: Where | None = None,
    ) -> list[Hits]:
        """See `VectorIndex.search`."""
        queries = checked_rows(queries)
        if queries.shape[1] != self.dim:
            raise InvalidQuery(f"queries must have width {self.dim}; got {queries.shape[1]}.")
        if k < 1:
            raise InvalidQuery(f"k must be at least 1; got {k}.")
        allowed, limit = _allowed(self.count, allowed, dead)
        if not limit:
            return [Hits(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in queries]
        return self.found(Asked(queries, min(k, limit), limit, allowed, dead, aim, where))


def _allowed(count: int, allowed: Mask | None, dead: Rows | None) -> tuple[Mask | None, int]:
    """Returns the mask without the dead rows, and how many rows may be found."""
    if dead is not None and len(dead):
        _check_dead(dead, count)
    if allowed is None:
        return None, count - (0 if dead is None else len(dead))
    if allowed.shape != (count,) or allowed.dtype != np.bool_:
        raise InvalidQuery(f"allowed must be bool ({count},); got {allowed.dtype} {allowed.shape}.")
    if dead is not None and len(dead):
        allowed = allowed.copy()
        allowed[dead] = False
    return allowed, int(np.count_nonzero(allowed))


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
