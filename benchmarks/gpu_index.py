"""Compares the index on a GPU with the one in main memory: milliseconds a query, alone and under a filter.

Needs FAISS with GPU code (`pip install .[gpu]`) and a GPU.

    python benchmarks/gpu_index.py [ROWS] [DIM]      default: 1,000,000 rows of 256 numbers, drawn at random
"""

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from data.settings import Settings
from engine.index import build_index
from engine.protocols import Floats, Mask, VectorIndex

K = 10
QUERIES = 50
THREADS = 8


def main() -> None:
    rows, dim = (int(sys.argv[at]) if len(sys.argv) > at else default for at, default in ((1, 1_000_000), (2, 256)))
    vectors, queries = drawn(rows, dim, seed=0), drawn(QUERIES, dim, seed=1)
    settings = Settings()
    host = build_index(vectors, settings.replace(device="cpu"))
    started = time.perf_counter()
    gpu = build_index(vectors, settings.replace(device="gpu"))
    print(f"{rows:,} rows of {dim}; onto the GPU in {time.perf_counter() - started:.1f} s")
    print(f"{'p50 ms a query':<28}{'main memory':>12}{'GPU':>8}")
    for name, share in (
        ("all rows", 1.0),
        ("filter of 50 %", 0.5),
        ("filter of 5 %", 0.05),
        ("filter of 0.5 %", 0.005),
    ):
        allowed = None if share == 1 else np.random.default_rng(2).random(rows) < share
        print(f"{name:<28}{median_ms(host, queries, allowed):>12.2f}{median_ms(gpu, queries, allowed):>8.2f}")
    print(f"{f'queries/s, {THREADS} threads':<28}{rate(host, queries):>12.0f}{rate(gpu, queries):>8.0f}")


def drawn(count: int, dim: int, seed: int) -> Floats:
    rows = np.random.default_rng(seed).standard_normal((count, dim), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def median_ms(index: VectorIndex, queries: Floats, allowed: Mask | None) -> float:
    times = []
    for query in queries:
        started = time.perf_counter()
        index.search(query[None], K, allowed)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def rate(index: VectorIndex, queries: Floats) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda query: index.search(query[None], K), queries))
    return len(queries) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
