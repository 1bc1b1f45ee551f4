"""The lists of a partitioned index: which rows lie near which centre, and each of their numbers in 8 bits, and 8 more.

FAISS looks through the first 8 bits; with the others the rows are scored (`stored_rows.py`). Their file is of plain
arrays, which are checked before FAISS sees them; FAISS's own format is not parsed.
"""

import json
import math
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.storage import parse_json
from engine.arrays import check_finite, map_bytes, read_safetensors
from engine.errors import InvalidModel
from engine.index.checks import Rows
from engine.protocols import Floats

LISTS_FILE = "index_lists.safetensors"
VERSION = 2
RESTS = 256  # parts that a step of a code is cut into
_ROUNDS = 10  # of k-means
_ROWS_A_CENTRE = 64  # that k-means learns from
_ROWS_AT_ONCE = 65_536
_LEAST_GROWTH, _MOST_GROWTH = 0.5, 1.3  # of a catalogue, between which what was learned is used again
_ARRAYS = {"centres": "f4", "ranges": "f4", "sizes": "i8", "rows": "i4"}
_WITHOUT_RESTS = 1  # the version of indexes whose rows are in a file of their own


@dataclass(frozen=True)
class Learned:
    """What is learned from rows before they are sorted into lists; the lists of later rows may use it again.

    Attributes:
        centres: float32 (lists, dim).
        ranges: float32 (2 dim,), the least value of each dimension, then how far the largest is from it.
        count: how many rows there were when it was learned.
    """

    centres: Floats
    ranges: Floats
    count: int

    @classmethod
    def of(cls, vectors: Floats) -> "Learned":
        """Learns from a sample of the rows, float32 (n, dim)."""
        import faiss

        lists = 2 ** round(math.log2(2 * math.sqrt(len(vectors))))
        sample = np.random.default_rng(0).choice(len(vectors), min(len(vectors), _ROWS_A_CENTRE * lists), replace=False)
        rows = vectors[np.sort(sample)]
        kmeans = faiss.Kmeans(
            rows.shape[1],
            lists,
            niter=_ROUNDS,
            spherical=True,
            seed=1,
            min_points_per_centroid=1,
            max_points_per_centroid=_ROWS_A_CENTRE,
        )
        kmeans.train(rows)
        least = rows.min(axis=0)
        ranges = np.concatenate([least, rows.max(axis=0) - least])
        return cls(np.ascontiguousarray(kmeans.centroids, np.float32), ranges, len(vectors))

    def fits(self, vectors: Floats) -> bool:
        """Tells whether rows, float32 (n, dim), of the same space are still like those that it was learned from."""
        grown = len(vectors) / self.count
        return self.centres.shape[1] == vectors.shape[1] and _LEAST_GROWTH <= grown <= _MOST_GROWTH

    def around(self, vectors: Floats) -> "Learned":
        """Returns the same with ranges that hold all rows, float32 (n, dim); ranges that do so stay as they are."""
        least, width = np.split(self.ranges, 2)
        lowest, highest = np.minimum(least, vectors.min(axis=0)), np.maximum(least + width, vectors.max(axis=0))
        outside = (lowest < least) | (highest > least + width * (256 / 255))  # the rest of the last code reaches so far
        ranges = np.where(np.tile(outside, 2), np.concatenate([lowest, highest - lowest]), self.ranges)
        return replace(self, ranges=ranges)


