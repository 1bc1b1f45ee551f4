"""Vector indexes behind one protocol: exact on the CPU or GPU, chosen by what the machine has."""

from engine.index.choose import build_index

__all__ = ["build_index"]
