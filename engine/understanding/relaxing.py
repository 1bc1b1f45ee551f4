"""Drops conditions that leave too little."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from data.columns import resized, within
from data.filters import Filter, all_of, parse_filter
from engine.protocols import Mask
from engine.understanding.reading import Reading

ProductKeys = NDArray[np.int64]
Matching = Callable[[Filter], Mask]
_LEAST_SHARE, _ENOUGH = 0.01, 3


def kept_readings(
    readings: Sequence[Reading], own: Filter | None, holding: ProductKeys, matching: Matching
) -> tuple[list[Reading], Mask | None]:
    """Returns the readings that are kept, and which products pass them and the request's own filter; None: all.

    The least certain reading is dropped first, and one that leaves too little by itself before others.

    Args:
        readings: those with a condition.
        own: the request's own filter, which is never dropped.
        holding: int64 (n,), keys of the products that hold the other words of the query.
        matching: returns which products pass a filter, bool by product_key.
    """
    conditions = [parse_filter(reading.condition) for reading in readings]
    everything = all_of([*([own] if own else []), *conditions])
    passing = matching(everything) if everything else None
    if passing is None or not _too_few(passing, holding):
        return list(readings), passing
    allowed = matching(own) if own else None
    holding = holding if allowed is None else holding[within(allowed, holding)]
    each = {
        reading: _both(matching(condition), allowed) for reading, condition in zip(readings, conditions, strict=True)
    }
    kept = list(readings)
    while kept:
        alone = [reading for reading in kept if _too_few(each[reading], holding)]
        kept.remove(min(alone or kept, key=_certainty))
        passing = allowed
        for reading in kept:
            passing = _both(each[reading], passing)
        if passing is None or not _too_few(passing, holding):
            break
    return kept, passing


def _both(passing: Mask, other: Mask | None) -> Mask:
    return passing if other is None else passing & resized(other, len(passing))


def _too_few(passing: Mask, holding: ProductKeys) -> bool:
    """Tells whether none, or far fewer of the products that hold the other words pass."""
    if not len(holding):
        return not passing.any()
    least = max(1.0, min(len(holding) * _LEAST_SHARE, _ENOUGH))
    return int(np.count_nonzero(within(passing, holding))) < least


def _certainty(reading: Reading) -> tuple[bool, bool, int]:
    """Orders readings by how surely they were meant: names least, prices and dates most."""
    return not reading.describes, not reading.condition.startswith("NOT"), -reading.start
