"""The index against brute force, and every way in which FAISS alone would answer wrongly."""

import threading
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.settings import Settings
from engine.errors import InvalidModel, InvalidQuery
from engine.index import build_index
from engine.index.choose import load_index
from engine.index.flat import INDEX_FILE, FlatIndex, best_hits
from engine.index.gpu import GpuIndex, GpuUnavailable
from engine.protocols import Floats, Hits, Mask, VectorIndex


def brute_force(vectors: Floats, query: Floats, k: int, allowed: Mask | None) -> Hits:
    """The definition: sort all allowed rows by (-inner product, row)."""
    scores = vectors @ query
    rows = np.arange(len(vectors)) if allowed is None else np.flatnonzero(allowed)
    order = rows[np.lexsort((rows, -scores[rows]))][:k]
    return Hits(order, scores[order])


class FakeGpuFaiss:
    """Stands for faiss with GPU code: like the real one it ignores filters and refuses k above 2,048."""

    StandardGpuResources = object

    def __init__(self, gpus: int = 1, *, wrong: bool = False, jitter: float = 0.0) -> None:
        self._gpus, self._wrong, self._jitter = gpus, wrong, jitter
        self.threads: set[int] = set()
        self.calls: list[tuple[int, int]] = []
        self.entered, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    def get_num_gpus(self) -> int:
        return self._gpus

    def index_cpu_to_gpu(self, resources: Any, device: int, index: Any) -> "FakeGpuFaiss._Index":
        return self._Index(self, index)

    class _Index:
        def __init__(self, library: "FakeGpuFaiss", index: Any) -> None:
            self._library, self._index = library, index

        def search(self, queries: Floats, k: int) -> tuple[Floats, Any]:
            self._library.entered.set()
            self._library.gate.wait(10)
            self._library.threads.add(threading.get_ident())
            self._library.calls.append((len(queries), k))
            if k > 2048:
                raise RuntimeError("GPU index only supports k <= 2048")
            scores, rows = self._index.search(queries, self._index.ntotal)
            noise = np.random.default_rng(k).uniform(-1, 1, scores.shape).astype(np.float32) * self._library._jitter
            order = np.argsort(-(scores + noise), axis=1)[:, :k]  # ties come in another order than on the processor
            scores, rows = np.take_along_axis(scores + noise, order, 1), np.take_along_axis(rows, order, 1)
            return (scores + 1 if self._library._wrong else scores), rows


cases = st.tuples(
    st.integers(0, 2**32 - 1),
    st.integers(1, 1500),
    st.integers(1, 5),
    st.integers(1, 400),
    st.floats(0, 1),
    st.booleans(),
)


def drawn(case: tuple[int, int, int, int, float, bool]) -> tuple[Floats, Floats, int, Mask | None]:
    """Small whole numbers: scores are exact, so equal scores really tie, and there are many of them."""
    seed, count, dim, k, share, filtered = case
    generator = np.random.default_rng(seed)
    vectors = generator.integers(-2, 3, (count, dim)).astype(np.float32)
    queries = generator.integers(-2, 3, (int(generator.integers(1, 20)), dim)).astype(np.float32)
    return vectors, queries, k, generator.random(count) < share if filtered else None


def assert_exact(index: VectorIndex, vectors: Floats, queries: Floats, k: int, allowed: Mask | None) -> None:
    assert_hits(index.search(queries, k, allowed), vectors, queries, k, allowed)


def assert_exact_without(index: VectorIndex, vectors: Floats, queries: Floats, k: int, allowed: Mask | None) -> None:
    """Compares with brute force when rows are dead, with the filter and without."""
    dead = np.flatnonzero(np.random.default_rng(k).random(len(vectors)) < 0.3)
    living = np.ones(len(vectors), np.bool_)
    living[dead] = False
    assert_hits(index.search(queries, k, None, dead), vectors, queries, k, living)
    both = living if allowed is None else living & allowed
    assert_hits(index.search(queries, k, allowed, dead), vectors, queries, k, both)


def assert_hits(found: list[Hits], vectors: Floats, queries: Floats, k: int, allowed: Mask | None) -> None:
    for query, hits in zip(queries, found, strict=True):
        expected = brute_force(vectors, query, k, allowed)
        assert hits.rows.tolist() == expected.rows.tolist()
        assert hits.scores.tolist() == expected.scores.tolist()


@hypothesis_settings(deadline=None)
@given(cases)
def test_search_is_exact_with_ties_and_filters(case: tuple[int, int, int, int, float, bool]) -> None:
    vectors, queries, k, allowed = drawn(case)
    assert_exact(FlatIndex.of(vectors), vectors, queries, k, allowed)
    assert_exact_without(FlatIndex.of(vectors), vectors, queries, k, allowed)


@hypothesis_settings(deadline=None)
@given(cases)
def test_gpu_search_is_exact_with_ties_and_filters(case: tuple[int, int, int, int, float, bool]) -> None:
    vectors, queries, k, allowed = drawn(case)
    index = GpuIndex(FlatIndex.of(vectors), library=FakeGpuFaiss())
    assert_exact(index, vectors, queries, k, allowed)
    assert_exact_without(index, vectors, queries, k, allowed)


