"""Rows to products: the roll-up against brute force, freshness and diversity."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.answers import diverse_places, fresh_places, rank_products
from engine.index.flat import FlatIndex
from engine.live import Allowed
from engine.protocols import Aim, Floats, Hits, Mask


def view_of(vectors: Floats, product_keys: list[int]) -> Any:
    """What `rank_products` needs of a `LiveView`."""
    index = FlatIndex.of(vectors)

    def search(query: Floats, k: int, allowed: Allowed, aim: Aim) -> Hits:
        return index.search(query[None], k, allowed.passing, allowed.dead)[0]

    return SimpleNamespace(search=search, products_of=np.array(product_keys, np.int64).take, rows_per_product=1.0)


def rows_of(mask: Mask) -> Allowed:
    return Allowed(len(mask), np.zeros(0, np.int64), mask, np.zeros(0, np.bool_))


@hypothesis_settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.integers(1, 30), st.integers(1, 40), st.floats(0, 1))
def test_the_best_row_of_each_product_counts(seed: int, count: int, products: int, depth: int, share: float) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.integers(-2, 3, (count, 3)).astype(np.float32)
    keys = generator.integers(0, products, count).tolist()
    query = generator.integers(-2, 3, 3).astype(np.float32)
    allowed = generator.random(count) < share
    ranked = rank_products(view_of(vectors, keys), query, depth, rows_of(allowed))
    best: dict[int, tuple[float, int]] = {}
    for row in np.flatnonzero(allowed):
        score = float(np.dot(vectors[row], query))
        if keys[row] not in best or score > best[keys[row]][0]:
            best[keys[row]] = (score, int(row))
    expected = sorted(best, key=lambda key: (-best[key][0], key))[:depth]
    assert ranked.product_keys.tolist() == expected
    assert ranked.rows.tolist() == [best[key][1] for key in expected]
    assert ranked.scores.tolist() == [best[key][0] for key in expected]


def test_a_product_with_very_many_rows_does_not_hide_the_others() -> None:
    vectors = np.concatenate([np.ones((3000, 2)), np.full((5, 2), 0.5)]).astype(np.float32)
    view = view_of(vectors, [1] * 3000 + [2, 3, 4, 5, 6])
    ranked = rank_products(view, np.ones(2, np.float32), 4, rows_of(np.ones(3005, np.bool_)))
    assert ranked.product_keys.tolist() == [1, 2, 3, 4]


def test_a_tie_far_behind_the_first_rows_is_settled_by_product_key() -> None:
    view = view_of(np.ones((3000, 2), np.float32), list(range(3000, 0, -1)))
    ranked = rank_products(view, np.ones(2, np.float32), 4, rows_of(np.ones(3000, np.bool_)))
    assert ranked.product_keys.tolist() == [1, 2, 3, 4]


def test_freshness_lifts_new_products_a_little() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    created = np.array(["2024-07-01", "NaT", "2026-06-01", "2026-06-02"], "datetime64[us]")
    relevance = np.array([0.9, 0.85, 0.8, 0.2])
    assert fresh_places(relevance, created, now, 0.0).tolist() == [0, 1, 2, 3]
    assert fresh_places(relevance, created, now, 1.0).tolist() == [2, 0, 1, 3]


def test_a_date_to_come_is_not_fresh() -> None:
    now = datetime(2026, 6, 1, 16, tzinfo=UTC)
    created = np.array(["2024-07-01", "2027-06-01", "2026-06-02"], "datetime64[us]")  # the last day begins in Korea
    assert fresh_places(np.array([0.9, 0.85, 0.8]), created, now, 1.0).tolist() == [2, 0, 1]


def test_diversity_separates_near_identical_products() -> None:
    vectors = np.array([[1, 0, 0], [1, 0.01, 0], [0.6, 0.8, 0]], np.float32)
    scores = np.array([0.95, 0.94, 0.7], np.float32)
    assert diverse_places(scores, vectors, 0.0).tolist() == [0, 1, 2]
    assert diverse_places(scores, vectors, 0.5).tolist() == [0, 2, 1]


@hypothesis_settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 260), st.floats(0, 1))
def test_diversity_loses_no_product(seed: int, count: int, diversity: float) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.standard_normal((count, 4)).astype(np.float32)
    scores = -np.sort(-generator.random(count).astype(np.float32))
    places = diverse_places(scores, vectors, diversity)
    assert sorted(places.tolist()) == list(range(count))
    assert places[200:].tolist() == list(range(200, count))


def test_nothing_allowed_gives_nothing() -> None:
    ranked = rank_products(
        view_of(np.ones((2, 2), np.float32), [1, 2]), np.ones(2, np.float32), 5, rows_of(np.zeros(2, np.bool_))
    )
    assert len(ranked.product_keys) == 0
    assert len(diverse_places(ranked.scores, np.zeros((0, 2), np.float32), 0.5)) == 0


@pytest.mark.parametrize("diversity", [0.3, 1.0])
def test_the_best_product_stays_first(diversity: float) -> None:
    vectors = np.eye(4, dtype=np.float32)
    assert diverse_places(np.array([0.9, 0.5, 0.4, 0.3], np.float32), vectors, diversity)[0] == 0
