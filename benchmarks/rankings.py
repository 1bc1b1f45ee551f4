"""Prints one digest of the rankings of 200 fixed queries: if two commits print the same one, they answer alike.

    python benchmarks/rankings.py HOME [--products]

HOME is the home of the sample catalogue (`lookalike demo --no-serve`). The queries are the catalogue's own words and
phone photos and lookalikes of its products, some with a filter, freshness or diversity, or with words beside the photo.
The digest covers product ids, scores, match probabilities and image ids, to the last bit.
"""

import argparse
import csv
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from data.catalogue import Catalogue
from data.settings import load_settings
from engine.search import SearchEngine, SearchRequest

QUERIES = {"text": 100, "photo": 40, "similar": 60}
DEPTH = 1000


def main() -> None:
    options = _options()
    settings = load_settings(home=options.home)
    engine = SearchEngine(settings)
    joined = hashlib.sha256()
    for kind, request in _requests(options.home, Catalogue(settings.home)):
        answer = engine.search(request)
        rows = [(hit.product_id, hit.score.hex(), hit.match_probability, hit.image_id) for hit in answer.hits]
        digest = hashlib.sha256(repr((rows, answer.no_match)).encode()).hexdigest()
        joined.update(digest.encode())
        if options.products:
            print(kind, digest[:16], len(rows), *[row[0] for row in rows[:5]])
    print(f"{sum(QUERIES.values())} rankings: {joined.hexdigest()}")


def _requests(home: Path, catalogue: Catalogue) -> Iterator[tuple[str, SearchRequest]]:
    with (home / "sample" / "text_queries.csv").open(encoding="utf-8") as file:
        texts = [row["query_text"] for row in csv.DictReader(file)]
    photos = sorted((home / "sample" / "queries").glob("*.jpg"))
    products = [facts.product.product_id for facts in catalogue.iter_facts()]
    made = {
        "text": (_varied(at, SearchRequest(text=text, k=DEPTH)) for at, text in enumerate(texts)),
        "photo": (
            _varied(at, SearchRequest(image=path.read_bytes(), text="blue" if at % 4 == 3 else "", k=DEPTH))
            for at, path in enumerate(photos)
        ),
        "similar": (_varied(at, SearchRequest(product_id=name, k=DEPTH)) for at, name in enumerate(products)),
    }
    for kind, requests in made.items():
        found = list(islice(requests, QUERIES[kind]))
        if len(found) < QUERIES[kind]:
            raise SystemExit(f"{home} must be the home of the sample catalogue; got {len(found)} {kind} queries.")
        yield from ((kind, request) for request in found)


def _varied(at: int, request: SearchRequest) -> SearchRequest:
    """Returns query number `at` with the filter, diversity or freshness that belongs to this number."""
    changes: tuple[dict[str, Any], ...] = ({}, {"filter": "price < 60"}, {"diversity": 0.5}, {"freshness": 1.0}, {})
    return replace(request, **changes[at % 5])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--products", action="store_true", help="print each query's first five products as well")
    return parser.parse_args()


if __name__ == "__main__":
    main()
