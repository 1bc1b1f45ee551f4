"""Vector indexes behind one protocol: exact on the CPU or GPU, chosen by the settings and what the machine has."""

from engine.index.choose import build_index, load_index
from engine.index.flat import INDEX_FILE

__all__ = ["INDEX_FILE", "build_index", "load_index"]
