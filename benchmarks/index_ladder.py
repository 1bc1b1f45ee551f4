"""Measures the kinds of index side by side on a large catalogue that is mixed from the photos of a real one.

    python benchmarks/index_ladder.py 1000000 HOME [--kinds "exact;ours;panorama;stored;IVF4096,SQ8"] [--threads 1,2]

HOME is a home with a published generation. The rows are mixed from its photos as benchmarks/scale.py mixes them, and go
through the generation's projection. Asked with are photos that are drawn in the same way but are not among the rows,
and words, through the generation's text tower. Recall is that of the 10 best, beside exact float32 scores; a tie counts
as right. Times are processor time of one query, the median.
"""

import argparse
import itertools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from scale_catalogue import BLOCK, Source

from data.generations import GenerationStore
from data.settings import load_settings
from engine.generation import Generation, load_generation
from engine.index import Learned, Lists, PartitionedIndex, StoredRows, tune
from engine.protocols import Floats

K, QUERIES = 10, 300
_OTHER_SEEDS = 1_000_000  # beyond those that the rows are drawn with
SHARES = (0.5, 0.05, 0.005)
_LOOKS = ("striped", "dotted", "floral", "soft", "warm", "slim", "summer", "red", "빨간", "줄무늬", "따뜻한", "여름")
_THINGS = ("dress", "shoes", "t-shirt", "hat", "skirt", "pants", "shorts", "bag", "원피스", "운동화", "바지", "milk")
Search = Callable[[Floats], NDArray[np.int64]]


@dataclass(frozen=True)
class Asked:
    """Queries, float32 (q, d), and the exact score of the tenth best row of each, float32 (q,)."""

    queries: Floats
    tenth: Floats


