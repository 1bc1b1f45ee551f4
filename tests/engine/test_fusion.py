"""How the two legs of a word search are joined."""

from typing import Any

import numpy as np

from data.lexical import LexicalHit
from engine.answers import Ranked
from engine.answers.fusion import Letters, fuse
from engine.live import NO_ROW


def ranked(**scores: float) -> Ranked:
    """Returns products `p1`, `p2`, ... with these scores; a product's row is ten times its key."""
    keys = np.array([int(name[1:]) for name in scores], np.int64)
    return Ranked(keys, keys * 10, np.array(list(scores.values()), np.float32))


def found(first: tuple[int, ...] = (), **fits: float) -> Letters:
    """Returns what the letters found, products that have no row."""
    keys = np.array([int(name[1:]) for name in fits], np.int64)
    nowhere = Ranked(keys, np.full(len(keys), NO_ROW), np.zeros(len(keys), np.float32))
    return Letters(tuple(LexicalHit(key, "code") for key in first), nowhere, np.array(list(fits.values())))


def fused(*legs: Any, **options: Any) -> Ranked:
    """Returns the products of both legs, after a look at the scores that they are ordered by."""
    joined, relevance = fuse(*legs, **options)
    assert relevance.tolist() == sorted(relevance.tolist(), reverse=True)
    return joined


def test_what_was_typed_keeps_its_order_before_all_others() -> None:
    joined = fused(ranked(p3=0.9, p1=0.8, p2=0.0), found((2, 3), p3=5.0, p2=0.0), 10)
    assert joined.product_keys.tolist() == [2, 3, 1]
    assert joined.rows.tolist() == [20, 30, 10]


def test_a_product_that_only_looks_right_stays_before_one_that_shares_a_word() -> None:
    joined = fused(ranked(p1=0.97, p2=0.93, p3=0.55), found(p1=4.0, p3=2.0), 10)
    assert joined.product_keys.tolist() == [1, 2, 3]


def test_a_product_that_has_all_words_comes_before_one_that_looks_best() -> None:
    joined = fused(ranked(p1=0.71, p2=0.3), found(p1=2.0, p2=4.0), 10)
    assert joined.product_keys.tolist() == [2, 1]


def test_a_product_without_words_of_its_own_is_judged_by_its_looks() -> None:
    legs = ranked(p1=0.9, p2=0.5), found(p2=4.0)
    assert fused(*legs, 10).product_keys.tolist() == [2, 1]
    assert fused(*legs, 10, np.array([True, False])).product_keys.tolist() == [1, 2]


def test_the_share_decides_between_letters_and_likeness() -> None:
    legs = ranked(p1=0.9, p2=0.1), found(p2=1.0)
    assert fused(*legs, 10, share=0.1).product_keys.tolist() == [1, 2]
    assert fused(*legs, 10, share=0.9).product_keys.tolist() == [2, 1]


def test_either_leg_may_find_nothing() -> None:
    assert fused(ranked(), found(p4=1.0, p5=0.5), 10).product_keys.tolist() == [4, 5]
    assert fused(ranked(p1=0.5, p2=0.4), found(), 1).product_keys.tolist() == [1]
    assert not len(fused(ranked(), found(), 10).product_keys)
