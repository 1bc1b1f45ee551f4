"""Joins what two ways find: products that look like what is asked for, and products that have the letters of words."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from data.columns import within
from data.lexical import LexicalAnswer, LexicalHit
from engine.answers.ranking import Ranked
from engine.live import Allowed, LiveView
from engine.protocols import Floats, Mask

# How much the letters count beside the likeness; see docs/retrieval.md.
LETTERS_SHARE = 0.5
LOOKS_FIRST_SHARE = 0.3  # beside a photo
UNWANTED_SHARE = 0.5  # of unwanted words


@dataclass(frozen=True)
class Letters:
    """The products that a query's letters find and the filter lets through.

    Attributes:
        first: those whose code or title was typed, in the order of the answer.
        ranked: all of them, best first, with their best photo; row `NO_ROW` and score 0 where none is searchable.
        fits: float64 (m,), how well the words of each fit; 0 for products found by a code or title alone.
    """

    first: tuple[LexicalHit, ...]
    ranked: Ranked
    fits: NDArray[np.float64]

    def without(self, product_keys: NDArray[np.int64]) -> "Letters":
        """Returns them without some products."""
        if not len(product_keys):
            return self
        kept = np.flatnonzero(~np.isin(self.ranked.product_keys, product_keys))
        first = tuple(hit for hit in self.first if hit.product_key not in product_keys)
        return Letters(first, self.ranked.take(kept), self.fits[kept])

    def beside_looks(self) -> "Letters":
        """Returns them for words that say how something shown should differ: no product stands first by its words.

        Products that cannot be compared by their looks are left out; those whose code or title was typed fit best.
        """
        seen = np.flatnonzero(self.ranked.rows >= 0)
        typed = [hit.product_key for hit in self.first if hit.evidence != "near"]
        fits = np.where(np.isin(self.ranked.product_keys, typed), self.fits.max(initial=1e-9), self.fits)
        return Letters((), self.ranked.take(seen), fits[seen])

    def behind(self, unwanted: Mapping[int, float]) -> "Letters":
        """Returns them with no unwanted product among the first."""
        if not unwanted:
            return self
        return Letters(tuple(hit for hit in self.first if not unwanted.get(hit.product_key)), self.ranked, self.fits)

    @property
    def evidence(self) -> Mapping[int, LexicalHit]:
        """Product key -> what was typed of it."""
        return {hit.product_key: hit for hit in self.first}


def letters_found(
    view: LiveView, answer: LexicalAnswer, point: Floats, allowed: Allowed, passing: Mask | None
) -> Letters:
    """Returns the products of a lexical answer that may be found, each with its best photo.

    Args:
        point: float32 (d,), the words in the product space; zeros if the generation has none.
        allowed: the rows that may be found. A product with rows must have one of these.
        passing: bool, by product_key, what passes the filter, which decides for products without rows; None: all.
    """
    keys = np.array(list(dict.fromkeys([*(hit.product_key for hit in answer.first), *answer.ranked])), np.int64)
    best = view.best_rows(keys, point, allowed)
    may = best.rows >= 0
    rest = np.flatnonzero(~may)
    unseen = rest[~view.is_findable(keys[rest])]
    may[unseen] = True if passing is None else within(passing, keys[unseen])
    ranked = Ranked(keys, best.rows, best.scores).take(np.flatnonzero(may))
    fits = dict(zip(answer.ranked, answer.fits, strict=True))
    kept = ranked.product_keys.tolist()
    first = answer.first
    if len(kept) < len(keys):
        there = set(kept)
        first = tuple(hit for hit in first if hit.product_key in there)
    return Letters(first, ranked, np.array([fits.get(key, 0.0) for key in kept], np.float64))


def fuse(
    dense: Ranked,
    letters: Letters,
    depth: int,
    wordless: Mask | None = None,
    share: float | None = None,
    unwanted: Mapping[int, float] = MappingProxyType({}),
) -> tuple[Ranked, NDArray[np.float64]]:
    """Returns the products of both rankings, first those whose code or title was typed, then by both scores together.

    Beside them it returns these scores together, 0..1, higher for what was typed and lower for what is not wanted.

    The scores are brought to 0..1 and added (convex combination; Bruch, Gai and Ingber, "An Analysis of Fusion
    Functions for Hybrid Retrieval", 2023). What the letters say is squared first, so that half of the words count as a
    quarter: a product that has all of them comes before one that only looks right, and this before one that has a word.
    A product that has no words of its own yet is judged by its looks alone.

    Args:
        wordless: bool (m,), the products of `dense` that have no words; None: all have some.
        share: 0..1, how much the letters count; None: `LETTERS_SHARE`.
        unwanted: product key -> how well unwanted words fit it, 0..1.
    """
    share = LETTERS_SHARE if share is None else share
    joined = dense.then(letters.ranked)
    keys, firsts, product = np.unique(joined.product_keys, return_index=True, return_inverse=True)
    fused = np.zeros(len(firsts))
    # by place, so that the senses of words still take turns
    looks = np.full(len(dense.rows), 1 - share) if wordless is None else np.where(wordless, 1.0, 1 - share)
    best = float(dense.scores.max(initial=0.0))
    beyond = firsts >= len(dense.rows)  # found by their letters, and too far away to be among those that look right
    fused[beyond] = (1 - share) * _spread(joined.scores[firsts[beyond]], best)
    fused[product[: len(dense.rows)]] += looks * _spread(-np.sort(-dense.scores), best)
    fused[product[len(dense.rows) :]] += share * (letters.fits / letters.fits.max(initial=1e-9)) ** 2
    if unwanted:
        fused -= UNWANTED_SHARE * np.array([unwanted.get(key, 0.0) for key in keys.tolist()])
    # 2 from place to place, since both scores together reach 1
    typed = np.searchsorted(keys, np.array([hit.product_key for hit in letters.first], np.int64))
    fused[typed] += 2.0 * np.arange(len(typed), 0, -1)
    order = np.lexsort((firsts, -fused))[:depth]
    return joined.take(firsts[order]), fused[order]


NO_LETTERS = Letters((), Ranked(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)), np.zeros(0))


def _spread(scores: Floats, best: float) -> NDArray[np.float64]:
    """Returns scores brought to 0..1, float64, the best to 1 and what is no better than chance to 0."""
    return (np.clip(scores, 0, best) / best).astype(np.float64) if best > 0 else np.zeros(len(scores))
