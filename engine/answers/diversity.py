"""Diversity of an answer: near-duplicates stand back, and what follows is chosen for being unlike what stands before.

Compared at equal nDCG with a determinantal point process, maximal marginal relevance left less similarity within the
first ten on narrow queries and more on broad ones (benchmarks/diversity.py, docs/retrieval.md); it is the simpler one.
"""

import numpy as np

from engine.protocols import Floats
from engine.space import Order


def mmr_order(relevance: Floats, likeness: Floats, diversity: float) -> Order:
    """Orders products by maximal marginal relevance: Carbonell and Goldstein, "The use of MMR", SIGIR 1998.

    Args:
        relevance: float32 (m,), in cosine.
        likeness: float32 (m, m).
        diversity: 0 (by relevance alone) to 1 (only unlikeness counts).
    """
    count = len(relevance)
    nearest = np.zeros(count, np.float32)
    left = np.ones(count, np.bool_)
    order = np.empty(count, np.int64)
    for place in range(count):
        gain = np.where(left, (1 - diversity) * relevance - diversity * nearest, -np.inf)
        order[place] = chosen = int(gain.argmax())
        left[chosen] = False
        nearest = np.maximum(nearest, likeness[chosen])
    return order
