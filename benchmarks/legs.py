"""How well words find products by their letters, by their meaning, and by both, for several shares of the letters.

    python benchmarks/legs.py HOME QUERIES.csv

QUERIES.csv is like the sample's `text_queries.csv`: query_text, language, and the facts that right products have. The
home must have a live generation. Prints mean average precision by language, and the median time of one search.
"""

import csv
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from data.catalogue import Catalogue, ProductFacts
from data.settings import load_settings
from engine.answers import fusion
from engine.search import SearchEngine, SearchRequest

WAYS = (("dense", 0.0), ("lexical", 1.0), *(("fused", share) for share in (0.1, 0.3, 0.5, 0.7)))


def main(home: Path, queries: Path) -> None:
    """Prints a table."""
    settings = load_settings(home=home)
    with queries.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    products = list(Catalogue(settings.home).iter_facts())
    asked = [(row["query_text"], row["language"], right) for row in rows if (right := _right(row, products))]
    engine = SearchEngine(settings)
    engine.warm()
    print(f"{'way':8} {'share':>5} {'language':>8} {'queries':>7} {'mAP':>6} {'ms':>5}")
    for legs, share in WAYS:
        precisions, times = defaultdict[str, list[float]](list), list[float]()
        fusion.LETTERS_SHARE = share
        for text, language, right in asked:
            started = time.perf_counter()
            answer = engine.search(SearchRequest(text=text, k=1000, freshness=0.0, legs=legs))
            times.append((time.perf_counter() - started) * 1000)
            precisions[language].append(_average_precision([hit.product_id for hit in answer.hits], right))
        for language, found in precisions.items():
            print(f"{legs:8} {share:5.1f} {language:>8} {len(found):7} {np.mean(found):6.3f} {np.median(times):5.1f}")


def _right(row: dict[str, str], products: list[ProductFacts]) -> set[str]:
    """Returns the ids of the products that have all the facts that a query names."""
    wanted = {name: row[name] for name in ("product_id", "category", "colour", "pattern") if row.get(name)}
    return {
        found.product.product_id
        for found in products
        if all(_fact(found, name) == value for name, value in wanted.items())
    }


def _fact(found: ProductFacts, name: str) -> object:
    return found.product.attributes.get(name) if name == "pattern" else getattr(found.product, name)


def _average_precision(found: list[str], right: set[str]) -> float:
    places = [place for place, product_id in enumerate(found, 1) if product_id in right]
    return sum(number / place for number, place in enumerate(places, 1)) / len(right)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
