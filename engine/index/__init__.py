"""Finds the nearest vectors, exactly, on the CPU or a GPU; the settings and the machine decide which."""

from engine.index.choose import build_index, load_index
from engine.index.flat import INDEX_FILE

__all__ = ["INDEX_FILE", "build_index", "load_index"]
