"""Retrieval metrics against plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import NotEnoughData
from training.measures import METRICS, intra_list_similarity, retrieval_metrics


def _plain(scores: list[float], gains: list[float]) -> dict[str, float]:
    order = sorted(range(len(scores)), key=lambda at: (-scores[at], at))
    ranked = [gains[at] for at in order]
    right = sum(gain > 0 for gain in gains)
    found = {k: sum(gain > 0 for gain in ranked[:k]) for k in (1, 5, 10)}
    precisions, seen = [], 0
    for place, gain in enumerate(ranked, 1):
        if gain > 0:
            seen += 1
            precisions.append(seen / place)

    def dcg(values: list[float]) -> float:
        return sum(gain / math.log2(place + 1) for place, gain in enumerate(values[:10], 1))

    return {
        **{f"recall{k}": found[k] / right for k in found},
        **{f"precision{k}": found[k] / k for k in found},
        "map": sum(precisions) / right,
        "ndcg10": dcg(ranked) / dcg(sorted(gains, reverse=True)),
        "rank": 1 + next(place for place, gain in enumerate(ranked) if gain > 0),
    }


@given(st.data())
def test_metrics_are_those_of_plain_loops(data: st.DataObject) -> None:
    products = data.draw(st.integers(1, 25))
    # few distinct scores, so that ties are common
    score = st.integers(-2, 2).map(float) | st.just(-math.inf)
    scores = data.draw(st.lists(st.lists(score, min_size=products, max_size=products), min_size=1, max_size=4))
    gain = st.sampled_from([0.0, 0.0, 1.0, 2.5])
    gains = [data.draw(st.lists(gain, min_size=products, max_size=products).filter(any)) for _ in scores]
    found = retrieval_metrics(np.array(scores, np.float32), np.array(gains, np.float32))
    assert set(found) == {*METRICS, "rank"}
    for row, (score_row, gain_row) in enumerate(zip(scores, gains, strict=True)):
        for name, value in _plain(score_row, gain_row).items():
            assert found[name][row] == pytest.approx(value), name


def test_a_perfect_ranking_and_the_worst() -> None:
    scores = np.arange(20, 0, -1, dtype=np.float32)[None]
    best, worst = np.zeros((1, 20), np.float32), np.zeros((1, 20), np.float32)
    best[0, :2], worst[0, -1] = 1, 1
    found = retrieval_metrics(scores, best)
    assert (found["map"][0], found["ndcg10"][0], found["recall1"][0], found["precision5"][0]) == (1, 1, 0.5, 0.4)
    found = retrieval_metrics(scores, worst)
    assert (found["map"][0], found["ndcg10"][0], found["rank"][0]) == (1 / 20, 0, 20)


def test_a_query_without_a_right_product_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="right product"):
        retrieval_metrics(np.ones((2, 3), np.float32), np.array([[1, 0, 0], [0, 0, 0]], np.float32))
    with pytest.raises(NotEnoughData, match="one shape"):
        retrieval_metrics(np.ones((2, 3), np.float32), np.ones((2, 4), np.float32))


def test_intra_list_similarity_is_the_mean_over_pairs() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(6, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [float(vectors[i] @ vectors[j]) for i in range(6) for j in range(i)]
    assert intra_list_similarity(vectors) == pytest.approx(np.mean(pairs), abs=1e-6)
    assert intra_list_similarity(vectors[:1]) == 0
