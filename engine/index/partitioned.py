"""Approximate inner-product search of a large catalogue: nearest lists first, then exact scores of what they hold.

FAISS looks through 8-bit codes of the rows in the lists whose centres lie nearest, and proposes a few more rows than
are asked for; those are scored and ordered by the stored rows. How many lists that takes was measured when the index
was built (`tuning.py`), for all rows and for a twentieth of them, since the best of few lie further away. Filters and
dead rows are honoured exactly, and no hit is missing where enough are allowed.
"""

from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InvalidModel
from engine.index.checks import Asked, CheckedIndex, Rows, without
from engine.index.flat import best_hits, is_complete
from engine.index.lists import LISTS_FILE, Lists
from engine.index.reach import Tuned, read_tuned
from engine.index.stored_rows import ROWS_FILE, StoredRows
from engine.protocols import Floats, Hits, Mask

FEW_ROWS = 16_384  # what a filter leaves of up to so many rows is scored row by row: exact, in at most 6 ms
# Microseconds for a row: one that is scored row by row, an allowed one in a list, and one that is passed over there.
_BY_ROW_US, _IN_LIST_US, _PASSED_US = 0.3, 0.2, 0.006
_SAMPLE = 65_536  # of the rows that a filter lets through
_MARGIN = 20  # rows proposed beyond those asked for, or a tenth if that is more: codes order them nearly as scores do


