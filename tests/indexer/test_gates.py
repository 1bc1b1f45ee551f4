"""Each gate passes what is right and refuses what was broken on purpose; one that refuses publishes nothing."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imported_shapes import import_shapes
from numpy.typing import NDArray
from PIL import Image
from tiny_backbone import TinyBackbone

from data.generations import GenerationStore
from data.settings import Settings
from engine.protocols import Floats, Hits
from engine.space import Projection
from indexer.errors import GateFailed
from indexer.importing import import_feed
from indexer.rebuild import gates, parts, rebuild
from training.context import TrainingContext
from training.parts import SPACE


@pytest.fixture
def feed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    return import_shapes(settings, monkeypatch)


class ExactIndex:
    """Numpy search, the oracle; `spoil` changes the rows it hands out."""

    kind, reason, memory_bytes, is_exact = "numpy", "", 0, True
    measured: Mapping[str, Any] = {}

    def __init__(self, vectors: Floats, spoil: int = 0) -> None:
        self._vectors, self._spoil = vectors, spoil

    @property
    def count(self) -> int:
        return len(self._vectors)

    @property
    def dim(self) -> int:
        return int(self._vectors.shape[1])

    def vectors(self, rows: NDArray[np.int64]) -> Floats:
        return self._vectors[rows]

    def search(self, queries: Floats, k: int, *_: Any, **__: Any) -> list[Hits]:
        scores = queries @ self._vectors.T
        rows = np.argsort(-scores, axis=1, kind="stable")[:, self._spoil : self._spoil + k]
        return [Hits(rows=row, scores=score[row]) for row, score in zip(rows, scores, strict=True)]

    def save(self, folder: Path) -> None: ...


def unit_vectors(count: int, dim: int = 16, seed: int = 0) -> Floats:
    vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    lengths: Floats = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


@pytest.mark.parametrize(("rows", "usable", "passed"), [(3, 3, True), (2, 3, False), (4, 3, False), (0, 0, True)])
def test_counts_must_be_equal(rows: int, usable: int, passed: bool) -> None:
    assert gates.check_counts(rows, usable).passed is passed


@pytest.mark.parametrize(("bad", "images", "passed"), [(0, 0, True), (20, 100, True), (21, 100, False), (1, 1, False)])
def test_unreadable_share_is_limited(bad: int, images: int, passed: bool) -> None:
    assert gates.check_unreadable(bad, images).passed is passed


def test_norms_of_unit_vectors_pass() -> None:
    assert gates.check_norms(unit_vectors(100)).passed


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, 3e38])
def test_one_broken_vector_fails_the_norms(value: float) -> None:
    vectors = unit_vectors(100)
    vectors[57] = value
    result = gates.check_norms(vectors)
    assert not result.passed
    json.dumps(result.measured, allow_nan=False)


def test_a_norm_off_by_a_little_more_than_the_tolerance_fails() -> None:
    vectors = unit_vectors(3)
    vectors[1] *= 1.002
    assert not gates.check_norms(vectors).passed


@given(count=st.integers(1, 60), copies=st.integers(1, 3), seed=st.integers(0, 99))
def test_exact_search_passes_both_recalls_with_duplicates(count: int, copies: int, seed: int) -> None:
    vectors = np.repeat(unit_vectors(count, seed=seed), copies, axis=0)
    assert gates.check_self_recall(ExactIndex(vectors), vectors).passed
    assert gates.check_recall(ExactIndex(vectors), vectors).passed


def test_a_sample_stands_for_many_rows() -> None:
    vectors = unit_vectors(1500)
    result = gates.check_self_recall(ExactIndex(vectors), vectors)
    assert result.passed
    assert "500 of 500" in result.detail


def test_an_index_that_skips_the_best_row_fails_both_recalls() -> None:
    vectors = unit_vectors(300)
    spoiled = ExactIndex(vectors, spoil=1)
    assert gates.check_self_recall(spoiled, vectors).measured == 0
    result = gates.check_recall(spoiled, vectors)
    assert not result.passed
    assert result.measured == pytest.approx(0.9, abs=0.01)


def test_the_same_row_returned_ten_times_counts_once() -> None:
    class Repeating(ExactIndex):
        def search(self, queries: Floats, k: int, *_: Any, **__: Any) -> list[Hits]:
            best = super().search(queries, 1)
            return [Hits(rows=np.repeat(hits.rows, k), scores=np.repeat(hits.scores, k)) for hits in best]

    vectors = unit_vectors(200)
    assert gates.check_recall(Repeating(vectors), vectors).measured == pytest.approx(0.1, abs=0.01)


def test_an_index_with_swapped_rows_fails_self_recall() -> None:
    vectors = unit_vectors(200)
    swapped = vectors.copy()
    swapped[[3, 150]] = swapped[[150, 3]]
    result = gates.check_self_recall(ExactIndex(swapped), vectors)
    assert not result.passed
    assert "198 of 200" in result.detail


def test_an_index_that_finds_nothing_fails() -> None:
    class Empty(ExactIndex):
        def search(self, queries: Floats, k: int, *_: Any, **__: Any) -> list[Hits]:
            return [Hits(rows=np.empty(0, np.int64), scores=np.empty(0, np.float32))] * len(queries)

    vectors = unit_vectors(20)
    assert not gates.check_self_recall(Empty(vectors), vectors).passed
    assert gates.check_recall(Empty(vectors), vectors).measured == 0


def test_the_block_size_does_not_change_the_exact_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit_vectors(100)
    whole = gates._kth_best_scores(vectors, vectors[:7], 10)
    monkeypatch.setattr(gates, "_BLOCK_ROWS", 9)
    np.testing.assert_allclose(gates._kth_best_scores(vectors, vectors[:7], 10), whole, rtol=1e-6)


def measured(value: float, measure: str = "photo_r1", queries: int = 500) -> dict[str, Any]:
    return {"measure": measure, "value": value, "queries": queries}


@pytest.mark.parametrize(
    ("new", "live", "passed"),
    [
        (measured(0.80), measured(0.81), True),
        (measured(0.79), measured(0.81), True),
        (measured(0.78), measured(0.81), False),
        (measured(0.10), measured(0.90, "name_r1"), True),
        (measured(0.10), None, True),
        (measured(float("nan")), None, False),
        (None, None, True),
        (None, measured(0.9), True),
        (measured(0.70, queries=10), measured(0.80, queries=10), True),
        (measured(0.60, queries=10), measured(0.80, queries=10), False),
    ],
)
def test_quality_may_fall_by_the_margin_or_by_one_query(
    new: dict[str, Any] | None, live: dict[str, Any] | None, passed: bool
) -> None:
    result = gates.check_quality(new, live, max_drop=0.0201)
    assert result.passed is passed
    assert result.detail


def test_quality_says_that_there_is_nothing_to_compare_with() -> None:
    assert "no live generation" in gates.check_quality(measured(0.5), None, max_drop=0.02).detail


def test_a_generation_that_does_not_load_fails_with_the_reason() -> None:
    def broken() -> int:
        raise ValueError("index.faiss is cut short")

    result = gates.check_answers(broken, 0)
    assert not result.passed
    assert "index.faiss is cut short" in result.detail
    assert not gates.check_answers(lambda: 0, 1).passed
    assert gates.check_answers(lambda: 0, 0).passed
    assert gates.check_answers(lambda: 3, 5).passed


def test_a_loss_of_quality_publishes_nothing(feed: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def worse(context: TrainingContext, folder: Path) -> dict[str, Any]:
        blurred = Projection(transform="l2", mean=np.zeros(192, np.float32), matrix=np.ones((192, 2), np.float32))
        blurred.save(folder)  # every photo is at the same point
        return {}

    before = rebuild(settings, backbone=TinyBackbone()).generation
    monkeypatch.setattr(parts, "PARTS", (replace(SPACE, train=worse),))
    with pytest.raises(GateFailed, match=r"quality must be >= \S+, measured \S+ \(photo_r1 is"):
        rebuild(settings, full=True, backbone=TinyBackbone())
    assert GenerationStore(settings.home).current_id() == before
    assert rebuild(settings.replace(max_quality_drop=1.0), full=True, backbone=TinyBackbone()).published


def test_a_catalogue_that_grows_harder_is_no_loss_of_quality(feed: Path, settings: Settings) -> None:
    easy = rebuild(settings, backbone=TinyBackbone())
    twins = []
    for line in map(json.loads, feed.read_text(encoding="utf-8").splitlines()):
        names = [f"twin-{name}" for name in line["images"]]
        for name in names:
            photo = Image.open(feed.parent / name.removeprefix("twin-"))
            photo.putpixel((0, 0), (0, 0, 0))
            photo.save(feed.parent / name)
        twins.append(json.dumps({"product_id": f"twin-{line['product_id']}", "images": names}))
    (feed.parent / "twins.jsonl").write_text("\n".join(twins), encoding="utf-8")
    import_feed(settings, feed.parent / "twins.jsonl")
    hard = rebuild(settings, backbone=TinyBackbone())
    figures = [summary.metrics["space"]["photo_r1"] for summary in (easy, hard)]
    assert figures[1] < figures[0] - 0.3
    assert "live:" in next(gate.detail for gate in hard.gates if gate.name == "quality" and gate.passed)


def test_an_index_that_loses_rows_publishes_nothing(
    feed: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine import generation
    from indexer.rebuild import indexing

    whole = generation.write_generation_files

    def swapped(folder: Path, projection: Any, vectors: Floats, *rest: Any) -> Any:
        return whole(folder, projection, np.roll(vectors, 5, axis=0), *rest)

    monkeypatch.setattr(indexing, "write_generation_files", swapped)
    with pytest.raises(GateFailed, match="self_recall must be == 1"):
        rebuild(settings, backbone=TinyBackbone())
    assert GenerationStore(settings.home).current_id() is None
