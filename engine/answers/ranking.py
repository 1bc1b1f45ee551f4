"""Ranks products by their best photo, takes turns between senses, and reorders by freshness and diversity."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.answers.diversity import mmr_order
from engine.known_queries import Rivals
from engine.live import Allowed, LiveView
from engine.protocols import Aim, Floats
from engine.space import DEFAULT_BOUND, duplicates
from engine.understanding import DATED_AHEAD_DAYS

_ROWS_AHEAD = 1.25  # rows fetched for each that is wanted, for some products have more photos than others
RERANKED = 200  # products that rivals, freshness and diversity may reorder
# The highest of 0, 0.1, 0.2, ... that cost at most 2 % of click nDCG@20 with and without learned queries; see
# docs/cold-start.md. Only for words alone: a photo asks for products that look like it, new or not.
DEFAULT_FRESHNESS = 0.2
_FRESHNESS_REACH = 0.2  # bonus of a product created today at freshness 1
_FRESHNESS_HALF_LIFE_DAYS = 30.0


@dataclass(frozen=True)
class Ranked:
    """Products, best first.

    Attributes:
        product_keys: int64 (m,).
        rows: int64 (m,), the best row of each product in the view that was searched.
        scores: float32 (m,), similarity of that row.
    """

    product_keys: NDArray[np.int64]
    rows: NDArray[np.int64]
    scores: Floats

    def take(self, order: NDArray[np.int64]) -> "Ranked":
        return Ranked(self.product_keys[order], self.rows[order], self.scores[order])

    def then(self, other: "Ranked") -> "Ranked":
        """Returns these products followed by the other ones."""
        return Ranked(
            np.concatenate([self.product_keys, other.product_keys]),
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.scores, other.scores]),
        )


def rank_products(view: LiveView, query: Floats, depth: int, allowed: Allowed, kind: str = "", sure: int = 0) -> Ranked:
    """Returns the exact `depth` best products, each by its best row, ordered by (-score, product_key).

    Args:
        query: float32 (d,).
        allowed: the rows that may be found.
        kind: of the query, see `Aim`.
        sure: so many of them an index in lists must find as surely as it was tuned to; 0: all.
    """
    limit = allowed.count
    aim = Aim(kind, round((sure or depth) * view.rows_per_product))
    fetch = min(limit, int(_ROWS_AHEAD * depth * view.rows_per_product) + 32)
    while True:
        hits = view.search(query, max(fetch, 1), allowed, aim)
        keys = view.products_of(hits.rows)
        first = np.sort(np.unique(keys, return_index=True)[1])
        # Rows beyond the last one may still tie with the last product, so they must score below it.
        settled = len(first) >= depth and hits.scores[-1] < hits.scores[first[depth - 1]]
        if settled or fetch >= limit or len(hits.rows) < fetch:  # an index in Milvus may not reach further
            break
        fetch = min(limit, fetch * 4)
    found = Ranked(keys[first], hits.rows[first], hits.scores[first])
    return found.take(np.lexsort((found.product_keys, -found.scores))[:depth])


def outdo_rivals(words: str, ranked: Ranked, view: LiveView, rivals: Rivals) -> Ranked:
    """Returns the ranking with its first 200 products reordered by how much better they fit than the categories do."""
    head = min(len(ranked.product_keys), RERANKED)
    lead = rivals.lead(words, ranked.scores[:head], view.vectors(ranked.rows[:head]))
    return ranked.take(np.concatenate([np.argsort(-lead, kind="stable"), np.arange(head, len(ranked.product_keys))]))


def interleave(rankings: Sequence[Ranked], depth: int) -> Ranked:
    """Returns the first `depth` products, taken from the rankings in turn; a product is taken only once.

    A product keeps the score of the ranking that it was taken from.
    """
    longest = max(len(ranked.product_keys) for ranked in rankings)
    places = [(place, at) for place in range(longest) for at in range(len(rankings))]
    taken: dict[int, tuple[int, float]] = {}
    for place, at in places:
        ranked = rankings[at]
        if place < len(ranked.product_keys) and len(taken) < depth:
            found = (int(ranked.rows[place]), float(ranked.scores[place]))
            taken.setdefault(int(ranked.product_keys[place]), found)
    rows, scores = zip(*taken.values(), strict=True) if taken else ((), ())
    return Ranked(np.array(list(taken), np.int64), np.array(rows, np.int64), np.array(scores, np.float32))


def fresh_places(
    relevance: NDArray[Any], created: NDArray[np.datetime64], now: datetime, freshness: float
) -> NDArray[np.int64]:
    """Returns the places of products, int64 (m,), the first 200 reordered by a bonus that halves every 30 days.

    Args:
        relevance: float (m,), best first.
        created: datetime64[us] (min(m, 200),), when each of these was created, in UTC; NaT if unknown. A date that is
            still to come gains nothing.
        freshness: 0 (no bonus) to 1 (a product of today gains 0.2).
    """
    head = min(len(relevance), RERANKED)
    ages = (np.datetime64(now.astimezone(UTC).replace(tzinfo=None)) - created) / np.timedelta64(1, "D")
    ages = np.where(ages >= -DATED_AHEAD_DAYS, np.maximum(ages, 0.0), np.inf)  # NaN is no age
    return np.concatenate([fresh_order(relevance[:head], ages, freshness), np.arange(head, len(relevance))])


def fresh_order(relevance: NDArray[Any], ages_days: NDArray[np.float64], freshness: float) -> NDArray[np.int64]:
    """Returns the places of products, best first, after each gains a bonus that halves every 30 days.

    Args:
        relevance: float (m,), best first: cosines, or scores from 0 to 1.
        ages_days: float64 (m,), counted in whole days, so that products of one import keep their order; infinite where
            unknown.
        freshness: 0 (no bonus) to 1 (a product of today gains 0.2).
    """
    bonus = freshness * _FRESHNESS_REACH * np.exp2(-np.floor(ages_days) / _FRESHNESS_HALF_LIFE_DAYS)
    return np.argsort(-(relevance + bonus), kind="stable")


def diverse_places(
    scores: Floats, vectors: Floats, diversity: float, photos: Sequence[str] = (), bound: float = DEFAULT_BOUND
) -> NDArray[np.int64]:
    """Returns the places of products, int64 (m,), the first 200 reordered so that they differ more.

    Near-duplicates are demoted, and the rest ordered by maximal marginal relevance. Relevance is taken from the place,
    so the order that freshness gave is kept among products that do not resemble each other. No product is lost, so
    paging still reaches all of them.

    Args:
        scores: float32 (m,), in the order of the answer.
        vectors: float32 (>= min(m, 200), d), the points of the first products.
        diversity: 0 (order kept) to 1 (only unlikeness counts).
        photos: sha256 of the photo that represents each product.
        bound: cosine from which two products are near-duplicates.
    """
    head = min(len(scores), RERANKED)
    if not head or diversity == 0:
        return np.arange(len(scores))
    relevance = -np.sort(-scores[:head])
    likeness = vectors[:head] @ vectors[:head].T
    doubled = duplicates(photos[:head] or [str(at) for at in range(head)], likeness, bound)
    kept = np.flatnonzero(~doubled)
    order = kept[mmr_order(relevance[kept], likeness[np.ix_(kept, kept)], diversity)]
    return np.concatenate([order, np.flatnonzero(doubled), np.arange(head, len(scores))])
