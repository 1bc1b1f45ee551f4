"""Hashes the runs of letters in texts into rows of a fixed width.

Each run adds 1 or -1 in one place of its row, both given by its hash (Weinberger et al., "Feature Hashing for Large
Scale Multitask Learning", 2009). The sign lets runs that share a place cancel out rather than add up.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from engine.protocols import Floats


def hashed_runs(texts: Sequence[str], sizes: Sequence[int], width: int) -> Floats:
    """Returns the hashed runs of each text, float32 (n, width), L2 norm 1.

    Args:
        sizes: lengths of the runs, in letters; a text shorter than a run counts as one run.
    """
    rows = np.zeros((len(texts), width), np.float32)
    for row, text in zip(rows, texts, strict=True):
        runs = (text[at : at + size] for size in sizes for at in range(max(1, len(text) - size + 1)))
        hashes = np.array([zlib.crc32(run.encode("utf-8", "surrogatepass")) for run in runs], np.uint32)
        # the lowest bit gives the sign, the others the place
        np.add.at(row, (hashes >> 1) % width, np.where(hashes & 1, 1.0, -1.0))
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    blank = norms[:, 0] == 0  # all runs cancelled out
    rows[blank, 0], norms[blank] = 1.0, 1.0
    return np.asarray(rows / norms, np.float32)
