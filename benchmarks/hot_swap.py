"""Publishes again and again while clients search: counts failed requests and answers that mix two generations.

Two generations of different product spaces are made from a copy of HOME's catalogue; they are published in turn. An
answer is right when its hits and scores are exactly those of the generation that it names.

    python benchmarks/hot_swap.py HOME [--swaps 10] [--clients 4] [--files 1024]

With --files, the server may have no more files open. Its memory and open files are printed after 10, 50 and all swaps.
"""

import argparse
import dataclasses
import http.client
import json
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
from family_memory import memory_mb
from home_server import serving

from data.catalogue import Catalogue
from data.generations import GenerationFolder, GenerationStore
from data.settings import load_settings
from indexer.rebuild import rebuild

LOOK_AFTER = (10, 50)  # swaps
SWAP_S = 60.0  # the longest that a swap may take


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(options.home, home)
        store = GenerationStore(home)
        first = store.open()
        settings = load_settings(home=home, backbone=first.manifest.backbone["name"])
        second = _other_space(settings, first)
        with serving(home, files=options.files) as (port, pid):
            _run(options, store, [first, second], port, home, pid)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--swaps", type=int, default=10)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--files", type=int, default=0)
    return parser.parse_args()


def _other_space(settings: Any, first: GenerationFolder) -> GenerationFolder:
    """Rebuilds with half the dimensions, so that its scores differ from those of `first`."""
    summary = rebuild(settings.replace(space_dim=max(8, first.manifest.dim // 2), max_quality_drop=1.0), full=True)
    if not summary.published:
        raise SystemExit(f"the second generation must pass its gates; it did not: {summary.reason}")
    return GenerationStore(settings.home).open()


def _run(
    options: argparse.Namespace, store: GenerationStore, sources: list[GenerationFolder], port: int, home: Path,
    pid: int,
) -> None:  # fmt: skip
    product_id = next(iter(Catalogue(home).iter_facts())).product.product_id
    _look("idle", pid)
    load = _Load(port, f"/v1/products/{quote(product_id)}/similar?k=50", options.clients)
    made_of = {source.id: number for number, source in enumerate(sources)}
    with load:
        for turn in range(options.swaps):
            number = turn % len(sources)
            generation = publish_again(store, sources[number])
            made_of[generation] = number
            load.wait_for(generation)
            if turn + 1 in LOOK_AFTER:
                _look(f"{turn + 1} swaps", pid)
        _look(f"{options.swaps} swaps", pid)
    _report(load, made_of)


def publish_again(store: GenerationStore, source: GenerationFolder) -> str:
    """Publishes a new generation with the files of `source`; returns its id."""
    staged = store.stage()
    for name in source.manifest.files:
        target = staged.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.path(name), target)
    fields = {field.name: getattr(source.manifest, field.name) for field in dataclasses.fields(source.manifest)}
    given = {"format_version", "generation", "created_at", "files"}
    return store.publish(staged, **{name: value for name, value in fields.items() if name not in given}).id


def _look(when: str, pid: int) -> None:
    """Prints the memory, the open files and the threads of the server."""
    process = Path(f"/proc/{pid}")
    files = [path.readlink().name if path.is_symlink() else "" for path in (process / "fd").iterdir()]
    catalogue = sum(name.startswith("catalog.db") for name in files)
    print(
        f"{when}: {memory_mb(pid):.0f} MB, {len(files)} open files, {catalogue} of them of catalog.db; "
        f"{len(list((process / 'task').iterdir()))} threads",
        flush=True,
    )


class _Load(BusyClients):
    """Clients that ask one question again and again and keep every answer."""

    def __init__(self, port: int, path: str, clients: int) -> None:
        super().__init__(clients)
        self._port, self._path, self._newest = port, path, ""
        self.answers: list[tuple[str, Any, float]] = []  # generation, hits, milliseconds

    def wait_for(self, generation: str) -> None:
        """Waits until an answer names this generation."""
        with self.news:
            if not self.news.wait_for(lambda: self._newest >= generation, timeout=SWAP_S):
                self.failures.append(f"{generation} was not served within {SWAP_S:g} s")

    def ask(self, number: int) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)) as client:
            while not self.stopped.is_set():
                started = time.perf_counter()
                try:
                    client.request("GET", self._path)
                    response = client.getresponse()
                    body = response.read()
                except OSError as error:
                    self.failures.append(repr(error))
                    continue
                if response.status != 200:
                    self.failures.append(f"{response.status} {body[:200]!r}")
                    continue
                answer = json.loads(body)
                hits = tuple((hit["product_id"], hit["score"]) for hit in answer["hits"])
                with self.news:
                    self._newest = max(self._newest, answer["generation"])
                    self.news.notify_all()
                self.answers.append((answer["generation"], hits, (time.perf_counter() - started) * 1000))


def _report(load: _Load, made_of: dict[str, int]) -> None:
    ways: dict[int, set[Any]] = {}
    for generation, hits, _ in load.answers:
        ways.setdefault(made_of[generation], set()).add(hits)
    # One answer per source is right; any further one mixes two generations.
    mixed = sum(len(answers) - 1 for answers in ways.values()) + len(set.intersection(*ways.values()))
    times = [took for _, _, took in load.answers]
    print(f"requests {len(load.answers) + len(load.failures)}, failed {len(load.failures)}, mixed answers {mixed}")
    print(f"generations seen {len({generation for generation, _, _ in load.answers})} of {len(made_of) - 1}")
    print(f"answer p50 {statistics.median(times):.1f} ms, slowest {max(times):.1f} ms")
    for failure in load.failures[:5]:
        print(f"  {failure}")
    if load.failures or mixed:
        sys.exit(1)


if __name__ == "__main__":
    main()
