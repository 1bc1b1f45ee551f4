"""Finds the nearest vectors, exactly or in lists, on the CPU or a GPU; size, settings and measurements decide which."""

from engine.index.choose import INDEX_FILES, Questions, build_catalogue_index, build_index, load_index

__all__ = ["INDEX_FILES", "Questions", "build_catalogue_index", "build_index", "load_index"]
