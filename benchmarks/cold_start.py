"""Prints the two cold-start tables of a real catalogue with SIMULATED behaviour.

    nice python benchmarks/cold_start.py clothing/catalogue.jsonl --home /tmp/cold-start

It imports the catalogue and builds a generation without any event; simulates two years of searches, clicks and
purchases; learns queries from the events before the split; and measures on the later ones. A second run with the same
--home starts from its generation.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from simulation import Shop, SimulatedEvents, SimulatorOptions, shop_of, simulate, simulated_behaviour

from data.catalogue import Catalogue
from data.features import FeatureStore
from data.generations import GenerationStore
from data.settings import load_settings
from engine.known_queries import LearnedTextTower
from engine.live import LiveIndex, LiveView
from engine.protocols import TextTower
from engine.space import normalise
from indexer.importing import import_feed
from indexer.rebuild import rebuild
from training.behaviour import Behaviour
from training.evaluation import compare, joint_scores, products_of
from training.known_queries import learn_queries
from training.reports import cold_start as report

END = datetime(2026, 11, 1, tzinfo=UTC)
START = END - timedelta(days=730)
HELD_OUT_DAYS = 56


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(home=arguments.home or Path(folder), backbone=arguments.backbone)
        catalogue = Catalogue(settings.home)
        if not catalogue.counts()["products"]:
            import_feed(settings, arguments.catalogue)
        if GenerationStore(settings.home).current_id() is None:
            rebuild(settings)
        view = LiveIndex(settings, catalogue).view()
        store = FeatureStore(settings.home, view.generation.spec.fingerprint, view.generation.spec.dim)
        shop = simulated_shop(catalogue, store)
        split = END - timedelta(days=HELD_OUT_DAYS)
        options = SimulatorOptions(
            events=arguments.events, queries=arguments.queries, seed=arguments.seed,
            start=START.timestamp(),
            end=END.timestamp(),
            busy_from=split.timestamp(),
            busy_times=arguments.held_out_times,
        )  # fmt: skip
        started = time.perf_counter()
        events = simulate(shop, options)
        print(
            f"{len(events):,} simulated events in {time.perf_counter() - started:.1f} s, {len(events.queries)} queries"
        )
        products, keys = products_of(catalogue.iter_facts(), view, split)
        past = simulated_behaviour(events, until=split.timestamp())
        future = simulated_behaviour(events, since=split.timestamp())
        truth = _Truth(events, products.product_ids)
        plain = compare(products, joint_scores(view, keys), past, future, split, arguments.queries, truth)
        tower = learned_tower(view, products.product_ids, keys, past)
        found = compare(products, joint_scores(view, keys, tower), past, future, split, arguments.queries, truth)
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        print(f"\nWITHOUT LEARNED QUERIES (the text tower has seen no event)\n\n{report.describe(plain)}")
        print(f"\nWITH LEARNED QUERIES\n\n{report.describe(found)}\n")
        _verdict(found.to_json())
        if arguments.report:
            report.write_report(arguments.report, found)
            arguments.report.with_suffix(".json").write_text(json.dumps(found.to_json(), indent=2), encoding="utf-8")


def simulated_shop(catalogue: Catalogue, store: FeatureStore) -> Shop:
    """Returns the shop as users see it: looks are plain features, not the product space that is measured."""
    snapshot = catalogue.snapshot()
    stored = set(snapshot.image_sha256) - set(store.missing(snapshot.image_sha256))
    rows = [row for row, sha in enumerate(snapshot.image_sha256) if sha in stored]
    features = np.sqrt(np.maximum(store.read([snapshot.image_sha256[row] for row in rows]), 0))
    features /= np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)
    keys, firsts = np.unique(snapshot.product_keys[rows], return_index=True)
    means = np.add.reduceat(features, firsts, axis=0)
    vectors = dict(zip(keys.tolist(), means / np.linalg.norm(means, axis=1, keepdims=True), strict=True))
    return shop_of(catalogue.iter_facts(), start=START.timestamp(), end=END.timestamp(), vectors=vectors)


def learned_tower(view: LiveView, product_ids: tuple[str, ...], keys: NDArray[np.int64], past: Behaviour) -> TextTower:
    """Returns the live text tower with the queries that a rebuild learns from the events before the split."""
    tower = view.generation.text_tower()
    if tower is None:
        raise SystemExit("the catalogue must have texts; it has none.")
    rows = view.rows_by_product
    rows = rows[np.isin(view.products_of(rows), keys)]
    firsts = np.searchsorted(view.products_of(rows), keys)
    vectors = normalise(np.add.reduceat(view.vectors(rows), firsts, axis=0))
    started = time.perf_counter()
    learned = learn_queries(past, tower, list(product_ids), vectors)
    print(f"{len(learned.texts)} queries learned in {time.perf_counter() - started:.1f} s")
    return LearnedTextTower(tower, learned)


class _Truth:
    """Called with a query, returns the true relevance of all products, float64 (n,)."""

    def __init__(self, events: SimulatedEvents, product_ids: tuple[str, ...]) -> None:
        numbers = {product_id: number for number, product_id in enumerate(product_ids)}
        self._place = np.array([numbers.get(product_id, -1) for product_id in events.product_ids])
        self._query = {text: number for number, text in enumerate(events.queries)}
        self._truth, self._count = events.truth, len(product_ids)

    def __call__(self, query: str) -> NDArray[np.float64]:
        number = self._query[query]
        part = slice(self._truth.starts[number], self._truth.starts[number + 1])
        place = self._place[self._truth.products[part]]
        found = np.zeros(self._count)
        found[place[place >= 0]] = self._truth.relevance[part][place >= 0]
        return found


def _verdict(found: dict[str, list[dict[str, float]]]) -> None:
    behaviour, joint, blended = found["rankings"]
    for name, row in (("joint", joint), ("blended", blended)):
        for top in ("top100", "top20"):
            month = row[f"{top}_month"] / max(behaviour[f"{top}_month"], 1e-9)
            quarter = row[f"{top}_quarter"] / max(behaviour[f"{top}_quarter"], 1e-9)
            print(f"{name} against behaviour, {top}: <= 1 month x{month:.1f} (3), <= 3 months x{quarter:.1f} (2)")
        print(f"{name} click nDCG@20 {row['ndcg20']:.3f} against {behaviour['ndcg20']:.3f} (bar: no worse)")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).parents[2] / "shared/data/clothing/catalogue.jsonl"
    parser.add_argument("catalogue", type=Path, nargs="?", default=default)
    parser.add_argument("--home", type=Path, help="folder kept between runs; default: a temporary one")
    parser.add_argument("--backbone", default="efficientnet_lite2")
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--held-out-times", type=float, default=20, help="times as many events after the split")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path, help="HTML file to write, with a JSON file beside it")
    arguments = parser.parse_args()
    if not arguments.catalogue.exists():
        raise SystemExit(f"a catalogue must be given; {arguments.catalogue} is not there. See docs/cold-start.md.")
    return arguments


if __name__ == "__main__":
    main()
