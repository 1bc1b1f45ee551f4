"""Kills one of two searchers again and again while clients search, who ask once more at the other where one fails.

    python benchmarks/killed_searchers.py HOME [--rounds 50] [--clients 4]

Each round ends when the killed searcher answers again, from its own copy of the release. A client's second failure
counts, and so does an answer that differs from the first one. HOME is copied.
"""

import argparse
import http.client
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from busy_clients import BusyClients
from home_server import started

from data.catalogue import Catalogue
from data.generations import GenerationStore
from data.settings import load_settings
from engine.releases import release

_NAMES = ("a", "b")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(options.home, folder / "home")
        backbone = GenerationStore(folder / "home").open().manifest.backbone["name"]
        settings = load_settings(home=folder / "home", backbone=backbone, models_url=str(folder / "storage"))
        release(settings)
        product = next(iter(Catalogue(settings.home).iter_facts())).product.product_id
        load, back_s = killed_under_load(folder, settings.models_url, product, options.rounds, options.clients)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"{options.rounds} kills; searches {load.asked}, asked twice {load.again}, failed twice {len(load.failures)}")
    print(f"different answers {len(load.answers) - 1}")
    print(f"a killed searcher answers again after p50 {statistics.median(back_s):.1f} s, at most {max(back_s):.1f} s")
    sys.exit(1 if load.failures or len(load.answers) != 1 else 0)


def killed_under_load(
    folder: Path, models_url: str, product_id: str, rounds: int, clients: int
) -> tuple["Retrying", list[float]]:
    """Returns what the clients found, and after how many seconds each killed searcher answered again."""
    searchers = [started(folder / name, "--searcher", settings={"models_url": models_url}) for name in _NAMES]
    load, back_s = Retrying([port for _, port in searchers], product_id, clients), list[float]()
    try:
        with load:
            for turn in range(rounds):
                at = turn % len(_NAMES)
                time.sleep(0.5)
                searchers[at][0].kill()
                searchers[at][0].wait()
                killed = time.monotonic()
                searchers[at] = started(folder / _NAMES[at], "--searcher", settings={"models_url": models_url})
                load.ports[at] = searchers[at][1]
                back_s.append(time.monotonic() - killed)
    finally:
        for process, _ in searchers:
            process.kill()
            process.wait()
    return load, back_s


class Retrying(BusyClients):
    """Clients that ask one searcher, and where it fails the other.

    Attributes:
        ports: those of the two searchers.
        asked: searches; again: those that were asked twice.
        answers: all different lists of products and scores.
    """

    def __init__(self, ports: list[int], product_id: str, clients: int) -> None:
        super().__init__(clients)
        self.ports, self.answers = ports, set[str]()
        self._path = f"/v1/products/{quote(product_id)}/similar?k=10"
        self.asked = self.again = 0

    def ask(self, number: int) -> None:
        for turn in itertools.count(number):
            if self.stopped.is_set():
                return
            answer = self._answer(turn % 2)
            again = not isinstance(answer, dict)
            if again:
                answer = self._answer(1 - turn % 2)
            with self.news:
                self.asked, self.again = self.asked + 1, self.again + again
                if not isinstance(answer, dict):
                    self.failures.append(answer)
                    continue
                self.answers.add(json.dumps([[hit["product_id"], hit["score"]] for hit in answer["hits"]]))

    def _answer(self, at: int) -> dict[str, Any] | str:
        """Returns the answer of one searcher, or why there is none."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.ports[at], timeout=30)) as client:
            try:
                client.request("GET", self._path)
                response = client.getresponse()
                content = response.read()
                found: dict[str, Any] = json.loads(content)
            except (OSError, http.client.HTTPException, ValueError) as error:
                return repr(error)
        return found if response.status == 200 else f"{response.status} {content[:200]!r}"


if __name__ == "__main__":
    main()
