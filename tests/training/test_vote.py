"""Calibration and the fitted vote."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.recognition import NAMES, softmax
from training.measures import coverage_curve, fit_temperature, reliability, threshold_for
from training.voters.vote import fit_vote


def _voters(seed: int, skills: tuple[float, ...], rows: int = 400, labels: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Three voters of different skill: noise around the right answer."""
    random = np.random.default_rng(seed)
    y = random.integers(0, labels, rows)
    right = np.eye(labels)[y]
    tables = np.stack(
        [softmax((skill * right + random.normal(size=right.shape)).astype(np.float32)) for skill in skills]
    )
    return tables.astype(np.float32), y


def test_a_known_temperature_is_found() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(6000, 4)).astype(np.float32) * 2
    y = np.array([random.choice(4, p=row / row.sum()) for row in softmax(logits).astype(np.float64)])
    assert fit_temperature(logits * 3, y) == pytest.approx(3, rel=0.12)


def test_the_vote_beats_every_voter_whose_mistakes_differ() -> None:
    tables, y = _voters(0, (1.5, 1.5, 1.5))
    choice = fit_vote(tables, y, NAMES)
    assert choice.accuracy["vote"] > max(choice.accuracy[name] for name in NAMES) + 0.03


def test_a_voter_that_guesses_is_trusted_less() -> None:
    tables, y = _voters(1, (2.5, 0.0, 2.5))
    choice = fit_vote(tables, y, NAMES)
    weights = choice.vote.weights.mean(axis=1)
    assert weights[1] < 0.8 * min(weights[0], weights[2])
    assert choice.accuracy["vote"] >= max(choice.accuracy[name] for name in NAMES) - 0.01


@pytest.mark.parametrize(("rows", "tried"), [(49, False), (50, True)])
def test_voters_weigh_label_by_label_only_where_there_are_ten_photos_a_label(rows: int, tried: bool) -> None:
    tables, y = _voters(4, (1.5, 1.0, 1.5), rows=rows)
    assert any(name.startswith("per label") for name in fit_vote(tables, y, NAMES).tried) == tried


def test_abstaining_reaches_the_wanted_precision() -> None:
    tables, y = _voters(2, (1.5, 1.0, 1.5), rows=1000)
    vote = fit_vote(tables, y, NAMES, precision=0.95).vote
    fresh, truth = _voters(3, (1.5, 1.0, 1.5), rows=1000)
    order, probabilities = vote.rank(fresh)
    answered = probabilities[:, 0] >= vote.threshold
    assert 0.2 < answered.mean() < 1
    assert (order[answered, 0] == truth[answered]).mean() > 0.92


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), precision=st.floats(0.3, 1))
def test_the_threshold_is_the_lowest_that_holds(seed: int, precision: float) -> None:
    random = np.random.default_rng(seed)
    confidence = random.integers(0, 8, 30).astype(np.float32) / np.float32(8)
    right = random.random(30) < confidence
    threshold = threshold_for(confidence, right, precision)
    passing = [value for value in np.unique(confidence) if right[confidence >= value].mean() >= precision]
    if not passing:
        assert threshold == 1
    else:
        assert set(np.flatnonzero(confidence >= threshold)) == set(np.flatnonzero(confidence >= min(passing)))


def test_calibration_error_of_known_bins() -> None:
    confidence = np.array([0.95] * 10 + [0.55] * 10, np.float32)
    right = np.array([True] * 8 + [False] * 2 + [True] * 5 + [False] * 5)
    bins = reliability(confidence, right)
    assert bins.count == (10, 10)
    assert bins.expected_error == pytest.approx((0.15 + 0.05) / 2, abs=1e-6)
    often = reliability(confidence, right, np.repeat([3.0, 1.0], 10))
    assert often.expected_error == pytest.approx((3 * 0.15 + 0.05) / 4, abs=1e-6)


def test_coverage_starts_with_the_surest() -> None:
    coverage, precision = coverage_curve(np.array([0.2, 0.9, 0.5], np.float32), np.array([False, True, False]))
    np.testing.assert_allclose(coverage, [1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(precision, [1, 0.5, 1 / 3])


def test_the_best_voter_decides_alone_where_the_others_add_nothing() -> None:
    [best, _, _], y = _voters(5, (2.0, 0.0, 0.0))
    weaker = softmax(np.log(best) + 0.3 * np.random.default_rng(1).normal(size=best.shape).astype(np.float32))
    tables = np.stack([weaker, best, weaker]).astype(np.float32)
    choice = fit_vote(tables, y, NAMES)
    assert (choice.alone, choice.chosen) == ("knn", "knn alone")
    assert choice.accuracy["vote"] == choice.accuracy["knn"]
    fresh, _ = _voters(6, (1.0, 1.0, 1.0))
    np.testing.assert_array_equal(choice.vote.rank(fresh)[0][:, 0], fresh[1].argmax(axis=1))
    independent, y = _voters(0, (1.5, 1.5, 1.5))
    assert fit_vote(independent, y, NAMES).alone == ""


def test_levels_are_fitted_where_the_more_exact_ones_abstain() -> None:
    labels = ("a > b > c", "a > b > d", "a > e > f", "g > h > i", "g > h > j")
    tables, y = _voters(2, (1.5, 1.0, 1.5), rows=2000)
    choice = fit_vote(tables, y, NAMES, precision=0.9, labels=labels)
    assert len(choice.vote.broader) == len(choice.broader) == 2
    exact = (choice.vote.rank(tables)[1][:, 0] >= choice.vote.threshold).mean()
    answered = [level["answered"] for level in choice.broader]
    assert exact + sum(answered) <= 1.001
    assert max(answered) > 0.01
    assert all(level["right"] >= 0.9 for level in choice.broader if level["answered"])
