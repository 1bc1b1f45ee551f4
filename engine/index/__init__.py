"""Finds the nearest vectors, exactly or in lists, on the CPU or a GPU; size, settings and measurements decide which."""

from engine.index.choose import INDEX_FILES, Questions, build_catalogue_index, build_index, load_index
from engine.index.lists import Learned, Lists
from engine.index.partitioned import PartitionedIndex
from engine.index.stored_rows import StoredRows
from engine.index.tuning import tune

__all__ = [
    "INDEX_FILES",
    "Learned",
    "Lists",
    "PartitionedIndex",
    "Questions",
    "StoredRows",
    "build_catalogue_index",
    "build_index",
    "load_index",
    "tune",
]
