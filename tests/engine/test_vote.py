"""The vote's ranking, weights and abstention."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.recognition import RULES, Vote
from engine.recognition.vote import named_by


def _tables(seed: int, labels: int = 12, rows: int = 3) -> Floats:
    shares = np.random.default_rng(seed).gamma(0.3, size=(3, rows, labels)) + 1e-7
    tables: Floats = (shares / shares.sum(axis=2, keepdims=True)).astype(np.float32)
    return tables


def _even(labels: int, **options: Any) -> Vote:
    return Vote(weights=np.ones((3, labels), np.float32), **options)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), rule=st.sampled_from(RULES))
def test_shared_labels_come_first_and_probabilities_fall(seed: int, rule: str) -> None:
    tables = _tables(seed)
    order, probabilities = _even(12, rule=rule).rank(tables)
    named = np.take_along_axis(np.minimum(named_by(tables).sum(axis=0), 2), order, axis=1)
    assert (np.diff(named, axis=1) <= 0).all()
    assert (np.diff(probabilities, axis=1) <= 1e-7).all()
    assert sorted(order[0].tolist()) == list(range(12))


def test_a_label_of_two_voters_beats_a_surer_label_of_one() -> None:
    tables = np.full((3, 1, 20), 1e-6, np.float32)
    tables[0, 0, :5] = [0.6, 0.1, 0.1, 0.1, 0.1]
    tables[1, 0, 5:10] = [0.3, 0.2, 0.2, 0.2, 0.1]
    tables[2, 0, [5, 11, 12, 13, 14]] = [0.2, 0.2, 0.2, 0.2, 0.2]
    order, _ = _even(20).rank(tables)
    assert order[0, 0] == 5


def test_weights_decide_between_voters() -> None:
    tables = np.array([[[0.6, 0.4]], [[0.3, 0.7]], [[0.5, 0.5]]], np.float32)
    trusting_first = Vote(weights=np.array([[9, 9], [1, 1], [1, 1]], np.float32))
    trusting_second = Vote(weights=np.array([[1, 1], [9, 9], [1, 1]], np.float32))
    assert trusting_first.rank(tables)[0][0, 0] == 0
    assert trusting_second.rank(tables)[0][0, 0] == 1


@pytest.mark.parametrize("rule", RULES)
def test_probabilities_sum_to_one_and_ruled_out_labels_get_none(rule: str) -> None:
    tables = _tables(1)
    tables[:, :, 4] = 0
    shares = _even(12, rule=rule, temperature=0.7).probabilities(tables)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert (shares[:, 4] == 0).all()
    assert not named_by(tables)[:, :, 4].any()


def test_bad_votes_are_refused() -> None:
    for options in ({"rule": "loudest"}, {"temperature": 0.0}, {"threshold": 1.5}):
        with pytest.raises(InvalidModel):
            _even(3, **options)
    with pytest.raises(InvalidModel):
        Vote(weights=-np.ones((3, 2), np.float32))
