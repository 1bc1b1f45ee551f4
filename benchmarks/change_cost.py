"""Measures what a change of the catalogue costs the next question: a new view, and a filter over all facts.

    python benchmarks/change_cost.py HOME [--changes 40]

HOME has a published generation. It is changed: products are added to it, each with the features of a photo that is
there, so give it a copy. The times are the processor's, which other work on the machine changes less.
"""

import argparse
import hashlib
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from family_memory import memory_mb

from data.catalogue import Catalogue, PhotoRecord, Product
from data.columns import FACTS, ColumnStore
from data.features import FeatureStore
from data.filters import parse_filter
from data.settings import load_settings
from engine.live import LiveIndex
from engine.protocols import Floats

_FILTERS = ('brand = "Acorn"', "price < 40", 'colour = "red" AND price < 30', 'NOT category = "dress"')


def main() -> None:
    options = _options()
    settings, catalogue = load_settings(home=options.home), Catalogue(options.home)
    live, columns = LiveIndex(settings, catalogue), ColumnStore(catalogue)
    generation = live.view().generation
    features = FeatureStore(options.home, generation.spec.fingerprint, generation.spec.dim)
    known = features.read([generation.rows.image_sha256[0].decode()])
    print(f"{live.view().findable_count:,} products, load {os.getloadavg()[0]:.1f}; processor ms, p50 and p95")
    _row("reading the columns", [_spent(lambda: columns.columns(FACTS))])
    for text in _FILTERS:
        ask = partial(columns.passing, parse_filter(text))
        _row(text, [_spent(ask) for _ in range(options.changes)])
    views, filtered = [], []
    for _ in range(options.changes):
        _put(catalogue, features, known)
        views.append(_spent(live.view))
        filtered.append(_spent(lambda: columns.passing(parse_filter("price < 40"))))
    _row("a view after a change", views)
    _row("price < 40 after a change", filtered)
    print(f"memory {memory_mb(os.getpid()):.0f} MB, of which {generation.index.memory_bytes / 1e6:.0f} index")


def _put(catalogue: Catalogue, features: FeatureStore, row: Floats) -> None:
    """Adds a product, and the features of its photo."""
    name = f"change {time.time_ns()}"
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    features.append([sha256], row)
    photo = PhotoRecord(sha256=sha256, source="/none", size_bytes=1, width=1, height=1, colours=("red",))
    catalogue.upsert(Product(product_id=name, title=name, brand="Acorn", price=3.0, colour="red"), [photo])


def _spent(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return (time.process_time() - started) * 1000


def _row(name: str, times: list[float]) -> None:
    middle, late = np.percentile(times, [50, 95])
    print(f"{name:32}{middle:9.2f}{late:9.2f}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--changes", type=int, default=40)
    return parser.parse_args()


if __name__ == "__main__":
    main()
