"""Measures what Lookalike adds to a search in Milvus: the bare client, the index and the whole search, in turns.

    python benchmarks/milvus_overhead.py HOME [--queries 200]

HOME is a home whose live generation is searched in Milvus; LOOKALIKE_MILVUS_URI names the server. Each query is a
product of the catalogue ("similar", ten hits), asked of all three in turns, so that other work on the machine falls on
all alike. The bare client asks for as many rows, with the same parameters, as the index does. Printed are p50 and p95
by the clock, and the processor time of this process, which Milvus's own does not belong to.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from data.catalogue import Catalogue
from data.generations import GenerationStore
from data.settings import load_settings
from engine.generation import load_generation
from engine.index import MilvusCollection, MilvusIndex, server_of
from engine.protocols import Floats
from engine.search import SearchEngine, SearchRequest

_HITS = 10
_WARM_UP = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--queries", type=int, default=200)
    options = parser.parse_args()
    settings = load_settings(home=options.home)
    generation = load_generation(settings, GenerationStore(options.home).open())
    index = generation.index
    if not isinstance(index, MilvusIndex):
        raise SystemExit(f"the live generation must be searched in Milvus; it is searched by {index.kind}.")
    engine = SearchEngine(settings)
    engine.warm()
    rows = np.random.default_rng(3).choice(index.count, options.queries + _WARM_UP, replace=False)
    facts = Catalogue(options.home).facts(np.unique(generation.rows.product_keys[rows]).tolist())
    depth, asked = _depth_and_parameters(engine, next(iter(facts.values())).product.product_id)
    client: Any = server_of(settings).ask(lambda client: client)

    def bare(row: int) -> object:
        return client.search(index.collection.name, [index.vectors(np.array([row]))[0]], limit=depth, **asked)

    def indexed(row: int) -> object:
        return index.search(index.vectors(np.array([row])), depth - 16)

    def whole(row: int) -> object:
        product = facts[int(generation.rows.product_keys[row])].product
        return engine.search(SearchRequest(product_id=product.product_id, k=_HITS))

    print(f"{index.kind}, {index.count:,} rows, {depth} rows asked for, load {os.getloadavg()[0]:.1f}")
    _table({"bare client": bare, "index": indexed, "whole search": whole}, rows.tolist())


def _depth_and_parameters(engine: SearchEngine, product_id: str) -> tuple[int, dict[str, Any]]:
    """Returns how many rows a search asks Milvus for, and the other parameters, by looking at one."""
    seen: list[tuple[int, dict[str, Any]]] = []
    whole = MilvusCollection.search

    def search(collection: MilvusCollection, queries: Floats, limit: int, **asked: Any) -> Any:
        seen.append((limit, asked))
        return whole(collection, queries, limit, **asked)

    with patch.object(MilvusCollection, "search", search):
        engine.search(SearchRequest(product_id=product_id, k=_HITS))
    return seen[0]


def _table(ways: dict[str, Callable[[int], object]], rows: list[int]) -> None:
    clock: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    for place, row in enumerate(rows):
        for name, ask in ways.items():
            started, spent = time.perf_counter(), time.process_time()
            ask(row)
            if place >= _WARM_UP:
                clock[name].append((time.perf_counter() - started) * 1000)
                processor[name].append((time.process_time() - spent) * 1000)
    print(f"{'':14}{'p50 ms':>9}{'p95 ms':>9}{'processor ms':>14}")
    for name in ways:
        times = sorted(clock[name])
        half = statistics.median(times)
        print(f"{name:14}{half:9.2f}{times[int(0.95 * len(times))]:9.2f}{statistics.median(processor[name]):14.2f}")


if __name__ == "__main__":
    main()
