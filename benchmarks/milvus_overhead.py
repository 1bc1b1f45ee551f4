"""Measures what Lookalike adds to a search in Milvus: the bare client, the index and the whole search, in turns.

    python benchmarks/milvus_overhead.py HOME [--queries 200] [--milvus PID]

HOME is a home whose live generation is searched in Milvus; LOOKALIKE_MILVUS_URI names the server. Each query is a
product of the catalogue ("similar", ten hits), asked of all three in turns, so that other work on the machine falls on
all alike. The bare client asks for as many rows, with the same parameters, as the index does. Printed are p50 and p95
by the clock, and the processor time of this process. That of Milvus is another; with the PID of a Milvus on this
machine it is printed too, with what that server does beside the queries.
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
from home_server import processor_s

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
    parser.add_argument("--milvus", type=int, default=0, metavar="PID")
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
    _table({"bare client": bare, "index": indexed, "whole search": whole}, rows.tolist(), options.milvus)


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


def _table(ways: dict[str, Callable[[int], object]], rows: list[int], milvus: int) -> None:
    columns = ("clock", "here", "Milvus")
    spent: dict[str, dict[str, list[float]]] = {name: {column: [] for column in columns} for name in ways}
    for place, row in enumerate(rows):
        for name, ask in ways.items():
            before = _now_s(milvus)
            ask(row)
            if place >= _WARM_UP:
                for column, began, ended in zip(columns, before, _now_s(milvus), strict=True):
                    spent[name][column].append((ended - began) * 1000)
    print(f"{'':14}{'p50 ms':>9}{'p95 ms':>9}{'processor here, ms':>20}{'mean in Milvus, ms':>20}")
    for name, each in spent.items():
        clock = sorted(each["clock"])
        print(
            f"{name:14}{statistics.median(clock):9.2f}{clock[int(0.95 * len(clock))]:9.2f}"
            f"{statistics.median(each['here']):20.2f}{statistics.mean(each['Milvus']):20.2f}"
        )


def _now_s(milvus: int) -> tuple[float, float, float]:
    """Returns the clock, and the processor time of this process and of Milvus, in seconds."""
    return time.perf_counter(), time.process_time(), processor_s(milvus) if milvus else 0.0


if __name__ == "__main__":
    main()
