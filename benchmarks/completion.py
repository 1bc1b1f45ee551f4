"""Measures completions at a size: how long they take, what they add to catalog.db, and what they add to an import.

    python benchmarks/completion.py N [FOLDER]

Makes a catalogue of N products without photos, with English and Korean titles, in FOLDER (default: a temporary one; a
folder that holds such a catalogue is used again). The questions are the beginnings of 500 titles, one letter longer
each time, as they are typed, from the first word or a later one; and the same with a typing error after the second
letter. Bar: p95 <= 5 ms. The processor's own time is printed too, for a machine that is busy with other work.
"""

import itertools
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from typing_errors import mistyped

from data import completion
from data.catalogue import Catalogue, Product
from data.database import FILE_NAME, Connections

BAR_MS = 5.0
_TITLES = 500
_BATCH = 500
_ENGLISH = (
    ["red", "blue", "green", "black", "white", "grey", "striped", "dotted", "plain", "floral", "soft", "warm", "slim"],
    ["backpack", "mug", "sneaker", "dress", "lamp", "chair", "sofa", "cushion", "bottle", "teapot", "umbrella"],
)
_KOREAN = (
    ["빨간", "파란", "초록", "검정", "흰색", "줄무늬", "꽃무늬", "따뜻한", "가벼운", "여름", "겨울", "오버핏"],
    ["가방", "운동화", "원피스", "램프", "의자", "쿠션", "물병", "찻주전자", "손목시계", "발가락양말", "티셔츠"],
)


def main(count: int, folder: Path) -> None:
    """Prints the figures."""
    made = (folder / FILE_NAME).exists()
    catalogue = Catalogue(folder)
    if not made:
        _fill(catalogue, count)
    print(f"{catalogue.counts()['products']:,} products, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    _print_sizes(folder)
    titles = [
        facts.product.title for facts in itertools.islice(catalogue.iter_facts(), 0, None, max(count // _TITLES, 1))
    ]
    chance = random.Random(7)
    _print_times("as typed", catalogue, _typed(titles, chance, lambda text: text))
    _print_times("one typing error", catalogue, _typed(titles, chance, lambda text: mistyped(chance, text, first=2)))
    print(f"memory of this process at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _fill(catalogue: Catalogue, count: int) -> None:
    chance = random.Random(1)
    makers = [
        "".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(3)) for _ in range(20_000)
    ]
    spent = [0.0]
    index = completion.index_texts
    completion.index_texts = _timed(index, spent)
    started = time.perf_counter()
    for first in range(0, count, _BATCH):
        products = [_product(chance, makers, number) for number in range(first, min(first + _BATCH, count))]
        catalogue.upsert_many([(product, []) for product in products])
    whole = time.perf_counter() - started
    completion.index_texts = index
    print(f"import: {whole:.0f} s, of which the rows of completions {spent[0]:.0f} s (commits not counted)")


def _timed(run: Callable[..., None], spent: list[float]) -> Callable[..., None]:
    def timed(*arguments: object) -> None:
        started = time.perf_counter()
        run(*arguments)
        spent[0] += time.perf_counter() - started

    return timed


def _product(chance: random.Random, makers: list[str], number: int) -> Product:
    maker = makers[int(chance.paretovariate(0.5)) % len(makers)]
    looks, kinds = _ENGLISH if number % 2 else _KOREAN
    kind = chance.choice(kinds)
    title = f"{chance.choice(looks)} {chance.choice(looks)} {kind} {chance.choice(makers)} {number % 977}"
    return Product(product_id=f"p{number}", title=title, brand=maker, category=kind)


def _print_sizes(folder: Path) -> None:
    connections = Connections(folder)
    pages = dict(connections.query("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
    own = {name: size for name, size in pages.items() if name.startswith("completion_")}
    print(f"catalog.db: {sum(pages.values()) / 1e6:.0f} MB, of which the completions {sum(own.values()) / 1e6:.0f} MB")
    for name, size in own.items():
        count = connections.query(f"SELECT count(*) FROM {name}")[0][0]  # noqa: S608 - from sqlite
        print(f"  {name}: {count:,} rows, {size / 1e6:.0f} MB")


def _typed(titles: list[str], chance: random.Random, change: Callable[[str], str]) -> Iterator[str]:
    """Yields the beginnings of titles, and of titles without their first words."""
    for title in titles:
        words = title.split()
        text = " ".join(words[chance.randrange(len(words)) :]) if chance.random() < 0.5 else title
        yield from itertools.accumulate(change(text)[:14])


def _print_times(name: str, catalogue: Catalogue, typed: Iterator[str]) -> None:
    times, own, answered = [], [], 0
    for text in typed:
        started, spent = time.perf_counter(), time.process_time()
        answered += bool(catalogue.completions(text, completion.DEFAULT_K))
        times.append((time.perf_counter() - started) * 1000)
        own.append((time.process_time() - spent) * 1000)
    middle, late, slowest = np.percentile(times, [50, 95, 100])
    bar = f"{'ok' if late <= BAR_MS else 'MISSED'} (p95 <= {BAR_MS:g} ms)"
    print(
        f"{name}: {len(times):,} asked, {answered / len(times):.1%} answered, p50 {middle:.2f} ms, p95 {late:.2f} ms, "
        f"slowest {slowest:.1f} ms  {bar}; processor p95 {np.percentile(own, 95):.2f} ms"
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(int(sys.argv[1]), Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(int(sys.argv[1]), Path(temporary))
