"""Moves a question towards the products that a shopper liked, and away from those that were not what was meant."""

from engine.protocols import Floats
from engine.space import normalise

# Rocchio's weights, chosen with benchmarks/likes.py; docs/retrieval.md has the figures.
_LIKED, _UNLIKED = 1.5, 1.0


def moved(point: Floats, liked: Floats, unliked: Floats) -> Floats:
    """Returns the point moved by the mean of what was liked and by that of what was not, L2 norm 1.

    Rocchio, "Relevance feedback in information retrieval", in Salton, "The SMART retrieval system", 1971.

    Args:
        point: float32 (d,), L2 norm 1; zeros if nothing but the liked products is asked for.
        liked, unliked: float32 (n, d) and (m, d), the products' points; there may be none.
    """
    if len(liked):
        point = point + _LIKED * liked.mean(axis=0)
    if len(unliked):
        point = point - _UNLIKED * unliked.mean(axis=0)
    return normalise(point)