@pytest.mark.parametrize("allowed_share", [1.0, 0.5, 0.01])
def test_many_equal_rows_come_in_row_order(allowed_share: float) -> None:
    vectors = np.ones((5000, 4), np.float32)
    allowed = np.random.default_rng(1).random(5000) < allowed_share
    hits = FlatIndex.of(vectors).search(vectors[:1], 30, allowed)[0]
    assert hits.rows.tolist() == np.flatnonzero(allowed)[:30].tolist()


def test_real_valued_search_finds_the_same_rows_as_brute_force() -> None:
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((2000, 64)).astype(np.float32)
    allowed = generator.random(2000) < 0.3
    for query, hits in zip(vectors[:40], FlatIndex.of(vectors).search(vectors[:40], 25, allowed), strict=True):
        expected = brute_force(vectors, query, 25, allowed)
        assert hits.rows.tolist() == expected.rows.tolist()
        np.testing.assert_allclose(hits.scores, expected.scores, rtol=1e-5, atol=1e-5)


def test_no_row_allowed_gives_no_hit() -> None:
    index = FlatIndex.of(np.ones((3, 2), np.float32))
    hits = index.search(np.ones((2, 2), np.float32), 5, np.zeros(3, np.bool_))
    assert [len(found.rows) for found in hits] == [0, 0]


def test_an_empty_index_gives_no_hit() -> None:
    hits = FlatIndex.of(np.zeros((0, 2), np.float32)).search(np.ones((1, 2), np.float32), 5)
    assert len(hits) == 1
    assert len(hits[0].rows) == 0


@pytest.mark.parametrize(
    ("queries", "k", "allowed"),
    [
        (np.full((1, 2), np.nan, np.float32), 1, None),
        (np.ones((1, 3), np.float32), 1, None),
        (np.ones(2, np.float32), 1, None),
        (np.ones((1, 2)), 1, None),
        (np.ones((1, 2), np.float32), 0, None),
        (np.ones((1, 2), np.float32), 1, np.ones(2, np.bool_)),
        (np.ones((1, 2), np.float32), 1, np.ones(3, np.int8)),
    ],
)
def test_search_refuses_what_does_not_fit(queries: Any, k: int, allowed: Any) -> None:
    with pytest.raises(InvalidQuery):
        FlatIndex.of(np.ones((3, 2), np.float32)).search(queries, k, allowed)


@pytest.mark.parametrize("dead", [[3], [-1], [1, 1], [2, 0], [[0]], [0.0]])
def test_search_refuses_dead_rows_that_do_not_fit(dead: Any) -> None:
    with pytest.raises(InvalidQuery, match="dead must be"):
        FlatIndex.of(np.ones((3, 2), np.float32)).search(np.ones((1, 2), np.float32), 1, None, np.array(dead))


def test_vectors_with_nan_are_refused() -> None:
    with pytest.raises(InvalidQuery, match="finite"):
        FlatIndex.of(np.array([[1, np.inf]], np.float32))


def test_saved_index_answers_alike(tmp_path: Path, settings: Settings) -> None:
    vectors = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)
    build_index(vectors, settings).save(tmp_path)
    loaded = load_index(tmp_path, settings)
    assert (loaded.count, loaded.dim, loaded.kind, loaded.memory_bytes) == (50, 8, "faiss flat cpu", 1600)
    np.testing.assert_array_equal(loaded.vectors(np.array([3, 1])), vectors[[3, 1]])
    assert_same_hits(loaded.search(vectors[:5], 7), FlatIndex.of(vectors).search(vectors[:5], 7))


def assert_same_hits(got: list[Hits], expected: list[Hits]) -> None:
    assert [hits.rows.tolist() for hits in got] == [hits.rows.tolist() for hits in expected]


@pytest.fixture
def index_bytes(tmp_path: Path) -> bytes:
    FlatIndex.of(np.ones((4, 2), np.float32)).save(tmp_path)
    return (tmp_path / INDEX_FILE).read_bytes()


@pytest.mark.parametrize("cut", [0, 3, 20, -1])
def test_a_cut_index_file_is_refused(cut: int, index_bytes: bytes, tmp_path: Path, settings: Settings) -> None:
    (tmp_path / INDEX_FILE).write_bytes(index_bytes[:cut])
    with pytest.raises(InvalidModel, match=INDEX_FILE):
        load_index(tmp_path, settings)


def test_an_index_file_that_claims_a_huge_length_is_refused(
    index_bytes: bytes, tmp_path: Path, settings: Settings
) -> None:
    length = len(index_bytes) - 4 * 2 * 4 - 8
    (tmp_path / INDEX_FILE).write_bytes(
        index_bytes[:length] + (2**38).to_bytes(8, "little") + index_bytes[length + 8 :]
    )
    with pytest.raises(InvalidModel):
        load_index(tmp_path, settings)


def test_another_kind_of_index_is_refused(tmp_path: Path, settings: Settings) -> None:
    faiss.write_index(faiss.IndexFlatL2(4), str(tmp_path / INDEX_FILE))
    with pytest.raises(InvalidModel, match="inner-product"):
        load_index(tmp_path, settings)


