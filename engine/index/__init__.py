"""Finds the nearest vectors, exactly or in lists, here or in Milvus; size, settings and measurements decide which."""

from engine.index.choose import INDEX_FILES, Questions, build_catalogue_index, build_in_milvus, build_index, load_index
from engine.index.lists import Learned, Lists
from engine.index.milvus import (
    Milvus,
    MilvusIndex,
    Photos,
    agree,
    collection_in,
    collection_of,
    count,
    drop_unused,
    load_state,
    make_ready,
    matching,
    named_collection,
    server_of,
    stored_vectors,
    version,
)
from engine.index.partitioned import PartitionedIndex
from engine.index.stored_rows import StoredRows
from engine.index.tuning import tune

__all__ = [
    "INDEX_FILES",
    "Learned",
    "Lists",
    "Milvus",
    "MilvusIndex",
    "PartitionedIndex",
    "Photos",
    "Questions",
    "StoredRows",
    "agree",
    "build_catalogue_index",
    "build_in_milvus",
    "build_index",
    "collection_in",
    "collection_of",
    "count",
    "drop_unused",
    "load_index",
    "load_state",
    "make_ready",
    "matching",
    "named_collection",
    "server_of",
    "stored_vectors",
    "tune",
    "version",
]
