"""How often ids, codes and titles that are typed find their product, also one put just now, and with a typing error.

    python benchmarks/exact_words.py HOME [N]

HOME needs a live generation; a copy of its catalogue and generation is made, and N products (default 1,000) without
photos are added to the copy, a tenth of them after the search engine has opened it. Each is asked for by its id, its
code and its title, as written and with one typing error. Bars: 100 % first as written, 95 % in the first three.
Prints the median time of one search, too, in process.
"""

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from typing_errors import mistyped

from data.catalogue import Catalogue, Product
from data.settings import load_settings
from engine.search import SearchEngine, SearchRequest

_LATE_SHARE = 0.1
_BATCH = 500
_LOOKS = ["red", "blue", "striped", "soft", "빨간", "줄무늬", "따뜻한", "가벼운"]
_KINDS = ["backpack", "mug", "sneaker", "lamp", "가방", "운동화", "원피스", "손목시계", "발가락양말"]


def main(home: Path, count: int) -> None:
    """Prints a table."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "home"
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("thumbs", "sample", "uploads"))
        settings = load_settings(home=copy)
        products = _products(count)
        late = max(int(_LATE_SHARE * count), 1)
        _put(settings.home, products[late:])
        engine = SearchEngine(settings)
        engine.warm()
        engine.search(SearchRequest(text="warm"))
        _put(settings.home, products[:late])
        asked = products[:: max(count // 1000, 1)]
        print(f"{'asked by':10} {'spelling':10} {'asked':>6} {'first':>7} {'in three':>9} {'ms':>6}")
        for name, text in (("id", _id), ("code", _code), ("title", _title)):
            _measure(engine, name, asked, text)


def _products(count: int) -> list[Product]:
    chance = random.Random(5)
    syllables = [first + then for first in "bdfgklmnprstvz" for then in "aeiou"]
    makers = ["".join(chance.choices(syllables, k=3)) for _ in range(max(count // 4, 300))]
    return [
        Product(
            product_id=f"{chance.choice('ABCDEFGH')}{number:03d}-{chance.randrange(10**6):06d}",
            title=f"{chance.choice(_LOOKS)} {chance.choice(_KINDS)} {chance.choice(makers)} {chance.choice(makers)}",
            attributes={"sku": f"{chance.choice(makers)[:3]}.{chance.randrange(10**5):05d}/{number}"},
        )
        for number in range(count)
    ]


def _put(home: Path, products: list[Product]) -> None:
    catalogue = Catalogue(home)
    for first in range(0, len(products), _BATCH):
        catalogue.upsert_many([(product, []) for product in products[first : first + _BATCH]])


def _id(product: Product) -> str:
    return product.product_id


def _code(product: Product) -> str:
    return str(product.attributes["sku"])


def _title(product: Product) -> str:
    return product.title


def _measure(engine: SearchEngine, name: str, products: list[Product], text: Callable[[Product], str]) -> None:
    chance = random.Random(6)
    ways: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("as written", lambda written: written),
        ("one error", lambda written: mistyped(chance, written)),
    )
    same: dict[str, set[str]] = {}  # several products may have one title
    for product in products:
        same.setdefault(text(product), set()).add(product.product_id)
    for spelling, typed in ways:
        first, three, times = 0, 0, []
        for product in products:
            started = time.perf_counter()
            hits = engine.search(SearchRequest(text=typed(text(product)), k=3)).hits
            times.append((time.perf_counter() - started) * 1000)
            right = [hit.product_id in same[text(product)] for hit in hits]
            first += right[:1] == [True]
            three += any(right)
        print(f"{name:10} {spelling:10} {len(products):6} {first / len(products):7.1%} {three / len(products):9.1%} "
              f"{np.median(times):6.1f}")  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
