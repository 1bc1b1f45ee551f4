"""Drops conditions that the shop's own words speak against, and those that leave too little."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from data.columns import within
from data.filters import Filter, all_of
from data.vocabulary import TITLES, Wording
from engine.protocols import Mask
from engine.understanding.parsing import content_of, without
from engine.understanding.reading import Reading

ProductKeys = NDArray[np.int64]
Matching = Callable[[Filter], Mask]
Holding = Callable[[int], ProductKeys]
MOST_HOLDING = 20_000  # products; of words that more of them hold, so many are looked at
_LEAST_SHARE, _ENOUGH = 0.01, 3
_FIRST_LOOK = 500  # products, most often enough
_SAMPLED = 200  # products
_AGREEING_SHARE = 0.5


def agreeing_readings(readings: list[Reading], text: str, wording: Wording, matching: Matching) -> list[Reading]:
    """Returns the readings that let through most of the products whose titles hold their words as well.

    In "red onion" the colour is a part of the name, if the shop's red onions are purple.
    """
    if not any(reading.describes for reading in readings):
        return readings
    words = content_of(without(text, [reading for reading in readings if not reading.describes]))
    named = np.array(wording.holding(words, _SAMPLED, within=TITLES), np.int64)
    least = len(named) * _AGREEING_SHARE
    return [
        reading
        for reading in readings
        if not reading.describes or not len(named) or _shared(matching(reading.filter), named) >= least
    ]


def kept_readings(
    readings: Sequence[Reading], own: Filter | None, holding: Holding, matching: Matching
) -> tuple[list[Reading], Mask | None]:
    """Returns the readings that are kept, and which products pass them and the request's own filter; None: all.

    The least certain reading is dropped first, and one that leaves too little by itself before others.

    Args:
        readings: those with a condition.
        own: the request's own filter, which is never dropped.
        holding: returns keys of products that hold the other words of the query, at most as many as asked for.
        matching: returns which products pass a filter, bool by product_key.
    """

    def together(some: Sequence[Reading]) -> Mask | None:
        filter_ = all_of([*([own] if own else []), *(reading.filter for reading in some)])
        return matching(filter_) if filter_ else None

    kept, passing = list(readings), together(readings)
    if passing is None or _shared(passing, holders := holding(_FIRST_LOOK)) >= _ENOUGH:
        return kept, passing
    if len(holders) == _FIRST_LOOK:
        holders = holding(MOST_HOLDING)
    if (allowed := together([])) is not None:
        holders = holders[within(allowed, holders)]
    each = {reading: together([reading]) for reading in readings}
    while kept and _too_few(passing, holders):
        kept.remove(min([one for one in kept if _too_few(each[one], holders)] or kept, key=_certainty))
        passing = together(kept)
    return kept, passing


def _too_few(passing: Mask | None, holders: ProductKeys) -> bool:
    """Tells whether none, or far fewer of the products that hold the other words pass; None: all products pass."""
    if passing is None:
        return False
    if not len(holders):
        return not passing.any()
    return _shared(passing, holders) < max(1.0, min(len(holders) * _LEAST_SHARE, _ENOUGH))


def _shared(passing: Mask, keys: ProductKeys) -> int:
    return int(np.count_nonzero(within(passing, keys)))


def _certainty(reading: Reading) -> tuple[bool, bool, int]:
    """Orders readings by how surely they were meant: names least, prices and dates most."""
    return not reading.describes, not reading.condition.startswith("NOT"), -reading.start