class PartitionedIndex(CheckedIndex):
    """Search through the nearest lists.

    Args:
        lists: the rows in lists.
        stored: the same rows, in 16 bits a number; None: those of the lists.
        tuned: how many lists are looked through; None: not known yet, so all.
    """

    kind = "faiss ivf sq8 cpu"
    is_exact = False

    def __init__(self, lists: Lists, stored: StoredRows | None = None, tuned: Tuned | None = None) -> None:
        self._lists, self._index = lists, lists.native()
        self._stored, self.tuned = stored or StoredRows.of(lists), tuned
        self.measured: dict[str, Any] = {}
        self.reason = ""
        self._list_of_row = np.empty(len(lists.rows), np.int32)
        self._list_of_row[lists.rows] = np.repeat(np.arange(len(lists.sizes), dtype=np.int32), lists.sizes)

    @classmethod
    def load(cls, folder: Path) -> "PartitionedIndex":
        """Reads the files of `save`.

        Raises:
            InvalidModel: they are not what `save` writes.
        """
        lists, facts = Lists.load(folder / LISTS_FILE)
        lists = lists.in_memory()
        stored = None if len(lists.rests) else StoredRows.load(folder / ROWS_FILE, lists.codes.shape, _factor(facts))
        return cls(lists, stored, read_tuned(facts))

    def save(self, folder: Path) -> None:
        """Writes `index_lists.safetensors`; not before it is tuned, nor of an older index of two files."""
        if not len(self._lists.rests) or self.tuned is None:
            raise InvalidModel("an index in lists must be built and tuned to be saved. Copy the files of an older one.")
        self._lists.save(folder, self.tuned.to_json())

    @property
    def count(self) -> int:
        return self._stored.shape[0]

    @property
    def dim(self) -> int:
        return self._stored.shape[1]

    @property
    def list_count(self) -> int:
        return int(self._index.nlist)

    @property
    def memory_bytes(self) -> int:
        """Bytes of codes and rests, row numbers and places, and the centres."""
        codes = self._lists.codes.nbytes + self._lists.rests.nbytes
        return codes + self.count * 20 + self.list_count * self.dim * 4

    def vectors(self, rows: Rows) -> Floats:
        """Returns the stored rows, float32 (m, dim)."""
        return self._stored.vectors(rows)

    def scores(self, query: Floats, rows: Rows) -> Floats:
        """Returns the scores of `rows`, float32 (m,), to the last bit the same whatever else is searched."""
        return self._stored.scores(query, rows)

    def found(self, asked: Asked) -> list[Hits]:
        k, allowed, dead = asked.k, asked.allowed, asked.dead
        if allowed is None and dead is not None and 2 * len(dead) > self.count:  # so many that they are a filter
            allowed = np.ones(self.count, np.bool_)
            allowed[dead] = False
        lists = self.list_count
        if self.tuned is not None:
            share = 1.0 if allowed is None else asked.limit / self.count
            lists = self.tuned.of(asked.aim).lists(min(k, asked.aim.sure or k), share, lists)
        if allowed is not None and self._is_quick_by_row(asked.limit, lists):
            rows = np.flatnonzero(allowed)
            return [best_hits(rows, self.scores(query, rows), k) for query in asked.queries]
        return [self.find(query, k, lists, allowed, dead) for query in asked.queries]

    def _is_quick_by_row(self, allowed: int, lists: int) -> bool:
        """Tells whether so many allowed rows are better scored one by one, which is exact, than found in lists."""
        in_lists_us = lists / self.list_count * (allowed * _IN_LIST_US + self.count * _PASSED_US)
        return allowed <= FEW_ROWS or allowed * _BY_ROW_US <= in_lists_us

    def find(self, query: Floats, k: int, lists: int, allowed: Mask | None = None, dead: Rows | None = None) -> Hits:
        """Finds the k best rows in so many lists, and in more of them where they hold too few.

        Args:
            lists: as many of the nearest; under a filter, of those that hold as many allowed rows as chance would give.
        """
        fetch = min(k + max(_MARGIN, k // 10), self.count)
        while True:
            rows = self._proposed(query, fetch, lists, allowed)
            living = without(rows, dead)
            hits = best_hits(living, self.scores(query, living), len(living))
            exhausted = fetch == self.count or rows[-1] < 0  # every row of the lists was proposed
            enough = len(hits.rows) >= k
            if (enough and (exhausted or is_complete(hits, k))) or (exhausted and lists == self.list_count):
                return Hits(hits.rows[:k], hits.scores[:k])
            fetch = min(self.count, 4 * fetch)
            if not enough:
                lists = min(self.list_count, 2 * lists)

    def _proposed(self, query: Floats, fetch: int, lists: int, allowed: Mask | None) -> Rows:
        """Returns rows of the nearest lists by their codes, best first, int64 (fetch,), with -1 for missing ones."""
        import faiss

        if allowed is None:
            searched = faiss.SearchParametersIVF(nprobe=lists)  # type: ignore[call-arg]
            return self._index.search(query[None], fetch, params=searched)[1][0]  # type: ignore[no-any-return]
        bits = np.packbits(allowed, bitorder="little")
        selector = faiss.IDSelectorBitmap(self.count, faiss.swig_ptr(bits))
        nearness, order = self._nearest(query, lists, allowed)
        searched = faiss.SearchParametersIVF(nprobe=len(order), sel=selector)  # type: ignore[call-arg]
        arrays = query, order, nearness, np.empty(fetch, np.float32), np.empty(fetch, np.int64)
        asked, own, near, scores, rows = (faiss.swig_ptr(array) for array in arrays)
        self._index.search_preassigned_c(1, asked, fetch, own, near, scores, rows, False, searched)
        return arrays[-1]

    def _nearest(self, query: Floats, lists: int, allowed: Mask) -> tuple[Floats, Rows]:
        """Returns the nearness of the lists to look through under a filter, and their numbers, nearest first.

        What a filter lets through may lie in few lists, and far from the query, so a list counts by how many allowed
        rows it holds, and as one if they are as many as in any list of its size. Lists without any are left out.
        """
        nearness, order = (found[0] for found in self._index.quantizer.search(query[None], self.list_count))
        if lists == self.list_count:
            return nearness, order
        rows = np.flatnonzero(allowed)
        every = max(1, len(rows) // _SAMPLE)  # a sample of them tells well enough how many there are
        held = every * np.bincount(self._list_of_row[rows[::every]], minlength=self.list_count)[order]
        holding = np.flatnonzero(held)
        by_chance = self._lists.sizes[order[holding]] * (len(rows) / self.count)
        counted = np.minimum(1.0, held[holding] / by_chance).cumsum()
        chosen = holding[: int(np.searchsorted(counted, lists)) + 1]
        return nearness[chosen], order[chosen]


def _factor(facts: dict[str, Any]) -> float:
    factor = facts.get("factor")
    if type(factor) is not float or not 0 < factor < np.finfo(np.float32).max:
        raise InvalidModel(f"{LISTS_FILE} must say what its rows are multiplied with; got {factor!r:.200}. Rebuild.")
    return factor
