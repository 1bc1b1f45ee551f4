"""How well words find products by their letters, by their meaning, and by both, for several shares of the letters.

    python benchmarks/legs.py HOME QUERIES.csv

QUERIES.csv is a file for `lookalike evaluate retrieval`, such as the sample's `text_queries.csv`. The home must have a
live generation. Prints mean average precision by the queries' source, and the median time of one search; the same for
the queries with one typing error in each word. Queries of the source `part of a title` are added: one or two words of
titles, for which all products are right whose titles have them.
"""

import random
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from typing_errors import mistyped

from data.catalogue import Catalogue, ProductFacts
from data.lexical import words_of
from data.settings import load_settings
from engine.answers import fusion
from engine.search import SearchEngine, SearchRequest
from training.evaluation import Query, read_queries

PARTS = 150
MISSPELT_WAYS = (("dense", 0.0), ("lexical", 1.0), ("fused", fusion.LETTERS_SHARE))
WAYS = (("dense", 0.0), ("lexical", 1.0), *(("fused", share) for share in (0.1, 0.3, 0.5, 0.7)))


def main(home: Path, queries: Path) -> None:
    """Prints a table."""
    settings = load_settings(home=home)
    products = list(Catalogue(settings.home).iter_facts())
    ids = {fact.product_key: fact.product.product_id for fact in products}
    asked = read_queries([queries], products, settings).queries
    engine = SearchEngine(settings)
    engine.warm()
    chance = random.Random(11)
    asked = [*asked, *_parts_of_titles(products, chance)]
    misspelt = [replace(query, text=" ".join(mistyped(chance, word) for word in query.text.split())) for query in asked]
    print(f"{'words':9} {'way':8} {'share':>5} {'source':>15} {'queries':>7} {'mAP':>6} {'ms':>5}")
    for spelling, queries_of in (("right", asked), ("misspelt", misspelt)):
        for legs, share in WAYS if spelling == "right" else MISSPELT_WAYS:
            fusion.LETTERS_SHARE = share
            _measure(engine, f"{spelling:9} {legs:8} {share:5.1f}", legs, queries_of, ids)


def _measure(engine: SearchEngine, name: str, legs: str, asked: list[Query], ids: dict[int, str]) -> None:
    precisions, times = defaultdict[str, list[float]](list), list[float]()
    for query in asked:
        started = time.perf_counter()
        answer = engine.search(SearchRequest(text=query.text, k=1000, freshness=0.0, legs=legs))
        times.append((time.perf_counter() - started) * 1000)
        found = [hit.product_id for hit in answer.hits]
        precisions[query.source].append(_average_precision(found, {ids[key] for key in query.gains}))
    for source, each in precisions.items():
        print(f"{name} {source:>15} {len(each):7} {np.mean(each):6.3f} {np.median(times):5.1f}")


def _parts_of_titles(products: list[ProductFacts], chance: random.Random) -> list[Query]:
    titles = {fact.product_key: words_of(fact.product.title) for fact in products}
    parts = {tuple(words[at : at + count]) for words in titles.values() for count in (1, 2) for at in range(len(words))}
    return [
        Query(
            text=" ".join(part),
            gains={key: 1.0 for key, words in titles.items() if set(part) <= set(words)},
            source="part of a title",
            learned=False,
        )
        for part in chance.sample(sorted(parts), min(len(parts), PARTS))
    ]


def _average_precision(found: list[str], right: set[str]) -> float:
    places = [place for place, product_id in enumerate(found, 1) if product_id in right]
    return sum(number / place for number, place in enumerate(places, 1)) / len(right)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