@dataclass(frozen=True)
class Lists:
    """Rows in lists, one list for each centre.

    Attributes:
        learned: the centres, and the ranges of the codes.
        sizes: int64 (lists,), rows in each list.
        rows: int32 (n,), the row numbers, list after list.
        codes: uint8 (n, dim), the rows in the same order, each number as one of 256 steps of its dimension's range.
        rests: uint8 (n, dim), where in its step each number lies, in 256 parts; (0, dim) in an older index.
    """

    learned: Learned
    sizes: NDArray[np.int64]
    rows: NDArray[np.int32]
    codes: NDArray[np.uint8]
    rests: NDArray[np.uint8]

    @classmethod
    def of(cls, vectors: Floats, learned: Learned) -> "Lists":
        """Sorts the rows of `vectors`, float32 (n, dim), into the lists of the nearest centres."""
        nearest = _nearest(vectors, learned.centres)
        order = np.argsort(nearest, kind="stable")
        learned = learned.around(vectors)
        quantiser = _quantiser(learned.ranges)
        codes, rests = np.empty(vectors.shape, np.uint8), np.empty(vectors.shape, np.uint8)
        for start in range(0, len(order), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            rows = vectors[order[part]]
            codes[part] = quantiser.compute_codes(rows)
            rests[part] = _rests(rows, codes[part], learned.ranges)
        sizes = np.bincount(nearest, minlength=len(learned.centres)).astype(np.int64)
        return cls(learned, sizes, order.astype(np.int32), codes, rests)

    def in_memory(self) -> "Lists":
        """Returns the same with codes and rests in memory of their own instead of pages of a file.

        A search reads rows from all over them. numpy asks the system for large pages, which files have not: on a
        virtual machine, finding the small ones took most of the time of a search (docs/performance.md).
        """
        return replace(self, codes=np.array(self.codes), rests=np.array(self.rests))

    def native(self) -> Any:
        """Returns a FAISS index of these lists. It reads their codes where they are, so they must be kept for it."""
        import faiss

        count, dim = self.codes.shape
        centres = faiss.IndexFlatIP(dim)
        centres.add(self.learned.centres)
        index: Any = faiss.IndexIVFScalarQuantizer(
            centres,
            dim,
            len(self.learned.centres),
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
            False,  # codes of the rows, not of their distances from the centre
        )
        index.sq = _quantiser(self.learned.ranges)
        lists = self._native_lists()
        index.replace_invlists(lists, True)
        lists.this.disown()
        index.ntotal, index.is_trained = count, True
        return index

    def _native_lists(self) -> Any:
        import faiss

        swig: Any = faiss
        lists = swig.ArrayInvertedLists(len(self.sizes), 0)  # codes of no length: only row numbers are copied
        rows, dim = self.rows.astype(np.int64), self.codes.shape[1]
        nothing, views = swig.MaybeOwnedVectorUInt8(), swig.MaybeOwnedVectorUInt8Vector()
        ends = np.cumsum(self.sizes).tolist()
        for place, (start, end) in enumerate(pairwise([0, *ends])):
            codes = swig.swig_ptr(self.codes[start:end])
            if end > start:
                lists.add_entries(place, end - start, swig.swig_ptr(rows[start:end]), codes)
            views.push_back(swig.MaybeOwnedVectorUInt8.create_view(codes, (end - start) * dim, nothing.owner))
        lists.codes, lists.code_size = views, dim
        return lists

    def save(self, folder: Path, facts: dict[str, Any]) -> None:
        """Writes `index_lists.safetensors` into `folder`.

        Args:
            facts: plain JSON values that are kept with them.
        """
        from safetensors.numpy import save_file

        arrays: dict[str, NDArray[Any]] = {
            "centres": self.learned.centres, "ranges": self.learned.ranges,
            "sizes": self.sizes, "rows": self.rows, "codes": self.codes, "rests": self.rests,
        }  # fmt: skip
        told = {"version": VERSION, "learned_from": self.learned.count, **facts}
        save_file(arrays, folder / LISTS_FILE, metadata={"index": json.dumps(told)})

    @classmethod
    def load(cls, path: Path) -> tuple["Lists", dict[str, Any]]:
        """Returns the lists of a file, and the facts that were kept with them. Codes and rests are memory-mapped.

        Raises:
            InvalidModel: it is not exactly what `save` writes, or of a newer version.
        """
        arrays, metadata = read_safetensors(path, _ARRAYS)
        facts = _facts(path, metadata.get("index", ""))
        if any(arrays[name].dtype != np.dtype(kind) for name, kind in _ARRAYS.items()):
            raise InvalidModel(f"{path.name} must hold arrays of the kinds that are written; it does not. Rebuild.")
        check_finite(path, arrays)
        learned = Learned(arrays.pop("centres"), arrays.pop("ranges"), _learned_from(path, facts))
        codes = map_bytes(path, "codes")
        rests = map_bytes(path, "rests") if facts.pop("version") == VERSION else codes[:0]
        lists = cls(learned, **arrays, codes=codes, rests=rests)
        if problem := lists._problem():
            raise InvalidModel(f"{path.name} must hold every row once, in lists; {problem}. Rebuild.")
        return lists, facts

    def _problem(self) -> str:
        centres, ranges = self.learned.centres, self.learned.ranges
        shapes = [array.ndim for array in (centres, ranges, self.sizes, self.rows, self.codes)]
        if shapes != [2, 1, 1, 1, 2]:
            return f"its arrays have {shapes} sides"
        (count, dim), lists = self.codes.shape, len(centres)
        wanted = [(lists, dim), (2 * dim,), (lists,), (count,)]
        if not dim or not lists or [centres.shape, ranges.shape, self.sizes.shape, self.rows.shape] != wanted:
            return "its arrays do not fit each other"
        if self.rests.shape not in (self.codes.shape, (0, dim)):
            return "it has not a rest for each code"
        if self.sizes.min() < 0 or self.sizes.max() > count or int(self.sizes.sum()) != count:
            return f"its lists do not hold {count} rows"
        if count and (self.rows.min() < 0 or self.rows.max() >= count):
            return "a row number is out of range"
        return "" if (np.bincount(self.rows, minlength=count) == 1).all() else "a row is there twice"


def _facts(path: Path, text: str) -> dict[str, Any]:
    try:
        facts = parse_json(text)
        version = facts["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidModel(f"{path.name} must say how it is searched; it does not. Rebuild.") from error
    if version not in (_WITHOUT_RESTS, VERSION):
        raise InvalidModel(f"{path.name} must have version {VERSION} at most; got {version!r:.40}. Rebuild.")
    found: dict[str, Any] = facts
    return found


def _learned_from(path: Path, facts: dict[str, Any]) -> int:
    count = facts.get("learned_from")
    if type(count) is not int or count < 1:
        raise InvalidModel(f"{path.name} must say of how many rows it was learned; got {count!r:.40}. Rebuild.")
    return count


def _nearest(vectors: Floats, centres: Floats) -> Rows:
    """Returns the centre with the highest inner product with each row, int64 (n,)."""
    import faiss

    index = faiss.IndexFlatIP(centres.shape[1])
    index.add(centres)
    found = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        found[part] = index.search(vectors[part], 1)[1][:, 0]
    return found


def _quantiser(ranges: Floats) -> Any:
    import faiss

    quantiser = faiss.ScalarQuantizer(len(ranges) // 2, faiss.ScalarQuantizer.QT_8bit)
    faiss.copy_array_to_vector(np.ascontiguousarray(ranges), quantiser.trained)
    return quantiser


def _rests(rows: Floats, codes: NDArray[np.uint8], ranges: Floats) -> NDArray[np.uint8]:
    """Returns where in the step of its code each number lies, in 256 parts, uint8 (n, dim)."""
    least, width = np.split(ranges, 2)
    steps = np.divide(255, width, out=np.zeros_like(width), where=width > 0)
    rests: NDArray[np.uint8] = np.clip(((rows - least) * steps - codes) * RESTS, 0, RESTS - 1).astype(np.uint8)
    return rests
