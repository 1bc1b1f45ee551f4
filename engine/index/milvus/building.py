"""Builds an index in Milvus: fills the collection, tunes it to the wanted recall, and warms it."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.settings import Settings
from engine.errors import IndexUnavailable, InvalidModel
from engine.index.checks import checked_rows
from engine.index.milvus.collection import MilvusCollection, Photos, kind_for
from engine.index.milvus.files import INDEX_FILE
from engine.index.milvus.index import MilvusIndex
from engine.index.milvus.server import TELLS_S, server_of
from engine.protocols import Floats

_SAMPLE, _K = 200, 10
_WARMING = 10
_MOST_TRIED = 100


def build(
    name: str, vectors: Floats, photos: Photos, settings: Settings, questions: Callable[[], Mapping[str, Floats]] = dict
) -> MilvusIndex:
    """Makes the collection `name` of rows, float32 (n, dim), and returns the index that searches it.

    Args:
        questions: returns kind -> float32 (q, dim), queries besides the rows that an index that is not exact is tuned
            to.

    Raises:
        InvalidQuery: the vectors have a wrong shape or dtype, or hold NaN or infinity.
        InvalidModel, IndexUnavailable: see `MilvusCollection.fill`.
    """
    vectors, kind = checked_rows(vectors), kind_for(len(vectors))
    collection = MilvusCollection(server_of(settings), name)
    collection.fill(vectors, photos, kind)
    index = MilvusIndex(collection, kind, kind.efforts[-1], vectors)
    _warm(index)
    if kind.effort:
        index.measured = _tune(index, vectors, settings.index_recall, questions())
    return index


def _warm(index: MilvusIndex) -> None:
    """Waits for ten good searches one after another: a collection that was just loaded may still fail some."""
    good = tried = 0
    queries = np.zeros((1, index.dim), np.float32)
    while index.count and good < _WARMING:
        tried += 1
        try:
            index.collection.search(queries, 1, consistency_level="Strong", timeout=TELLS_S)
            good += 1
        except IndexUnavailable:
            good = 0
            if tried >= _MOST_TRIED:
                raise


def _tune(index: MilvusIndex, vectors: Floats, wanted: float, questions: Mapping[str, Floats]) -> dict[str, Any]:
    """Sets the quickest effort that finds the wanted share of the ten best rows for each kind of query; else the last.

    Returns:
        What was measured, plain JSON values; the curve has the recall of the worst kind.
    """
    import faiss

    rows = np.random.default_rng(5).choice(len(vectors), min(_SAMPLE, len(vectors)))
    asked = [np.ascontiguousarray(vectors[rows]), *(points[:_SAMPLE] for points in questions.values() if len(points))]
    best = [faiss.knn(points, vectors, _K, metric=faiss.METRIC_INNER_PRODUCT)[1] for points in asked]
    curve = {}
    for effort in index.efforts:
        index.effort = effort
        curve[str(effort)] = recall = min(map(partial(_recall, index), asked, best))
        if recall >= wanted:
            break
    return {"recall_at_10": recall, "effort": index.effort, "curve": curve}


def _recall(index: MilvusIndex, points: Floats, best: NDArray[np.int64]) -> float:
    found = index.search(points, _K)
    right = sum(len(np.intersect1d(hits.rows, own)) for hits, own in zip(found, best, strict=True))
    return round(right / best.size, 4)


def make_ready(settings: Settings, folder: Path) -> None:
    """Loads the collection of a generation's folder and checks that it is whole; does nothing if there is none.

    Raises:
        InvalidModel: the collection has other rows than the folder.
        IndexUnavailable: Milvus does not answer, or has lost the collection.
    """
    if not (folder / INDEX_FILE).exists():
        return
    index = MilvusIndex.load(folder, server_of(settings))
    index.collection.load()
    if (there := index.collection.count()) != index.count:
        raise InvalidModel(
            f"collection {index.collection.name} must have {index.count} rows; Milvus has {there}. "
            "Run `lookalike rebuild`."
        )
