"""Finds the nearest vectors, exactly or in lists, here or in Milvus; size, settings and measurements decide which."""

from engine.index.choose import INDEX_FILES, Questions, build_catalogue_index, build_in_milvus, build_index, load_index
from engine.index.lists import Learned, Lists
from engine.index.milvus import (
    Milvus,
    MilvusCollection,
    MilvusIndex,
    Photos,
    agree,
    changes_of,
    collection_in,
    collection_of,
    drop_unused,
    make_ready,
    named_collection,
    server_of,
)
from engine.index.partitioned import PartitionedIndex
from engine.index.stored_rows import StoredRows
from engine.index.tuning import tune

__all__ = [
    "INDEX_FILES",
    "Learned",
    "Lists",
    "Milvus",
    "MilvusCollection",
    "MilvusIndex",
    "PartitionedIndex",
    "Photos",
    "Questions",
    "StoredRows",
    "agree",
    "build_catalogue_index",
    "build_in_milvus",
    "build_index",
    "changes_of",
    "collection_in",
    "collection_of",
    "drop_unused",
    "load_index",
    "make_ready",
    "named_collection",
    "server_of",
    "tune",
]
