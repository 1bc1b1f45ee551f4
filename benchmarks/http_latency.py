"""Measures answer times over HTTP: one client, one query at a time, against a real `lookalike serve`.

Every query is asked once, so that no cache answers it; a few unmeasured ones come first. The processor time that the
server spends on a query (all its threads) is printed too: other work on the machine changes it less.

    python benchmarks/http_latency.py HOME PHOTOS [--queries 200]

HOME is a home with a published generation, PHOTOS a folder of query photos.
"""

import argparse
import importlib.metadata
import itertools
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from home_server import processor_s, serving
from urllib3 import encode_multipart_formdata

from data.catalogue import Catalogue
from data.generations import GenerationStore

WARM_UP = 10
TARGETS_MS = {"text": 8.0, "photo": 20.0}
_BOUNDARY = "http-latency-boundary"


def main() -> None:
    options = _options()
    photos = sorted(path for path in options.photos.glob("**/*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not photos:
        raise SystemExit(f"{options.photos} must hold photos; got none.")
    manifest = GenerationStore(options.home).open().manifest
    print(f"{_machine()}\n{manifest.backbone['name']} {manifest.backbone['precision']}, {manifest.counts}")
    print(
        f"\n{'question':16}{'asked':>7}{'p50 ms':>9}{'p95 ms':>9}{'slowest':>9}{'in engine':>11}{'processor':>11}  bar"
    )
    with serving(options.home) as (port, server), closing(HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        words = _words(options.home)
        _row("text", lambda: _ask_text(client, next(words)), options.queries, server)
        files = itertools.cycle(photos)
        _row("photo", lambda: _ask_photo(client, next(files)), options.queries, server)
        _row("photo and words", lambda: _ask_photo(client, next(files), next(words)), options.queries, server)
        products = itertools.cycle(facts.product.product_id for facts in Catalogue(options.home).iter_facts())
        _row("similar", lambda: _ask(client, "GET", f"/v1/products/{next(products)}/similar"), options.queries, server)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--queries", type=int, default=200)
    return parser.parse_args()


def _row(name: str, ask: Callable[[], float], count: int, server: int) -> None:
    """Asks `count` times and prints one line; `ask` returns the engine's own milliseconds."""
    for _ in range(WARM_UP):
        ask()
    whole, engine, spent = [], [], []
    for _ in range(count):
        started, before_s = time.perf_counter(), processor_s(server)
        engine.append(ask())
        whole.append((time.perf_counter() - started) * 1000)
        spent.append((processor_s(server) - before_s) * 1000)
    middle = statistics.median(whole)
    late = statistics.quantiles(whole, n=20)[-1]
    bar = f"{'ok' if middle <= TARGETS_MS[name] else 'MISSED'} (<= {TARGETS_MS[name]:g})" if name in TARGETS_MS else ""
    inside, processor = statistics.median(engine), statistics.median(spent)
    print(f"{name:16}{count:>7}{middle:>9.1f}{late:>9.1f}{max(whole):>9.1f}{inside:>11.1f}{processor:>11.1f}  {bar}")


def _words(home: Path) -> Iterator[str]:
    """Yields text queries, each different: a product's title and brand, in later rounds with another word."""
    for extra in ("", "new", "cheap", "for kids", "like this"):
        for facts in Catalogue(home).iter_facts():
            yield f"{facts.product.title} {facts.product.brand} {extra} {facts.product_key % 97}".strip()


def _ask_text(client: HTTPConnection, words: str) -> float:
    return _ask(client, "GET", "/v1/search/text?" + urlencode({"q": words}))


def _ask_photo(client: HTTPConnection, path: Path, words: str = "") -> float:
    body, _ = encode_multipart_formdata([("text", words), ("file", (path.name, path.read_bytes()))], _BOUNDARY)
    return _ask(client, "POST", "/v1/search/image", body)


def _ask(client: HTTPConnection, method: str, path: str, body: bytes | None = None) -> float:
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"} if body else {}
    client.request(method, path, body=body, headers=headers)
    response = client.getresponse()
    answer = response.read()
    if response.status != 200:
        raise SystemExit(f"{method} {path} must answer 200; got {response.status}: {answer[:300]!r}")
    took_ms: float = json.loads(answer)["took_ms"]
    return took_ms


def _machine() -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("flask", "waitress", "openvino"))
    load = os.getloadavg()[0]
    cores = len(os.sched_getaffinity(0))
    return f"{platform.machine()}, {cores} cores, load {load:.1f}; {versions}"


if __name__ == "__main__":
    main()
