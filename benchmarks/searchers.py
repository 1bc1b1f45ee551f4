"""Publishes again and again while clients search at two searchers, and turn each page at the other one.

Two generations of different product spaces are made from a copy of HOME's catalogue, and published in turn. Before
each, every product gets another price. So an answer is right when all its prices are equal, and when all answers of
one generation and price are equal, first and second page together.

    python benchmarks/searchers.py HOME [--publishes 20] [--clients 8]
"""

import argparse
import dataclasses
import http.client
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from busy_clients import BusyClients
from home_server import serving
from hot_swap import publish_again

from data.catalogue import Catalogue
from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings, load_settings
from engine.releases import release
from indexer.rebuild import parts, rebuild
from training.parts import SPACE

FOLLOW_S = 120.0  # the longest that a searcher may take for a release
_PAGE = 5
Page = tuple[tuple[str, float], ...]


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(options.home, folder / "home")
        store = GenerationStore(folder / "home")
        first = store.open()
        settings = load_settings(home=folder / "home", backbone=first.manifest.backbone["name"]).replace(
            models_url=str(folder / "storage")
        )
        sources = [first, _other_space(settings, first)]
        release(settings)
        searcher = {"models_url": settings.models_url}
        with (
            serving(folder / "a", "--searcher", settings=searcher) as (one, _),
            serving(folder / "b", "--searcher", settings=searcher) as (other, _),
        ):
            load = publish_under_load(settings, sources, (one, other), options.publishes, options.clients)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(load.report())
    sys.exit(1 if load.failures or load.mixed() else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--publishes", type=int, default=20)
    parser.add_argument("--clients", type=int, default=8)
    return parser.parse_args()


def _other_space(settings: Settings, first: GenerationFolder) -> GenerationFolder:
    """Rebuilds with half the dimensions, so that scores differ; trains the space alone, since no words are asked."""
    with patch.object(parts, "PARTS", (SPACE,)):
        rebuild(settings.replace(space_dim=max(8, first.manifest.dim // 2), max_quality_drop=1.0, models_url=""))
    return GenerationStore(settings.home).open()


def publish_under_load(
    settings: Settings, sources: Sequence[GenerationFolder], ports: tuple[int, int], publishes: int, clients: int
) -> "TwoPages":
    """Publishes the sources in turn while clients ask; returns what they were answered.

    Raises:
        TimeoutError: a searcher did not follow.
    """
    catalogue, store = Catalogue(settings.home), GenerationStore(settings.home)
    products = [facts.product for facts in catalogue.iter_facts()]
    load = TwoPages(ports, products[0].product_id, clients)

    def publish(price: float) -> None:
        catalogue.upsert_many([(dataclasses.replace(product, price=price), None) for product in products])
        publish_again(store, sources[int(price) % len(sources)])
        newest, started = release(settings).id, time.monotonic()
        for port in ports:
            wait_for(port, newest)
        load.followed_s.append(time.monotonic() - started)

    publish(0)  # from here on, all prices of a release are equal
    with load:
        for turn in range(publishes):
            publish(turn + 1)
            load.wait_for(turn + 1)
    return load


def wait_for(port: int, release_id: str) -> None:
    """Waits until a searcher serves a release.

    Raises:
        TimeoutError: it does not within `FOLLOW_S`.
    """
    until = time.monotonic() + FOLLOW_S
    while True:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
            client.request("GET", "/v1/status")
            status = json.loads(client.getresponse().read())
        if status["release"] == release_id:
            return
        if time.monotonic() > until:
            raise TimeoutError(f"{release_id} is not served: {status}")
        time.sleep(0.05)


class TwoPages(BusyClients):
    """Clients that ask one question at one searcher, and for its next page, by the cursor alone, at the other.

    Attributes:
        expired: next pages of releases that were gone already, which are refused in clear words.
        answers: generation and price -> how often each pair of pages came.
        torn: answers whose prices differ, and pairs of pages of different prices or generations.
        followed_s: seconds from each release until both searchers served it.
    """

    def __init__(self, ports: tuple[int, int], product_id: str, clients: int) -> None:
        super().__init__(clients)
        self._ports, self._product = ports, product_id
        self.expired = self.torn = 0
        self.answers: dict[tuple[str, float], Counter[tuple[Page, Page]]] = {}
        self.followed_s: list[float] = []
        self.took_ms: list[float] = []

    def wait_for(self, price: float) -> None:
        """Waits until a pair of pages has this price."""
        with self.news:
            if not self.news.wait_for(lambda: price in {of for _, of in self.answers} or self.failures, FOLLOW_S):
                raise TimeoutError(f"no answer has the price {price}")

    def mixed(self) -> int:
        """Returns how many answers mix two releases."""
        return self.torn + sum(len(pairs) - 1 for pairs in self.answers.values())

    def report(self) -> str:
        pairs = sum(pairs.total() for pairs in self.answers.values())
        lines = [
            f"pairs of pages {pairs}, failed {len(self.failures)}, mixed {self.mixed()}",
            f"cursors of releases that were gone {self.expired}",
            f"releases seen {len(self.answers)}, followed within {max(self.followed_s):.1f} s, "
            f"p50 {statistics.median(self.followed_s):.1f} s",
            f"page p50 {statistics.median(self.took_ms):.1f} ms, slowest {max(self.took_ms):.1f} ms",
        ]
        return "\n".join([*lines, *(f"  {failure}" for failure in self.failures[:5])])

    def ask(self, number: int) -> None:
        question = f"/v1/products/{quote(self._product)}/similar?k={_PAGE}"
        connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for port in self._ports]
        for turn in itertools.count(number):
            if self.stopped.is_set():
                break
            here, there = connections[turn % 2], connections[1 - turn % 2]
            if (first := self._get(here, question)) is None:
                continue
            second = self._get(there, f"/v1/search/text?k={_PAGE}&cursor={first['next_cursor']}", may_expire=True)
            if second is not None:
                self._note(first, second)
        for connection in connections:
            connection.close()

    def _get(self, client: http.client.HTTPConnection, path: str, *, may_expire: bool = False) -> Any:
        started = time.perf_counter()
        try:
            client.request("GET", path)
            response = client.getresponse()
            body = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            client.close()
            self.failures.append(repr(error))
            return None
        self.took_ms.append((time.perf_counter() - started) * 1000)
        if response.status == 200:
            return body
        if may_expire and body.get("code") == "cursor_expired":
            self.expired += 1
        else:
            self.failures.append(f"{response.status} {body}")
        return None

    def _note(self, first: Any, second: Any) -> None:
        prices = {hit["price"] for page in (first, second) for hit in page["hits"]}
        pages = tuple(tuple((hit["product_id"], hit["score"]) for hit in page["hits"]) for page in (first, second))
        with self.news:
            if len(prices) != 1 or first["generation"] != second["generation"]:
                self.torn += 1
            self.answers.setdefault((first["generation"], min(prices)), Counter())[(pages[0], pages[1])] += 1
            self.news.notify_all()


if __name__ == "__main__":
    main()
