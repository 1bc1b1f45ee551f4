"""`MilvusIndex`: searches a collection of Milvus; the vectors lie on disk here too, so that scores are exact."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import IndexUnavailable, InvalidQuery
from engine.index.checks import Asked, CheckedIndex, Rows, without
from engine.index.flat import ROUNDING, best_hits, scores_of
from engine.index.milvus.collection import METRIC, MOST_ROWS, VECTOR, Kind, MilvusCollection
from engine.index.milvus.files import Described
from engine.index.milvus.server import ANSWERS_S, Milvus
from engine.protocols import Floats, Hits, Mask

_TIE_MARGIN = 16
_QUERIES_AT_ONCE = 16
_MOST_HERE = 1_000_000  # rows that are scored in this process where Milvus's answers do not reach far enough


class MilvusIndex(CheckedIndex):
    """The rows of one collection.

    Milvus says which rows are near; they are scored and ordered here, as `FlatIndex` does it. It answers a query with
    at most 16,384 rows, so no more than about that many come back, whatever k is. Where too many of them may not be
    found, or have the same score, all rows are scored here, unless they are more than a million.

    Args:
        stored: float32 (n, dim), the vectors, which may be mapped from a file.
        effort: how thoroughly Milvus searches; see `Kind`.

    Attributes:
        measured, reason: see `VectorIndex`.
    """

    def __init__(self, collection: MilvusCollection, kind: Kind, effort: int, stored: Floats) -> None:
        self.collection, self._type, self.effort, self._stored = collection, kind, effort, stored
        self.kind, self.is_exact = f"milvus {kind.name.lower().replace('_', ' ')}", not kind.effort
        self.measured: dict[str, Any] = {}
        self.reason = ""

    @classmethod
    def load(cls, folder: Path, server: Milvus) -> "MilvusIndex":
        """Reads the files of `save`; the server is not asked yet.

        Raises:
            InvalidModel: they are not what `save` writes.
        """
        described = Described.load(folder)
        collection = MilvusCollection(server, described.collection)
        return cls(collection, described.kind, described.effort, described.vectors)

    def save(self, folder: Path) -> None:
        """Writes `milvus.json` and `milvus_rows.npy`; the collection is on the server already."""
        Described(self.collection.name, self._type, self.effort, self._stored).save(folder)

    @property
    def efforts(self) -> tuple[int, ...]:
        """The values of `effort` that may be tried, quickest first."""
        return self._type.efforts

    @property
    def count(self) -> int:
        return len(self._stored)

    @property
    def dim(self) -> int:
        return int(self._stored.shape[1])

    @property
    def memory_bytes(self) -> int:
        """Nothing: the vectors are pages of a file, which the kernel may drop, and the index is Milvus's."""
        return 0

    def vectors(self, rows: Rows) -> Floats:
        """Returns the stored rows, float32 (m, dim)."""
        return np.asarray(self._stored[rows], dtype=np.float32)

    def scores(self, query: Floats, rows: Rows) -> Floats:
        """Returns the scores of `rows`, float32 (m,), to the last bit the same whatever else is searched."""
        return scores_of(self._stored, query, rows)

    def found(self, asked: Asked) -> list[Hits]:
        """Searches equally thoroughly whatever the aim.

        Raises:
            InvalidQuery: there is a mask without the filter that it is of.
            IndexUnavailable: Milvus does not answer.
        """
        if asked.allowed is not None and asked.where is None:
            raise InvalidQuery("an index in Milvus takes a filter itself; got a mask of rows alone.")
        question = _Question.of(asked)
        found: list[Hits] = []
        for start in range(0, len(asked.queries), _QUERIES_AT_ONCE):
            found += self._search_block(asked.queries[start : start + _QUERIES_AT_ONCE], question)
        return found

    def _search_block(self, queries: Floats, question: "_Question") -> list[Hits]:
        reach = min(self.count, MOST_ROWS)
        fetch = min(reach, question.k + _TIE_MARGIN)
        found = []
        for query, rows in zip(queries, self._fetch(queries, fetch, question), strict=True):
            wide, (hits, whole) = fetch, self._settled(query, rows, fetch, question)
            while not whole and wide < reach:
                wide = min(reach, wide * 8)
                rows = self._fetch(query[None], wide, question)[0]
                hits, whole = self._settled(query, rows, wide, question)
            if not whole and len(rows) < self.count:
                hits = self._scored_here(query, question) or hits
            found.append(Hits(hits.rows[: question.k], hits.scores[: question.k]))
        return found

    def _settled(self, query: Floats, rows: Rows, fetched: int, question: "_Question") -> tuple[Hits, bool]:
        """Returns the rows that may be found, best first, and whether the k best are certainly among them."""
        every = np.union1d(question.kept(rows), question.added)
        hits = best_hits(every, self.scores(query, every), len(every))
        if len(rows) < fetched or len(hits.rows) < question.k:  # so Milvus has no more, or has not found all it has
            return hits, len(hits.rows) >= question.k
        margin = ROUNDING * abs(float(hits.scores[0]))
        return hits, bool(hits.scores[question.k - 1] - self.scores(query, rows).min(initial=np.inf) > margin)

    def _fetch(self, queries: Floats, rows: int, question: "_Question") -> list[Rows]:
        """Returns the rows nearest to each query by Milvus's own reckoning, each int64 (m,).

        Raises:
            IndexUnavailable: Milvus does not answer, or names rows that are not of this index.
        """
        effort = {self._type.effort: max(self.effort, rows)} if self._type.effort == "ef" else {}
        if self._type.effort == "nprobe":
            effort = {"nprobe": self.effort}
        found = self.collection.search(
            queries,
            rows,
            filter=question.expression,
            anns_field=VECTOR,
            search_params={"metric_type": METRIC, "params": effort},
            timeout=ANSWERS_S,
        )
        if len(found) != len(queries) or any(((own < 0) | (own >= self.count)).any() for own in found):
            raise IndexUnavailable(
                f"collection {self.collection.name} must answer each query with rows below {self.count}; it named "
                "others. Run `lookalike doctor`, then `lookalike rebuild`."
            )
        return found

    def _scored_here(self, query: Floats, question: "_Question") -> Hits | None:
        """Returns the k best rows by scoring all that may be found; None: they are too many for that."""
        if self.count > _MOST_HERE:
            return None
        rows = question.kept(np.arange(self.count))
        return best_hits(rows, self.scores(query, rows), question.k)


@dataclass(frozen=True)
class _Question:
    """What one search asks Milvus for.

    Attributes:
        k: rows wanted.
        allowed: bool, the rows that may be found; None: all but the dead ones.
        dead: int64, ascending.
        expression: the filter for Milvus; "": none.
        added: int64: rows that may be found whatever Milvus says of them.
    """

    k: int
    allowed: Mask | None
    dead: Rows | None
    expression: str
    added: Rows

    @classmethod
    def of(cls, asked: Asked) -> "_Question":
        k, where, allowed = min(asked.k, MOST_ROWS - _TIE_MARGIN), asked.where, asked.allowed
        if where is None or allowed is None:
            return cls(k, None, asked.dead, "", np.zeros(0, np.int64))
        return cls(k, allowed, asked.dead, where.filter.milvus(), where.edited[allowed[where.edited]])

    def kept(self, rows: Rows) -> Rows:
        """Returns those of some rows that may be found, in their order."""
        return without(rows, self.dead) if self.allowed is None else rows[self.allowed[rows]]
