"""Which rows of a view may be found, and lists of rows that may not."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Mask, Where

Rows = NDArray[np.int64]


def joined(rows: Rows, more: Rows) -> Rows:
    """Returns both, ascending, each once; `rows` is so already, and much longer than `more`."""
    new = np.unique(more)
    new = new[~among(rows, new)]
    return np.insert(rows, np.searchsorted(rows, new), new)


def among(rows: Rows, asked: Rows) -> Mask:
    """Returns which of the rows asked for are in `rows`, which are ascending, bool (m,)."""
    if not len(rows):
        return np.zeros(len(asked), np.bool_)
    found: Mask = rows[np.minimum(np.searchsorted(rows, asked), len(rows) - 1)] == asked
    return found


@dataclass(frozen=True)
class Allowed:
    """The rows of a view that may be found. Without a filter, no part of it is as long as the generation.

    Attributes:
        size: how many rows the generation has.
        dead: int64 (p,), ascending, the rows of the generation that may not be found.
        passing: bool (size,), the rows of the generation that pass a filter; None: there is none.
        added: bool (m,), the rows of the delta that may be found.
        where: that filter; None: there is none, or nothing is searched.
    """

    size: int
    dead: Rows
    passing: Mask | None
    added: Mask
    where: Where | None = None

    @cached_property
    def count(self) -> int:
        """How many rows may be found."""
        added = int(np.count_nonzero(self.added))
        if self.passing is None:
            return added + self.size - len(self.dead)
        return added + int(np.count_nonzero(self.passing)) - int(np.count_nonzero(self.passing[self.dead]))

    @property
    def rows(self) -> Rows:
        """The row numbers, int64 (count,), ascending; as long as the generation."""
        built = np.ones(self.size, np.bool_) if self.passing is None else self.passing.copy()
        built[self.dead] = False
        return np.concatenate([np.flatnonzero(built), self.size + np.flatnonzero(self.added)])

    def has(self, rows: Rows) -> Mask:
        """Returns which of the given rows may be found, bool (r,)."""
        found, new = np.empty(len(rows), np.bool_), rows >= self.size
        old = rows[~new]
        found[~new] = ~among(self.dead, old)
        if self.passing is not None:
            found[~new] &= self.passing[old]
        found[new] = self.added[rows[new] - self.size]
        return found

    def without(self, rows: Rows) -> "Allowed":
        """Returns the same without some rows."""
        new = rows >= self.size
        added = self.added.copy()
        added[rows[new] - self.size] = False
        return replace(self, dead=joined(self.dead, rows[~new]), added=added)
