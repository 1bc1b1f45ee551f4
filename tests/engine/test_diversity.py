"""Near-duplicates, the determinantal order and the words that tell of it."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.answers import diverse_places, mmr_order, moves_of
from engine.protocols import Floats
from engine.space import DEFAULT_BOUND, duplicate_bound, duplicates, normalise


def _unit(rows: Sequence[Sequence[float]]) -> Floats:
    return normalise(np.array(rows, np.float32))


@hypothesis_settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.floats(0, 1))
def test_each_product_chosen_adds_most(seed: int, count: int, diversity: float) -> None:
    """Against the definition, product by product."""
    generator = np.random.default_rng(seed)
    vectors = _unit(generator.standard_normal((count, 4)).tolist())
    relevance = generator.random(count).astype(np.float32)
    likeness = vectors @ vectors.T
    order = mmr_order(relevance, likeness, diversity).tolist()
    assert sorted(order) == list(range(count))
    for place, chosen in enumerate(order):

        def merit(at: int, before: list[int]) -> float:
            nearest = max([0.0, *(float(likeness[at, other]) for other in before)])
            return (1 - diversity) * float(relevance[at]) - diversity * nearest

        best = max(merit(at, order[:place]) for at in order[place:])
        assert merit(chosen, order[:place]) == pytest.approx(best, abs=1e-5)


def test_without_diversity_the_order_stays() -> None:
    likeness = np.full((5, 5), 0.9, np.float32) + 0.1 * np.eye(5, dtype=np.float32)
    relevance = np.array([0.5, 0.4, 0.3, 0.2, 0.1], np.float32)
    assert mmr_order(relevance, likeness, 0.0).tolist() == [0, 1, 2, 3, 4]


def test_near_duplicates_stand_behind_all_others_of_the_head() -> None:
    vectors = _unit([[1, 0, 0], [1, 0.01, 0], [0, 1, 0], [0.5, 0, 1], [0, 0, 1]])
    scores = np.array([0.9, 0.8, 0.5, 0.4, 0.3], np.float32)
    places = diverse_places(scores, vectors, 0.01, ["a", "b", "c", "d", "d"], 0.99)
    assert places.tolist() == [0, 2, 3, 1, 4]  # 1 looks like 0; 4 has the very photo of 3
    assert moves_of(np.arange(5), places) == {2: (3, 2), 3: (4, 3), 1: (2, 4)}


def test_what_resembles_only_a_duplicate_is_none() -> None:
    angles = np.array([0.0, 0.3, 0.6])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert duplicates(["a", "b", "c"], vectors @ vectors.T, 0.95).tolist() == [False, True, False]


def test_the_bound_comes_from_photos_of_one_product() -> None:
    generator = np.random.default_rng(0)
    centres = _unit(generator.standard_normal((50, 16)).tolist())
    noise = 0.05 * generator.standard_normal((100, 16))
    vectors = _unit((np.repeat(centres, 2, axis=0) + noise).tolist())
    keys = np.repeat(np.arange(50), 2)
    bound = duplicate_bound(keys, lambda rows: vectors[rows])
    pairs = np.einsum("ij,ij->i", vectors[::2], vectors[1::2])
    assert bound == pytest.approx(np.quantile(pairs, 0.95), abs=1e-5)
    assert duplicate_bound(np.arange(100), lambda rows: vectors[rows]) == DEFAULT_BOUND
    assert duplicate_bound(keys, lambda rows: np.ones((len(rows), 1), np.float32)) == DEFAULT_BOUND
