"""Exact inner-product search on the CPU with FAISS.

FAISS is fast but leaves four things to its caller, and this module takes care of them: rows of equal score come in no
fixed order, one row's score differs in its last bits with the processor, the filter and the number of queries, missing
hits are filled with -1, and a file is parsed unchecked.
"""

from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InvalidModel
from engine.index.checks import Asked, CheckedIndex, Rows, checked_rows, without
from engine.protocols import Floats, Hits, Mask

INDEX_FILE = "index.faiss"
_QUERIES_AT_ONCE = 16  # from 20 on FAISS multiplies matrices, whose rounding is coarser
_ROWS_AT_ONCE = 16_384
_TIE_MARGIN = 16
_FEW = 8  # times the hits wanted
ROUNDING = 1e-5  # of the best score; two ways to add the same products differ by less
_FLAT_INNER_PRODUCT = b"IxFI"  # how a file of IndexFlatIP begins


class FlatIndex(CheckedIndex):
    """Exact search over rows in main memory.

    Attributes:
        measured: see `VectorIndex.measured`.
        reason: why the index is on the CPU although the settings allow a GPU; otherwise empty.
    """

    kind = "faiss flat cpu"
    is_exact = True

    def __init__(self, index: Any) -> None:
        self._index = index
        self.measured: dict[str, Any] = {}
        self.reason = ""

    @classmethod
    def of(cls, vectors: Floats) -> "FlatIndex":
        import faiss

        rows = checked_rows(vectors)
        index = faiss.IndexFlatIP(rows.shape[1])
        index.add(rows)
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> "FlatIndex":
        import faiss

        _check_kind(path)
        # A damaged length field must not make FAISS reserve more than the file can hold.
        faiss.set_deserialization_vector_byte_limit(max(path.stat().st_size, 1))
        faiss.set_deserialization_loop_limit(1_000_000)
        try:
            index = faiss.read_index(str(path))
        except (RuntimeError, MemoryError) as error:
            raise InvalidModel(f"{path.name} must be a FAISS index; got {error}. Rebuild.") from error
        if not isinstance(index, faiss.IndexFlatIP):
            raise InvalidModel(f"{path.name} must be a flat inner-product index; got {type(index).__name__}. Rebuild.")
        loaded = cls(index)
        # The sum of points of length 1 is finite; unlike a mask of all numbers, it needs no memory.
        if not np.isfinite(loaded._stored().sum()):
            raise InvalidModel(f"{path.name} must hold finite vectors; got NaN or infinity. Rebuild.")
        return loaded

    @property
    def count(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        return int(self._index.d)

    @property
    def memory_bytes(self) -> int:
        return self.count * self.dim * 4

    @property
    def native(self) -> Any:
        """The FAISS index, for copying it to a GPU; do not change it."""
        return self._index

    def vectors(self, rows: Rows) -> Floats:
        """Returns the stored rows, float32 (m, dim)."""
        return np.asarray(self._stored()[rows], dtype=np.float32)

    def scores(self, query: Floats, rows: Rows) -> Floats:
        """Returns the scores of `rows`, float32 (m,), to the last bit the same whatever else is searched."""
        return scores_of(self._stored(), query, rows)

    def _stored(self) -> Floats:
        import faiss

        if not self.count:
            return np.zeros((0, self.dim), np.float32)
        stored: Floats = faiss.rev_swig_ptr(self._index.get_xb(), self.count * self.dim)
        return stored.reshape(self.count, self.dim)

    def found(self, asked: Asked) -> list[Hits]:
        found: list[Hits] = []
        for start in range(0, len(asked.queries), _QUERIES_AT_ONCE):
            found += self._search_block(asked.queries[start : start + _QUERIES_AT_ONCE], asked)
        return found

    def _search_block(self, queries: Floats, asked: Asked) -> list[Hits]:
        k, dead, allowed = asked.k, asked.dead, asked.allowed
        reach = self.count if allowed is None else asked.limit
        fetch = min(reach, k + _TIE_MARGIN)
        if reach <= _FEW * fetch:  # to score them all is quicker than FAISS's search for so many
            return [self._best_of_all(query, k, allowed, dead) for query in queries]
        found = []
        for query, own_rows in zip(queries, self._fetch(queries, fetch, allowed), strict=True):
            hits = self._settle(query, own_rows, dead)
            if is_complete(hits, k):
                found.append(Hits(hits.rows[:k], hits.scores[:k]))
            else:
                found.append(self._best_of_all(query, k, allowed, dead))
        return found

    def _best_of_all(self, query: Floats, k: int, allowed: Mask | None, dead: Rows | None) -> Hits:
        """Returns the k best living rows, after scoring each of them."""
        rows = without(np.arange(self.count) if allowed is None else np.flatnonzero(allowed), dead)
        scores = scores_of(self._stored(), query, None) if len(rows) == self.count else self.scores(query, rows)
        return best_hits(rows, scores, k)

    def _settle(self, query: Floats, rows: Rows, dead: Rows | None) -> Hits:
        """Returns the living rows that FAISS found, best first, ties ordered by row, with the scores of `scores`."""
        rows = without(rows, dead)
        return best_hits(rows, self.scores(query, rows), len(rows))

    def _fetch(self, queries: Floats, k: int, allowed: Mask | None) -> Rows:
        """Returns the k best rows for each query, int64 (n, k), in any order; -1 for missing ones."""
        import faiss

        if allowed is None:
            return self._index.search(queries, k)[1]  # type: ignore[no-any-return]
        bits = np.packbits(allowed, bitorder="little")
        selector = faiss.IDSelectorBitmap(self.count, faiss.swig_ptr(bits))
        return self._index.search(queries, k, params=faiss.SearchParameters(sel=selector))[1]  # type: ignore[call-arg,no-any-return]

    def save(self, folder: Path) -> None:
        """Writes `index.faiss` into `folder`."""
        import faiss

        faiss.write_index(self._index, str(folder / INDEX_FILE))


def _check_kind(path: Path) -> None:
    # FAISS reads many kinds of index, some of which open other files; only the one that is written here is wanted.
    try:
        kind = path.open("rb").read(4) if path.is_file() else b""
    except OSError as error:
        raise InvalidModel(f"{path.name} must be readable; got {error}. Rebuild.") from error
    if kind != _FLAT_INNER_PRODUCT:
        raise InvalidModel(f"{path.name} must be a flat inner-product index of FAISS; got {kind!r}. Rebuild.")


def is_complete(hits: Hits, k: int) -> bool:
    """Tells whether the k best living rows are among these: none that ties with them can follow the last one."""
    if len(hits.rows) < k:
        return False
    return bool(hits.scores[k - 1] - hits.scores[-1] > ROUNDING * abs(hits.scores[0]))


def scores_of(stored: Floats, query: Floats, rows: Rows | None) -> Floats:
    """Returns the scores of some of the stored rows, float32 (m,), to the last bit the same whatever else is scored.

    Args:
        stored: float32 (n, dim).
        query: float32 (dim,).
        rows: int64 (m,); None: all, which need not be copied.
    """
    found = np.empty(len(stored if rows is None else rows), np.float32)
    for start in range(0, len(found), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        found[part] = np.einsum("ij,j->i", stored[part if rows is None else rows[part]], query)
    return found


def best_hits(rows: Rows, scores: Floats, k: int) -> Hits:
    """Returns the k best of `rows`, int64 (m,), with their scores; ties ordered by row."""
    if k < len(rows):  # sorting them all would take longer than scoring them
        best = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
        rows, scores = rows[best], scores[best]
    order = np.lexsort((rows, -scores))[:k]
    return Hits(rows[order].astype(np.int64), scores[order].astype(np.float32))
