"""Lets what the voters see in a photo count: products with that label come a little higher."""

import numpy as np
from numpy.typing import NDArray

from data.columns import Columns
from engine.protocols import Floats
from engine.recognition import Recogniser

VOTED = 20  # products that it may reorder
# Chosen on photos whose look-alikes no training had seen: docs/retrieval.md.
_WEIGHT = 0.05
_LEAST = 0.03


def label_bonus(recogniser: Recogniser, features: Floats, columns: Columns, keys: NDArray[np.int64]) -> Floats:
    """Returns what is added to the likeness of products, float32 (n,): 0.05 times the log of their label's chance.

    A product without a label, or with one that the voters do not know, gets the mean of the others: nothing speaks for
    it, and nothing against it.

    Args:
        features: pool_3 features of the photo, float32 (dim,).
        columns: hold the fact that the voters' labels are of.
        keys: int64 (n,), the products' keys.
    """
    column = columns.values(recogniser.label_kind)
    bonus = np.zeros(len(keys), np.float32)
    if column is None:
        return bonus
    values, numbers = column.dictionary.values, recogniser.label_numbers
    labels = np.array([numbers.get(values[code], -1) if code >= 0 else -1 for code in column.codes_of(keys).tolist()])
    known = labels >= 0
    if known.any():
        chances = recogniser.chances(features[None])[0, labels[known]]
        bonus[known] = _WEIGHT * np.log(np.maximum(chances, _LEAST))
        bonus[~known] = bonus[known].mean()
    return bonus
