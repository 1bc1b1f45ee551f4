"""Diversity: orders products so that each is relevant but unlike those before it (maximal marginal relevance).

A determinantal point process is the alternative that was measured (benchmarks/diversity.py, docs/retrieval.md). At
equal nDCG it left more similarity within the first ten on narrow queries and less on broad ones; it is more complex.
"""

import numpy as np

from engine.protocols import Floats
from engine.space import Order


def mmr_order(relevance: Floats, likeness: Floats, diversity: float) -> Order:
    """Returns the places of the products, int64 (m,), by maximal marginal relevance, best first.

    Carbonell and Goldstein, "The use of MMR", SIGIR 1998.

    Args:
        relevance: float32 (m,), in cosine.
        likeness: float32 (m, m), cosines between the products.
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
