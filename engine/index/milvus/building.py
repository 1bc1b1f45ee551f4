"""Builds an index in Milvus: fills the collection, tunes it to the wanted recall, and warms it."""

from pathlib import Path
from typing import Any

import numpy as np

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


def build(name: str, vectors: Floats, photos: Photos, settings: Settings) -> MilvusIndex:
    """Makes the collection `name` of rows, float32 (n, dim), and returns the index that searches it.

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
        index.measured = _tune(index, vectors, settings.index_recall)
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


def _tune(index: MilvusIndex, vectors: Floats, wanted: float) -> dict[str, Any]:
    """Sets the quickest effort that finds the wanted share of the ten best rows of a sample; the last one otherwise."""
    import faiss

    queries = np.ascontiguousarray(vectors[np.random.default_rng(5).choice(len(vectors), min(_SAMPLE, len(vectors)))])
    best, curve = faiss.knn(queries, vectors, _K, metric=faiss.METRIC_INNER_PRODUCT)[1], {}
    for effort in index.efforts:
        index.effort = effort
        found = index.search(queries, _K)
        right = sum(len(np.intersect1d(hits.rows, own)) for hits, own in zip(found, best, strict=True))
        curve[str(effort)] = recall = round(right / best.size, 4)
        if recall >= wanted:
            break
    return {"recall_at_10": recall, "effort": index.effort, "curve": curve}


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
