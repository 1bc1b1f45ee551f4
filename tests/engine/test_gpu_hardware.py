"""The GPU index on a real GPU, against brute force and the index in main memory; skipped where FAISS sees no GPU."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data.settings import Settings
from engine.index import build_index, load_index
from engine.index.flat import FlatIndex
from engine.index.gpu import GpuIndex
from engine.protocols import Floats, Mask, VectorIndex

pytestmark = pytest.mark.skipif(
    not hasattr(faiss, "StandardGpuResources") or not faiss.get_num_gpus(), reason="FAISS sees no GPU"
)


def unit_rows(count: int, dim: int, seed: int = 0) -> Floats:
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def assert_alike(gpu: VectorIndex, host: VectorIndex, queries: Floats, k: int, allowed: Mask | None) -> None:
    for got, right in zip(gpu.search(queries, k, allowed), host.search(queries, k, allowed), strict=True):
        assert got.rows.tolist() == right.rows.tolist()
        assert got.scores.tolist() == right.scores.tolist()


@pytest.fixture(scope="module")
def both() -> tuple[GpuIndex, FlatIndex]:
    host = FlatIndex.of(unit_rows(200_000, 256))
    return GpuIndex(host), host


@hypothesis_settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1), st.integers(1, 1500), st.integers(1, 400), st.floats(0, 1))
def test_search_is_exact_with_ties_and_filters(seed: int, count: int, k: int, share: float) -> None:
    """Small whole numbers: equal scores really tie, and there are many of them."""
    generator = np.random.default_rng(seed)
    host = FlatIndex.of(generator.integers(-2, 3, (count, 3)).astype(np.float32))
    queries = generator.integers(-2, 3, (5, 3)).astype(np.float32)
    assert_alike(GpuIndex(host), host, queries, k, generator.random(count) < share)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.05, 0.001, 0.0])
@pytest.mark.parametrize("k", [1, 10, 1000])
def test_a_large_index_answers_as_in_main_memory(both: tuple[GpuIndex, FlatIndex], k: int, share: float) -> None:
    gpu, host = both
    allowed = None if share == 1.0 else np.random.default_rng(k).random(host.count) < share
    assert_alike(gpu, host, unit_rows(8, 256, seed=1), k, allowed)


def test_many_threads_get_their_own_answers(both: tuple[GpuIndex, FlatIndex]) -> None:
    gpu, host = both
    queries = unit_rows(400, 256, seed=2)
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda row: gpu.search(queries[row : row + 1], 10)[0].rows.tolist(), range(400)))
    assert found == [hits.rows.tolist() for hits in host.search(queries, 10)]


def test_saved_index_is_read_onto_the_gpu(tmp_path: Path, settings: Settings) -> None:
    on_gpu = settings.replace(device="gpu")
    vectors = unit_rows(500, 8)
    built = build_index(vectors, on_gpu)
    built.save(tmp_path)
    loaded = load_index(tmp_path, on_gpu)
    assert built.kind == loaded.kind == "faiss flat gpu"
    assert_alike(loaded, FlatIndex.of(vectors), vectors[:5], 7, None)