def main() -> None:
    options = _options()
    generation, draw = _source(options.home)
    print(f"{options.count:,} rows, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
    rows = draw(options.count, 0)
    words = [f"{look} {thing}" for look, thing in itertools.product(_LOOKS, _THINGS)]
    tower = generation.text_tower()
    points = {"photo": draw(QUERIES, _OTHER_SEEDS), **({"text": tower.embed(words)} if tower else {})}
    asked = {kind: Asked(queries, _tenth(rows, queries)) for kind, queries in points.items()}
    tuned_with = {kind: queries for kind, queries in points.items() if kind != "photo"}
    for kind in options.kinds.split(";"):
        started, used = time.time(), time.process_time()
        searches = dict(KINDS[kind](rows, tuned_with)) if kind in KINDS else dict(_factory(kind, rows))
        print(f"\n{kind}: built in {time.time() - started:.0f} s, processor {time.process_time() - used:.0f} s, load "
              f"{os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
        for threads in map(int, options.threads.split(",")):
            faiss.omp_set_num_threads(threads)
            for name, search in searches.items():
                print(f"  {name}, {threads} threads: {_measured(rows, asked, search)}", flush=True)
        faiss.omp_set_num_threads(os.cpu_count() or 1)


def exact(rows: Floats, _: dict[str, Floats]) -> Iterator[tuple[str, Search]]:
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    yield "exact", lambda query: index.search(query[None], K)[1][0]


def panorama(rows: Floats, _: dict[str, Floats]) -> Iterator[tuple[str, Search]]:
    index = faiss.IndexFlatIPPanorama(rows.shape[1], 8)
    index.add(rows)
    yield "exact, 8 levels", lambda query: index.search(query[None], K)[1][0]


def ours(rows: Floats, words: dict[str, Floats]) -> Iterator[tuple[str, Search]]:
    """Yields our own index: tuned, for 10 and 1,000 hits, and under filters of random rows."""
    index = PartitionedIndex(Lists.of(rows, Learned.of(rows)))
    started = time.time()
    measured = tune(index, rows, words, 0.99)
    print(f"\ntuned in {time.time() - started:.0f} s: {index.tuned}, {index.memory_bytes / 1e6:.0f} MB")
    for name, points in (("all rows", measured), ("a twentieth", measured.get("filtered", {}))):
        print(f" of {name}:")
        for point in points.get("curve", ()):
            print("  " + ", ".join(f"{fact} {value}" for fact, value in point.items()))
    if index.tuned is None:
        return
    yield "10 hits", lambda query: index.search(query[None], K)[0].rows
    yield "of 82 hits the first 10", lambda query: index.search(query[None], 82)[0].rows[:K]
    yield "of 1,064 hits the first 10", lambda query: index.search(query[None], 1064)[0].rows[:K]
    for share in SHARES:
        allowed = np.random.default_rng(5).random(len(rows)) < share
        yield f"filter of {share:.1%}", _Filtered(index, allowed)


def stored_rows(rows: Floats, _: dict[str, Floats]) -> Iterator[tuple[str, Search]]:
    """Prints how wrong the scores of 16-bit rows are, whole numbers and float16, and what 1,100 of them cost."""
    half, query = rows.astype(np.float16), rows[5]
    stored = StoredRows.of(Lists.of(rows, Learned.of(rows)))
    asked = np.sort(np.random.default_rng(6).choice(len(rows), 1100, replace=False))
    ways: dict[str, Callable[[], Floats]] = {
        "whole numbers": lambda: stored.scores(query, asked),
        "float16": lambda: np.einsum("ij,j->i", half[asked].astype(np.float32), query),
    }
    for name, scores in ways.items():
        times = []
        for _round in range(50):
            used = time.thread_time()
            scores()
            times.append(time.thread_time() - used)
        wrong = scores() - rows[asked] @ query
        print(f"\n{name}: scores wrong by {np.std(wrong):.2g}, 1,100 rows {1000 * np.median(times):.2f} ms", flush=True)
    yield from ()


class _Filtered:
    def __init__(self, index: PartitionedIndex, allowed: NDArray[np.bool_]) -> None:
        self._index, self.allowed = index, allowed

    def __call__(self, query: Floats) -> NDArray[np.int64]:
        return self._index.search(query[None], K, self.allowed)[0].rows


KINDS = {"exact": exact, "panorama": panorama, "ours": ours, "stored": stored_rows}


def _factory(kind: str, rows: Floats) -> Iterator[tuple[str, Search]]:
    """Yields searches of an index that FAISS's `index_factory` makes, each scored again by the rows themselves."""
    index = faiss.index_factory(rows.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    sample = np.sort(np.random.default_rng(0).choice(len(rows), min(len(rows), 131_072), replace=False))
    index.train(rows[sample])
    index.add(rows)

    def search(query: Floats, depth: int, parameters: Any) -> NDArray[np.int64]:
        found = index.search(query[None], depth, params=parameters)[1][0]
        found = found[found >= 0]
        best: NDArray[np.int64] = found[np.argsort(-(rows[found] @ query))][:K]
        return best

    for (name, parameters), depth in itertools.product(_ways(kind).items(), (30, 300)):
        yield f"{name}, {depth} scored again", partial(search, depth=depth, parameters=parameters)


def _ways(kind: str) -> dict[str, Any]:
    """Returns name -> search parameters to try; which class they have depends on the kind."""
    library: Any = faiss
    if "RaBitQ" in kind and "IVF" in kind:
        return {f"{lists} lists": library.IVFRaBitQSearchParameters(nprobe=lists) for lists in (64, 128)}
    if "IVF" in kind:
        return {f"{lists} lists": library.SearchParametersIVF(nprobe=lists) for lists in (32, 64, 128)}
    if "HNSW" in kind:
        return {f"efSearch {ef}": library.SearchParametersHNSW(efSearch=ef) for ef in (32, 64, 128, 256)}
    return {"all rows": None}


def _measured(rows: Floats, asked: dict[str, Asked], search: Search) -> str:
    found = []
    for kind, questions in asked.items():
        allowed = getattr(search, "allowed", None)
        tenth = questions.tenth if allowed is None else _tenth(rows[allowed], questions.queries)
        right, times = 0, []
        for query, least in zip(questions.queries, tenth, strict=True):
            clock, used = time.perf_counter(), time.thread_time()
            hits = search(query)
            times.append((time.thread_time() - used, time.perf_counter() - clock))
            right += int(np.count_nonzero(rows[hits] @ query >= least - 1e-5))
        used_ms, clock_ms = 1000 * np.median(times, axis=0)
        recall = right / K / len(questions.queries)
        found.append(f"{kind} recall {recall:.4f}, {used_ms:.2f} ms ({clock_ms:.2f} by the clock)")
    return "; ".join(found)


def _tenth(rows: Floats, queries: Floats) -> Floats:
    scores: Floats = faiss.knn(queries, rows, K, metric=faiss.METRIC_INNER_PRODUCT)[0]
    return scores[:, K - 1]


def _source(home: Path) -> tuple[Generation, Callable[[int, int], Floats]]:
    """Returns the home's live generation, and what draws so many rows of its space, with seeds from a first one on."""
    generation = load_generation(load_settings(home=home), GenerationStore(home).open())
    source = Source.of(home)

    def draw(count: int, first_seed: int) -> Floats:
        rows = np.empty((count, generation.index.dim), np.float32)
        for seed, start in enumerate(range(0, count, BLOCK), first_seed):
            part = rows[start : start + BLOCK]
            part[:] = generation.projection.apply(source.drawn(seed)[1][: len(part)])
        return rows

    return generation, draw


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("home", type=Path)
    parser.add_argument("--kinds", default="exact;ours")
    parser.add_argument("--threads", default="1")
    return parser.parse_args()


if __name__ == "__main__":
    main()
