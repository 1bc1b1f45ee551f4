"""Estimates position bias: how likely each place on a page is looked at, from what was shown and clicked there."""

import numpy as np
from numpy.typing import NDArray

# Each of the places 0 to 19 has a slot of its own; lower places share slots.
_EDGES = np.array([*range(20), 20, 30, 50, 100])
SLOTS = len(_EDGES) + 1
UNKNOWN = SLOTS - 1  # the slot of actions whose place was not logged
_PRIOR_CLICKS = 50.0
_TURNS = 30
_FLOOR = 0.05  # so that one click far down does not outweigh all others

Numbers = NDArray[np.int64]


def slots_of(positions: NDArray[np.integer]) -> Numbers:
    """Returns the slot of each position, int64 (n,); positions count from 0, negative ones are UNKNOWN."""
    found = np.searchsorted(_EDGES, positions, side="right") - 1
    return np.where(np.asarray(positions) < 0, UNKNOWN, found).astype(np.int64)


def assumed_propensity() -> NDArray[np.float64]:
    """Returns 1 / log2(position + 2) by slot, the discount of nDCG (Jarvelin and Kekalainen, 2002); unknown: 1."""
    return np.append(1 / np.log2(_EDGES + 2), 1.0)


def estimate_propensity(pairs: Numbers, slots: Numbers, shown: Numbers, clicks: Numbers) -> NDArray[np.float64]:
    """Returns how likely each slot is looked at, relative to the first.

    In the position-based model, the chance of a click is the chance that the place is looked at, times the chance that
    the product is clicked once looked at. So a product shown at several places tells how the places differ. Both kinds
    of chances are estimated in turns, by maximum likelihood with clicks as Poisson counts. A prior worth 50 clicks
    draws each place towards the assumed curve. (Comparing only neighbouring places would mislead: a product often
    climbs because it was lucky at its former place.)

    Args:
        pairs: int64 (m,), a number for each row's pair of query and product.
        slots, shown, clicks: int64 (m,); each combination of pair and slot occurs once.

    Returns:
        float64 (SLOTS,), the first is 1, none below 0.05, none above the one before; the unknown slot: 1.
    """
    assumed = assumed_propensity()
    known = (slots < UNKNOWN) & (shown > 0)
    _, pair = np.unique(pairs[known], return_inverse=True)
    slot, seen, clicked = slots[known], shown[known].astype(np.float64), clicks[known].astype(np.float64)
    clicks_of_pair = np.bincount(pair, weights=clicked)
    clicks_at = np.bincount(slot, weights=clicked, minlength=SLOTS) + _PRIOR_CLICKS
    propensity = assumed.copy()
    for _ in range(_TURNS):
        looks = np.bincount(pair, weights=seen * propensity[slot])
        attraction = clicks_of_pair / np.maximum(looks, 1e-12)
        expected = np.bincount(slot, weights=seen * attraction[pair], minlength=SLOTS) + _PRIOR_CLICKS / assumed
        propensity = clicks_at / expected
        propensity /= propensity[0]
    propensity[UNKNOWN] = 1.0
    return np.append(np.maximum(np.minimum.accumulate(propensity[:UNKNOWN]), _FLOOR), 1.0)
