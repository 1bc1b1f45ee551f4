"""Joins the two legs of a word search: products that look like the words, and products that have their letters."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.lexical import LexicalAnswer, LexicalHit
from engine.answers.ranking import Ranked
from engine.live import LiveView
from engine.protocols import Floats, Mask

# Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009) with their constant.
_RANK_CONSTANT = 60
LETTERS_WEIGHT = 1.0


@dataclass(frozen=True)
class Letters:
    """The products that a query's letters find and the filter lets through.

    Attributes:
        first: those whose code or title was typed, in the order of the answer.
        ranked: all of them, best first, with their best photo; row `NO_ROW` and score 0 where none is searchable.
    """

    first: tuple[LexicalHit, ...]
    ranked: Ranked

    @property
    def evidence(self) -> Mapping[int, LexicalHit]:
        """Product key -> what was typed of it."""
        return {hit.product_key: hit for hit in self.first}


def letters_found(
    view: LiveView, answer: LexicalAnswer, point: Floats, allowed: Mask, passing: NDArray[np.int64] | None
) -> Letters:
    """Returns the products of a lexical answer that may be found, each with its best photo.

    Args:
        point: float32 (d,), the words in the product space; zeros if the generation has none.
        allowed: bool (rows,), the rows that may be found. A product with rows must have one of these.
        passing: sorted keys of the products that pass the filter, which decides for products without rows; None: all.
    """
    keys = np.array(list(dict.fromkeys([*(hit.product_key for hit in answer.first), *answer.ranked])), np.int64)
    best = view.best_rows(keys, point, allowed)
    may = best.rows >= 0
    unseen = ~np.isin(keys, view.product_keys[view.mask(None)])
    may |= unseen if passing is None else unseen & np.isin(keys, passing)
    ranked = Ranked(keys, best.rows, best.scores).take(np.flatnonzero(may))
    kept = set(ranked.product_keys.tolist())
    return Letters(tuple(hit for hit in answer.first if hit.product_key in kept), ranked)


def fuse(dense: Ranked, letters: Letters, depth: int, weight: float = LETTERS_WEIGHT) -> Ranked:
    """Returns the products of both rankings: first those whose code or title was typed, then by reciprocal rank.

    Args:
        weight: how much the letters' ranking counts beside the dense one.
    """
    places: dict[int, float] = {}
    for ranking, share in ((dense, 1.0), (letters.ranked, weight)):
        for place, key in enumerate(ranking.product_keys.tolist(), 1):
            places[key] = places.get(key, 0.0) + share / (_RANK_CONSTANT + place)
    for place, hit in enumerate(letters.first):
        places[hit.product_key] = float(len(letters.first) - place)  # above every sum of shares
    joined = dense.then(letters.ranked)
    joined = joined.take(np.sort(np.unique(joined.product_keys, return_index=True)[1]))
    fused = np.array([places[key] for key in joined.product_keys.tolist()])
    return joined.take(np.argsort(-fused, kind="stable")[:depth])
