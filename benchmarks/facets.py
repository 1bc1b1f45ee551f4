"""What totals, facets, sorting and caps add to a search: on a synthetic catalogue of facts, without photos.

    python benchmarks/facets.py 100000 [HOME]

Makes N products in HOME (by default in a temporary folder; a HOME that has N products is used as it is), asks 300 times
with random filters, and prints milliseconds of processor time, which other work on the machine changes less than the
time by the clock, and the memory of the columns. Everything runs in one thread.
"""

import platform
import random
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np

from data.catalogue import Catalogue, Product
from data.columns import FACTS, ColumnStore, resized
from data.filters import parse_filter
from engine.answers import arranged, counted

FACETS = "brand,category,colour,price,attr.size"
NAMES = (*FACTS, "attr.size")
COLOURS = ("black", "white", "grey", "red", "blue", "green", "yellow", "pink", "brown", "beige", "navy", "multi")
SIZES = ("XS", "S", "M", "L", "XL", *(str(number) for number in range(220, 295, 5)))
QUESTIONS = 300
DEPTH = 1000
Result = TypeVar("Result")


def main(products: int, home: Path) -> None:
    """Prints a table."""
    catalogue = Catalogue(home)
    if catalogue.counts()["products"] != products:
        _fill(catalogue, products)
    print(f"{products:,} products; {platform.processor() or platform.machine()}, Python {platform.python_version()}")
    before_mb = _memory_mb()
    store = ColumnStore(catalogue)
    started = time.perf_counter()
    store.columns(NAMES)
    print(
        f"reading {len(NAMES)} columns: {time.perf_counter() - started:.2f} s, {_memory_mb() - before_mb:.0f} MB more"
    )
    times = defaultdict[str, list[float]](list)
    rng = random.Random(3)
    findable = np.concatenate(store.columns(NAMES).alive.parts)
    for number in range(QUESTIONS):
        _ask(catalogue, store, findable, rng, times)
        if number % 10 == 0:
            changed = _product(rng.randrange(products), rng)
            catalogue.upsert(changed, None)
            _timed(times, "five facets after all facts changed", lambda: counted(store, FACETS, findable))
            catalogue.upsert(replace(changed, price=1.0), None)
            _timed(times, "five facets after a price changed", lambda: counted(store, FACETS, findable))
    print(f"{'ms of processor time':38} {'p50':>8} {'p95':>8}")
    for name, each in times.items():
        print(f"{name:38} {np.percentile(each, 50):8.2f} {np.percentile(each, 95):8.2f}")


def _ask(
    catalogue: Catalogue, store: ColumnStore, findable: np.ndarray, rng: random.Random, times: dict[str, list[float]]
) -> None:
    parsed = parse_filter(_filter(rng))
    by_sql = _timed(times, "filter, by SQL", lambda: catalogue.matching_keys(parsed))
    passing = _timed(times, "filter, by columns", lambda: store.passing(parsed))
    if not np.array_equal(np.flatnonzero(passing), by_sql):
        raise SystemExit("the columns must let through what SQL does; got other products. The figures mean nothing.")
    keys = np.array(rng.sample(by_sql.tolist(), min(DEPTH, len(by_sql))), np.int64)
    sort = rng.choice(["price", "-price", "created_at", "-created_at"])

    def extra() -> int:
        matched = _timed(times, "  total", lambda: findable & resized(passing, len(findable)))
        _timed(times, "  facets", lambda: counted(store, FACETS, matched))
        _timed(times, "  sort and max_per", lambda: arranged(store, keys, sort, "brand:2", 0))
        return int(np.count_nonzero(matched))

    _timed(times, "total, five facets, sort and max_per", extra)


def _timed(times: dict[str, list[float]], name: str, run: Callable[[], Result]) -> Result:
    started = time.thread_time()
    result = run()
    times[name].append((time.thread_time() - started) * 1000)
    return result


def _filter(rng: random.Random) -> str:
    """Returns a filter as shoppers' clicks make them; every third lets everything through."""
    parts = [
        f"price < {rng.choice((20, 50, 100, 400))}",
        f'category IN ("category {rng.randrange(12)}", "category {rng.randrange(60)}")',
        f'brand = "brand {_frequent(rng, 500)}"',
        f'colour IN ("{rng.choice(COLOURS)}", "{rng.choice(COLOURS)}")',
        f'NOT attr.size = "{rng.choice(SIZES)}"',
        "created_at >= 2025-06-01",
        "in_stock = true",
    ]
    return " AND ".join(rng.sample(parts, rng.randint(1, 3))) if rng.random() < 2 / 3 else "NOT price < 0"


def _fill(catalogue: Catalogue, products: int) -> None:
    rng = random.Random(1)
    for start in range(0, products, 1000):
        catalogue.upsert_many(_products(range(start, min(start + 1000, products)), rng))
        if start % 50_000 == 0:
            print(f"{start:,} products written", file=sys.stderr)


def _products(numbers: range, rng: random.Random) -> Iterator[tuple[Product, None]]:
    for number in numbers:
        yield _product(number, rng), None


def _product(number: int, rng: random.Random) -> Product:
    return Product(
        product_id=f"p{number}",
        title=f"thing {number}",
        brand=f"Brand {_frequent(rng, 500)}",
        category=f"Category {_frequent(rng, 60)}",
        price=round(rng.lognormvariate(3.5, 1), 2),
        currency="EUR",
        colour=rng.choice(COLOURS),
        created_at=datetime(2026, 6, 1, tzinfo=UTC) - timedelta(minutes=rng.randrange(1_000_000)),
        in_stock=rng.random() < 0.9,
        attributes={"size": rng.choice(SIZES), "weight": round(rng.uniform(0.1, 30), 1)},
    )


def _frequent(rng: random.Random, most: int) -> int:
    """Returns a number below `most`, small ones more often, as with brands."""
    return int(most ** rng.random()) - 1


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(int(sys.argv[1]), Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(int(sys.argv[1]), Path(folder))
