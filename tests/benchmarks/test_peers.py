"""benchmarks/peers.py: the comparison itself; the other engines are not needed."""

from pathlib import Path

import numpy as np
import peers
import pytest
from numpy.typing import NDArray
from peer_engines import K, Work

from engine.protocols import Floats


class Half:
    """Finds as many tenths of the right rows as its effort says."""

    version, efforts, filters = "1", (3, 9, 10), True

    def __init__(self, work: Work) -> None:
        self._work = work

    def search(self, query: Floats, below: float | None, effort: int) -> NDArray[np.int64]:
        passing = np.arange(len(self._work.rows))
        if below is not None:
            passing = np.flatnonzero(self._work.prices < below)
        best = np.argsort(-(self._work.rows[passing] @ query))
        rows: NDArray[np.int64] = passing[np.concatenate([best[:effort], best[len(best) - (K - effort) :]])]
        return rows

    def close(self) -> None:
        pass


@pytest.fixture
def work() -> Work:
    random = np.random.default_rng(0)
    rows = random.standard_normal((400, 8)).astype(np.float32)
    queries = random.standard_normal((20, 8)).astype(np.float32)
    return Work(Path("home"), rows, random.random(400) * 100, queries)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.05])
@pytest.mark.parametrize(("recall", "effort"), [(0.2, 3), (0.5, 9), (0.95, 10), (1.1, 10)])
def test_the_quickest_setting_that_finds_enough_is_taken(
    work: Work, share: float, recall: float, effort: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "BURST_S", 0.01)
    line = peers.line(Half(work), work, share, recall)
    assert line["effort"] == effort
    assert line["recall"] == pytest.approx(effort / 10)
    assert 0 < line["p50_ms"] <= line["p95_ms"]


def test_work_is_the_same_after_saving(work: Work, tmp_path: Path) -> None:
    work.save(tmp_path)
    again = Work.load(tmp_path)
    assert again.home == work.home.resolve()
    for name in ("rows", "prices", "queries"):
        np.testing.assert_array_equal(getattr(again, name), getattr(work, name))


def test_the_truth_under_a_filter_holds_only_what_passes(work: Work) -> None:
    below = work.below(0.05)
    assert below is not None
    assert (work.prices[work.truth(0.05)] < below).all()
    assert np.count_nonzero(work.prices < below) == 20
