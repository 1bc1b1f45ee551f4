"""How well words find products by their letters, by their meaning, and by both, for several shares of the letters.

    python benchmarks/legs.py HOME QUERIES.csv

QUERIES.csv is a file for `lookalike evaluate retrieval`, such as the sample's `text_queries.csv`. The home must have a
live generation. Prints mean average precision by the queries' source, and the median time of one search.
"""

import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from data.catalogue import Catalogue
from data.settings import load_settings
from engine.answers import fusion
from engine.search import SearchEngine, SearchRequest
from training.evaluation import read_queries

WAYS = (("dense", 0.0), ("lexical", 1.0), *(("fused", share) for share in (0.1, 0.3, 0.5, 0.7)))


def main(home: Path, queries: Path) -> None:
    """Prints a table."""
    settings = load_settings(home=home)
    products = list(Catalogue(settings.home).iter_facts())
    ids = {fact.product_key: fact.product.product_id for fact in products}
    asked = read_queries([queries], products, settings).queries
    engine = SearchEngine(settings)
    engine.warm()
    print(f"{'way':8} {'share':>5} {'source':>8} {'queries':>7} {'mAP':>6} {'ms':>5}")
    for legs, share in WAYS:
        precisions, times = defaultdict[str, list[float]](list), list[float]()
        fusion.LETTERS_SHARE = share
        for query in asked:
            started = time.perf_counter()
            answer = engine.search(SearchRequest(text=query.text, k=1000, freshness=0.0, legs=legs))
            times.append((time.perf_counter() - started) * 1000)
            found = [hit.product_id for hit in answer.hits]
            precisions[query.source].append(_average_precision(found, {ids[key] for key in query.gains}))
        for source, each in precisions.items():
            print(f"{legs:8} {share:5.1f} {source:>8} {len(each):7} {np.mean(each):6.3f} {np.median(times):5.1f}")


def _average_precision(found: list[str], right: set[str]) -> float:
    places = [place for place, product_id in enumerate(found, 1) if product_id in right]
    return sum(number / place for number, place in enumerate(places, 1)) / len(right)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
