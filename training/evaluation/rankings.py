"""The rankings that the cold-start evaluation compares: by past behaviour, by the product space, and both blended."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.answers import RERANKED, fresh_order
from engine.known_queries import query_key
from engine.protocols import Floats
from training.behaviour import Behaviour

DEPTH = 200
_TEXT_MATCH, _POPULARITY = 1e-3, 1e-6  # only break ties between choices, since a click weighs at least 1
_PRIOR_LOOKS = 5.0
_RANKS = np.array([0, 5, 20, 50, 100, 200, 500])  # first rank of each group of the joint ranking
_MOST_LOOKS = 10.0  # a product's looks count up to here, so that one shown often does not dominate its group
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Products:
    """The products that exist at the time of the split.

    Attributes:
        product_ids: (n,).
        ages_days: float64 (n,), at the split; infinite where unknown.
        words: word -> int64, places of the products whose facts hold it.
    """

    product_ids: tuple[str, ...]
    ages_days: NDArray[np.float64]
    words: dict[str, Numbers]

    def text_match(self, query: str) -> NDArray[np.float64]:
        """Returns the share of the query's words that each product's facts hold, float64 (n,)."""
        found = np.zeros(len(self.product_ids))
        words = query_key(query).split()
        for word in words:
            found[self.words.get(word, np.zeros(0, np.int64))] += 1 / len(words)
        return found


class Known:
    """A span of behaviour, with products numbered as in `Products`."""

    def __init__(self, behaviour: Behaviour, products: Products) -> None:
        numbers = {product_id: number for number, product_id in enumerate(products.product_ids)}
        self._behaviour = behaviour
        self._place = np.array([numbers.get(name, -1) for name in behaviour.product_ids], np.int64)
        self._columns = {
            "weight": behaviour.weight, "looks": behaviour.looks, "clicks": behaviour.clicks,
            "attraction": behaviour.attraction(), "smooth": behaviour.smooth_attraction(),
        }  # fmt: skip
        self._count = len(products.product_ids)
        popularity = np.zeros(self._count)
        kept = self._place >= 0
        popularity[self._place[kept]] = behaviour.popularity()[kept]
        self.popularity = popularity / max(float(popularity.max(initial=0.0)), 1.0)

    def of(self, query: str, column: str) -> NDArray[np.float64]:
        """Returns a column of `Behaviour` for one query, float64 (n,), 0 for products without a row there.

        Args:
            column: weight, looks, clicks, attraction, or smooth (the smooth attraction).
        """
        rows = self._behaviour.rows_of(query)
        values = self._columns[column]
        place = self._place[self._behaviour.product[rows]]
        found = np.zeros(self._count)
        found[place[place >= 0]] = values[rows][place >= 0]
        return found


def by_behaviour(query: str, products: Products, past: Known) -> Numbers:
    """Returns places, best first, by past choices for the query, then by matching words, then by popularity."""
    score = past.of(query, "weight") + _TEXT_MATCH * products.text_match(query) + _POPULARITY * past.popularity
    return best(score)


def by_joint(scores: Floats, ages_days: NDArray[np.float64], freshness: float = 0.0) -> Numbers:
    """Returns places, best first, by similarity in the product space, reordered by freshness as in a search."""
    order = best(scores, RERANKED)
    return order[fresh_order(scores[order], ages_days[order], freshness)]


def best(scores: NDArray[np.floating], depth: int = DEPTH) -> Numbers:
    """Returns the places of the highest scores, best first, ties by place."""
    if len(scores) > depth:
        bound = np.partition(scores, len(scores) - depth)[len(scores) - depth]
        found = np.flatnonzero(scores >= bound)
    else:
        found = np.arange(len(scores))
    return np.asarray(found[np.lexsort((found, -scores[found]))][:depth], np.int64)


class Blend:
    """Ranks by a product's own click rate, blended with the click rate that its rank in the joint ranking promises.

    The promised rate counts as much as 5 looks (the mean of a Beta prior). It is learned from past behaviour: how often
    products at such ranks are clicked once looked at, relative to the mean of the same query.
    """

    def __init__(self, queries: Sequence[str], scores: Floats, past: Known) -> None:
        """Learns what ranks promise, from queries (q,) and their scores float32 (q, n)."""
        gained, expected = np.zeros(len(_RANKS)), np.zeros(len(_RANKS))
        for query, row in zip(queries, scores, strict=True):
            looks = np.minimum(past.of(query, "looks"), _MOST_LOOKS)
            attraction = past.of(query, "smooth")
            rate = float((looks * attraction).sum() / max(looks.sum(), 1e-9))
            group = _groups(row)
            gained += np.bincount(group, weights=looks * attraction, minlength=len(_RANKS))
            expected += np.bincount(group, weights=looks * rate, minlength=len(_RANKS))
        self.promise_ = (gained + 1) / (expected + 1)

    def ranking(self, query: str, scores: Floats, past: Known) -> Numbers:
        looks, clicks = past.of(query, "looks"), past.of(query, "clicks")
        rate = float(clicks.sum() / looks.sum()) if looks.any() else 1.0
        prior = rate * self.promise_[_groups(scores)]
        estimate = (clicks + _PRIOR_LOOKS * prior) / (looks + _PRIOR_LOOKS)
        return best(estimate + 1e-6 * scores)


def _groups(scores: Floats) -> Numbers:
    rank = np.full(len(scores), _RANKS[-1])
    top = best(scores, int(_RANKS[-1]))
    rank[top] = np.arange(len(top))
    return np.searchsorted(_RANKS, rank, side="right") - 1