def test_auto_falls_back_to_the_processor_and_says_why(settings: Settings) -> None:
    index = build_index(np.ones((2, 2), np.float32), settings.replace(device="auto"))
    assert index.kind == "faiss flat cpu"
    assert "GPU" in index.reason


def test_device_gpu_without_a_gpu_is_an_error(settings: Settings) -> None:
    with pytest.raises(InvalidModel, match="device = gpu"):
        build_index(np.ones((2, 2), np.float32), settings.replace(device="gpu"))


def test_a_gpu_that_answers_wrongly_is_not_used() -> None:
    with pytest.raises(GpuUnavailable, match="smoke test"):
        GpuIndex(FlatIndex.of(np.ones((2, 2), np.float32)), library=FakeGpuFaiss(wrong=True))


def test_no_gpu_is_not_used() -> None:
    with pytest.raises(GpuUnavailable, match="no GPU"):
        GpuIndex(FlatIndex.of(np.ones((2, 2), np.float32)), library=FakeGpuFaiss(0))


def test_gpu_rounding_does_not_change_the_answer() -> None:
    """Two hundred rows closer to each other than the GPU rounds: what it proposes need not hold the nearest."""
    generator = np.random.default_rng(3)
    centre = np.eye(1, 16, dtype=np.float32)
    vectors = centre + generator.uniform(-1e-5, 1e-5, (400, 16)).astype(np.float32)
    vectors[200:] = generator.standard_normal((200, 16)).astype(np.float32) * 0.1
    index = GpuIndex(FlatIndex.of(vectors), library=FakeGpuFaiss(jitter=5e-5))
    assert_same_hits(index.search(centre, 9), FlatIndex.of(vectors).search(centre, 9))


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_scores_and_near_ties_are_to_the_last_bit_those_of_main_memory(share: float) -> None:
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((20_000, 257)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    allowed = None if share == 1 else generator.random(len(vectors)) < share
    host = FlatIndex.of(vectors)
    gpu = GpuIndex(host, library=FakeGpuFaiss(jitter=1e-6))
    for got, right in zip(gpu.search(vectors[:4], 1000, allowed), host.search(vectors[:4], 1000, allowed), strict=True):
        assert got.rows.tolist() == right.rows.tolist()
        assert got.scores.tolist() == right.scores.tolist()


def test_a_gpu_search_deeper_than_its_kernels_go_is_answered_in_main_memory() -> None:
    vectors = np.random.default_rng(0).standard_normal((3000, 4)).astype(np.float32)
    library = FakeGpuFaiss()
    index = GpuIndex(FlatIndex.of(vectors), library=library)
    library.calls.clear()
    assert len(index.search(vectors[:1], 2500)[0].rows) == 2500
    assert library.calls == []


def test_one_thread_owns_the_gpu_and_joins_waiting_queries() -> None:
    vectors = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
    library = FakeGpuFaiss()
    index = GpuIndex(FlatIndex.of(vectors), library=library)
    library.threads.clear()
    library.calls.clear()
    library.gate.clear()
    library.entered.clear()
    found: dict[int, Hits] = {}
    callers = [
        threading.Thread(target=lambda row=row: found.update({row: index.search(vectors[row : row + 1], 3)[0]}))
        for row in range(12)
    ]
    callers[0].start()
    assert library.entered.wait(10)
    for caller in callers[1:]:
        caller.start()
    for _ in range(10_000):  # the first query is held up, the others wait behind it
        if index._owner._jobs.qsize() == len(callers) - 1:
            break
        threading.Event().wait(0.001)
    library.gate.set()
    for caller in callers:
        caller.join(10)
    assert len(library.calls) == 2
    assert len(library.threads) == 1
    assert library.threads.isdisjoint({caller.ident for caller in callers})
    assert_same_hits([found[row] for row in range(12)], FlatIndex.of(vectors).search(vectors[:12], 3))


def test_a_gpu_that_fails_later_is_done_without(caplog: pytest.LogCaptureFixture) -> None:
    vectors = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    library, host = FakeGpuFaiss(), FlatIndex.of(vectors)
    index = GpuIndex(host, library=library)
    library.gate = None  # type: ignore[assignment]
    for _ in range(3):
        assert_same_hits(index.search(vectors[:2], 3), host.search(vectors[:2], 3))
    assert ("'NoneType'" in index.reason, caplog.text.count("the GPU failed")) == (True, 1)


def test_the_best_of_many_rows_are_those_of_a_whole_sort() -> None:
    chance = np.random.default_rng(3)
    rows = np.sort(chance.choice(10_000, 3000, replace=False))
    scores = chance.integers(0, 40, 3000).astype(np.float32)  # so that many tie with the last one wanted
    for k in (1, 10, 700, 2999, 3000, 5000):
        hits, order = best_hits(rows, scores, k), np.lexsort((rows, -scores))[:k]
        assert hits.rows.tolist() == rows[order].tolist()
        assert hits.scores.tolist() == scores[order].tolist()
    assert not len(best_hits(rows[:0], scores[:0], 10).rows)
