"""The losses against plain loops, and what they must not care about."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.embedder.losses import Side, info_nce, margin_loss, unit

Table = NDArray[np.float32]


def expected(cosines: Table, positives: Table, scale: float, ignored: Table, log_q: Table, weights: Table) -> float:
    """The same loss, candidate by candidate."""
    total = count = 0.0
    for row in range(len(cosines)):
        logits = {j: scale * cosines[row, j] - log_q[j] for j in range(cosines.shape[1]) if not ignored[row, j]}
        right = [j for j in logits if positives[row, j]]
        if right:
            whole = math.log(sum(math.exp(value) for value in logits.values()))
            total += weights[row] * sum(whole - logits[j] for j in right) / len(right)
            count += weights[row]
    return total / count


@pytest.fixture
def case() -> dict[str, Table]:
    generator = np.random.default_rng(3)
    positives = (generator.random((6, 9)) < 0.3).astype(np.float32)
    positives[2] = 0  # a row that has nothing to learn
    return {
        "cosines": generator.uniform(-1, 1, (6, 9)).astype(np.float32),
        "positives": positives,
        "ignored": (generator.random((6, 9)) < 0.2).astype(np.float32),
        "log_q": generator.uniform(-3, 0, 9).astype(np.float32),
        "weights": generator.uniform(0.5, 2, 6).astype(np.float32),
    }


def test_info_nce_is_the_plain_loop(case: dict[str, Table]) -> None:
    cosines, positives, compared = case["cosines"], case["positives"], 1 - case["ignored"]
    wanted = expected(cosines, positives, 14.0, case["ignored"], case["log_q"], case["weights"])
    side = Side(inverse_q=np.exp(-case["log_q"]), weights=case["weights"])
    assert float(info_nce(cosines, positives, scale=14.0, compared=compared, sides=[side])) == pytest.approx(
        wanted, rel=1e-4
    )
    turned = replace(side, axis=0)
    found = info_nce(cosines.T, positives.T, scale=14.0, compared=compared.T, sides=[turned])
    assert float(found) == pytest.approx(wanted, rel=1e-4)


def test_both_sides_add_up(case: dict[str, Table]) -> None:
    given = {"cosines": case["cosines"], "positives": case["positives"], "scale": 7.0}
    each = [float(info_nce(**given, sides=[Side(axis=axis)])) for axis in (0, 1)]
    assert float(info_nce(**given, sides=[Side(axis=0), Side(axis=1)])) == pytest.approx(sum(each), rel=1e-5)


@pytest.mark.parametrize("cosine", [-1.0, 1.0])
def test_info_nce_holds_at_the_lowest_temperature(cosine: float) -> None:
    """All candidates alike: whatever their cosine, the right one's share is one of them."""
    cosines = np.full((2, 500), cosine, np.float32)
    positives = np.zeros((2, 500), np.float32)
    positives[:, 3] = 1
    for drawn in (1e-12, 1.0, 500.0):
        side = Side(inverse_q=np.full(500, 1 / drawn, np.float32))
        found = float(info_nce(cosines, positives, scale=50.0, sides=[side]))
        assert found == pytest.approx(math.log(500), rel=1e-4)


def test_what_is_no_candidate_takes_no_share(case: dict[str, Table]) -> None:
    positives, shown = case["positives"], np.ones(9, np.float32)
    positives[:, 4], shown[4] = 0, 0
    found = info_nce(case["cosines"], positives, scale=10.0, sides=[Side(inverse_q=shown)])
    without = [np.delete(case[name], 4, axis=1) for name in ("cosines", "positives")]
    assert float(found) == pytest.approx(float(info_nce(*without, scale=10.0)), rel=1e-5)


def test_what_is_ignored_changes_nothing(case: dict[str, Table]) -> None:
    case["ignored"][:, 4] = 1
    compared = 1 - case["ignored"]
    before = float(info_nce(case["cosines"], case["positives"], scale=10.0, compared=compared))
    case["cosines"][:, 4] = 0.99
    after = float(info_nce(case["cosines"], case["positives"], scale=10.0, compared=compared))
    assert after == pytest.approx(before, rel=1e-5)


def test_the_correction_takes_popularity_out() -> None:
    """A candidate drawn twice as often, once and corrected, is the same as one drawn as often as the others."""
    cosines = np.array([[0.5, 0.1, 0.1]], np.float32)
    positives = np.array([[1, 0, 0]], np.float32)
    twice = info_nce(cosines, positives, scale=5.0, sides=[Side(inverse_q=np.array([1, 0.5, 0.5], np.float32))])
    halved = -math.log(math.exp(2.5) / (math.exp(2.5) + 2 * math.exp(0.5) / 2))
    assert float(twice) == pytest.approx(halved, rel=1e-4)


def test_margin_loss_by_hand() -> None:
    cosines = np.array([[0.9, 0.8, 0.0], [0.0, 0.5, 0.6], [0.3, 0.0, 0.4]], np.float32)
    positives = np.eye(3, dtype=np.float32)
    assert float(margin_loss(cosines, positives)) == pytest.approx((0.1 + 0.3 + 0.1) / 3, rel=1e-5)
    positives[1, 2] = 1  # the random other of row 1 is right as well
    assert float(margin_loss(cosines, positives)) == pytest.approx((0.1 + 0.1) / 2, rel=1e-5)


def test_unit_rows() -> None:
    rows = np.asarray(unit(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, 0.0]], atol=1e-6)


def test_the_losses_run_on_pytorch_too(case: dict[str, Table]) -> None:
    script = (
        "import numpy as np, keras; from training.embedder.losses import info_nce\n"
        "from keras import ops\n"
        "g = np.random.default_rng(3); p = np.eye(4, dtype='float32'); c = g.uniform(-1, 1, (4, 4)).astype('float32')\n"
        "print(keras.backend.backend(), float(info_nce(ops.convert_to_tensor(c), ops.convert_to_tensor(p), scale=3.0)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    backend, value = run.stdout.split()
    generator = np.random.default_rng(3)
    cosines, plain = generator.uniform(-1, 1, (4, 4)).astype(np.float32), np.zeros((4, 4), np.float32)
    assert backend == "torch"
    assert float(value) == pytest.approx(
        expected(cosines, np.eye(4, dtype=np.float32), 3.0, plain, plain[0], plain[0] + 1), rel=1e-4
    )
