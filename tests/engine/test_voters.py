"""The voters against scikit-learn and plain numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from engine.errors import InvalidModel, InvalidQuery
from engine.recognition import KnnVoter, LinearVoter, calibrated, softmax, transform_rows


def _rows(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float32)


def _knn(rows: np.ndarray, labels: list[int], *, k: int = 3, bandwidth: float = 0.0) -> KnnVoter:
    return KnnVoter(rows, np.array(labels), label_count=3, k=k, bandwidth=bandwidth)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 12))
def test_neighbours_are_the_euclidean_ones_of_scikit_learn(seed: int, k: int) -> None:
    rows, queries = _rows(30, seed) * 3, _rows(4, seed + 1)
    voter = _knn(rows, [row % 3 for row in range(30)])
    expected, _ = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(rows).kneighbors(queries)
    np.testing.assert_allclose(voter.neighbours(queries, k)[1], expected**2, rtol=1e-3, atol=1e-3)


def test_near_neighbours_count_more_with_a_bandwidth() -> None:
    rows = np.array([[0, 0], [1, 0], [1, 0.1]], np.float32)
    query = np.array([[0.05, 0]], np.float32)
    assert _knn(rows, [0, 1, 1]).probabilities(query).argmax() == 1
    assert _knn(rows, [0, 1, 1], bandwidth=0.1).probabilities(query).argmax() == 0


def test_only_allowed_labels_are_named() -> None:
    rows = np.array([[0, 0], [0.1, 0], [5, 5]], np.float32)
    allowed = np.array([False, True, True])
    voter = _knn(rows, [0, 0, 2], k=1)
    shares = voter.probabilities(np.zeros((1, 2), np.float32), allowed)[0]
    assert shares[0] == 0
    assert shares.argmax() == 2  # the only allowed label that has a photo
    linear = LinearVoter(layers=((np.eye(3, dtype=np.float32), np.zeros(3, np.float32)),))
    assert linear.probabilities(np.array([[9, 1, 0]], np.float32), allowed)[0].tolist()[0] == 0


def test_layers_are_applied_in_order_with_relu_between() -> None:
    first = (np.array([[1, -1]], np.float32), np.array([0, 0], np.float32))
    second = (np.array([[1, 0], [0, 1]], np.float32), np.array([0, 0.5], np.float32))
    voter = LinearVoter(layers=(first, second))
    np.testing.assert_allclose(voter.logits(np.array([[2], [-3]], np.float32)), [[2, 0.5], [0, 3.5]])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), temperature=st.floats(0.05, 20))
def test_a_temperature_never_changes_the_order(seed: int, temperature: float) -> None:
    logits = np.random.default_rng(seed).normal(size=(5, 4)).astype(np.float32)
    shares = calibrated(logits, temperature)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert (shares.argmax(axis=1) == logits.argmax(axis=1)).all()
    assert softmax(logits * 1000).max() <= 1


def test_transforms() -> None:
    rows = np.array([[4, 9, -1]], np.float32)
    np.testing.assert_allclose(transform_rows("sqrt_l2", rows), np.array([[2, 3, -1]]) / 14**0.5, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(transform_rows("l2", rows)), 1, rtol=1e-6)
    assert transform_rows("plain", rows).tolist() == rows.tolist()
    with pytest.raises(InvalidModel, match="log"):
        transform_rows("log", rows)


def test_arrays_that_do_not_fit_are_refused() -> None:
    ones = np.ones((2, 3), np.float32)
    with pytest.raises(InvalidModel):
        LinearVoter(layers=((ones, np.zeros(2, np.float32)),))
    with pytest.raises(InvalidModel):
        LinearVoter(layers=((ones * np.nan, np.zeros(3, np.float32)),))
    with pytest.raises(InvalidModel):
        _knn(ones, [0, 7])
    with pytest.raises(InvalidQuery):
        _knn(ones, [0, 1]).neighbours(np.ones((1, 9), np.float32), 1)
