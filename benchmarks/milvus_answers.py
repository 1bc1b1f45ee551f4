"""Asks a home's own index and the same rows in Milvus the same questions, and counts the answers that differ.

    python tests/helpers/milvus_server.py FOLDER          # in another shell; or any Milvus server
    python benchmarks/milvus_answers.py HOME PHOTOS --uri http://127.0.0.1:PORT [--questions 500] [--hnsw]

HOME is a home with a published generation that is searched exactly; a copy of it is rebuilt into Milvus without
training. The questions take turns: words, photo, photo and words, similar, each without and with a filter, and all
pages to the end. Times are those of the first page, one question after another, in turns, in this process.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

from data.catalogue import Catalogue
from data.filters import quoted
from data.settings import Settings, load_settings
from engine.search import SearchAnswer, SearchEngine, SearchRequest
from indexer.rebuild import rebuild

PAGE = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("photos", type=Path, help="a folder of query photos")
    parser.add_argument("--uri", required=True, help="address of the Milvus server")
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--hnsw", action="store_true", help="find the rows by a graph, whatever their number")
    options = parser.parse_args()
    most_flat = 0 if options.hnsw else 50_000
    with (
        tempfile.TemporaryDirectory(dir=options.home.parent) as folder,
        patch("engine.index.milvus.collection._MOST_FLAT", most_flat),
    ):
        copy = shutil.copytree(options.home, Path(folder) / "home")
        settings = load_settings(home=copy, index="milvus", milvus_uri=options.uri)
        print(f"rebuilt into Milvus in {rebuilt_s(settings):.0f} s, load {os.getloadavg()[0]:.1f}")
        compare(SearchEngine(load_settings(home=options.home)), SearchEngine(settings), options)


def rebuilt_s(settings: Settings) -> float:
    started = time.perf_counter()
    rebuild(settings, train=False)
    return time.perf_counter() - started


def compare(here: SearchEngine, there: SearchEngine, options: argparse.Namespace) -> None:
    here.warm()
    there.warm()
    print(f"{here.status()['index']} and {there.status()['index']}, {here.status()['rows']:,} rows")
    times: dict[str, list[float]] = {"here": [], "in Milvus": []}
    differing, shown, recalls = 0, 0, list[float]()
    for request in islice(questions(options.home, options.photos), options.questions):
        answers = [pages(engine, request, times[name]) for name, engine in zip(times, (here, there), strict=True)]
        shown += len(answers[0])
        recalls.append(recall_at_10(*answers))
        if answers[0] != answers[1]:
            differing += 1
            if not options.hnsw:
                print("differs:", replace(request, image=None))
    print(f"{options.questions} questions, {shown:,} hits on all pages, {differing} answers differ")
    print(f"recall@10 {statistics.mean(recalls):.4f}, worst {min(recalls):.2f}, load {os.getloadavg()[0]:.1f}")
    for name, each in times.items():
        print(f"{name:>10}: p50 {statistics.median(each):.1f} ms, p95 {sorted(each)[int(0.95 * len(each))]:.1f} ms")


def recall_at_10(right: list[Any], found: list[Any]) -> float:
    """Returns the share of the ten best products of one answer that are among the ten best of the other."""
    wanted = {hit[0] for hit in right[:10]}
    return len(wanted & {hit[0] for hit in found[:10]}) / len(wanted) if wanted else 1.0


def questions(home: Path, photos: Path) -> Iterator[SearchRequest]:
    """Yields questions without end; the facts of products make words and filters."""
    facts = [each.product for each in Catalogue(home).iter_facts()]
    images = sorted(path for path in photos.glob("**/*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for number, (product, image) in enumerate(zip(cycle(facts), cycle(images), strict=False)):
        content, words = image.read_bytes(), product.title or product.category
        asked = (
            SearchRequest(text=words),
            SearchRequest(image=content),
            SearchRequest(image=content, text=words),
            SearchRequest(product_id=product.product_id),
        )[number % 4]
        conditions = ["", f"category = {quoted(product.category)}", "in_stock = true AND NOT price < 10",
                      f"price <= {product.price or 0:.2f}", f"NOT brand = {quoted(product.brand)}"]  # fmt: skip
        yield replace(asked, filter=conditions[number // 4 % len(conditions)], k=PAGE)


def pages(engine: SearchEngine, request: SearchRequest, times: list[float]) -> list[Any]:
    started = time.perf_counter()
    answer = engine.search(request)
    times.append((time.perf_counter() - started) * 1000)
    said = list(shown(answer))
    while answer.next_cursor is not None:
        answer = engine.search(replace(request, cursor=answer.next_cursor))
        said += shown(answer)
    return said


def shown(answer: SearchAnswer) -> Iterator[tuple[Any, ...]]:
    for hit in answer.hits:
        yield hit.product_id, hit.score, hit.image_id, hit.match_probability, hit.why, answer.total, answer.no_match


if __name__ == "__main__":
    main()
