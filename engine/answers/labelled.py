"""Lets what the voters see in a photo count: products with that label come a little higher."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.columns import Columns
from engine.answers.judging import ALMOST_THE_SAME
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


def voted_places(relevance: NDArray[Any], bonus: Floats) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Returns the places of products, int64 (m,), the first 20 reordered by likeness and label; and their relevance.

    Args:
        relevance: float (m,), the likeness of each product to the photo, from high to low. What looks almost the same
            gets no bonus, so it stays first whatever its label.
        bonus: float32 (min(m, 20),), of `label_bonus`.
    """
    head = np.where(relevance[:VOTED] < ALMOST_THE_SAME, relevance[:VOTED] + bonus, relevance[:VOTED])
    order = np.arange(len(relevance))
    order[:VOTED] = np.argsort(-head, kind="stable")
    return order, np.concatenate([head, relevance[VOTED:]])[order]
