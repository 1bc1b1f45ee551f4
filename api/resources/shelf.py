"""Collects what the page shows before any search: values to filter by, and a few products to start from."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from data.catalogue import Catalogue, ProductFacts

PRODUCTS_READ = 20_000
VALUES_SHOWN = 40
STARTERS = 12
ATTRIBUTES = 5
CATEGORIES = 2_000
_MOST_VALUES = 50  # an attribute with more is no filter: it names single products, or measures them
_LEAST_SHARE = 0.05  # of the products, that must have an attribute
REFRESH_S = 60.0


@dataclass(frozen=True, kw_only=True)
class ShelfContents:
    """What the catalogue has, most common first.

    Attributes:
        starters: products to start from, spread over the categories.
        attributes: names of the attributes that many products have, with few values.
        is_dated: whether products say when they were created.
        every_category: at most `CATEGORIES`, by name.
    """

    brands: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    starters: tuple[ProductFacts, ...] = ()
    currency: str = ""
    attributes: tuple[str, ...] = ()
    is_dated: bool = False
    every_category: tuple[str, ...] = ()


class Shelf:
    """Reads the first `PRODUCTS_READ` products, and again after changes, at most once in `REFRESH_S` seconds."""

    def __init__(self, catalogue: Catalogue, clock: Callable[[], float] = time.monotonic) -> None:
        self._catalogue, self._clock = catalogue, clock
        self._lock = threading.Lock()
        self._contents, self._seq, self._read_at = ShelfContents(), -1, 0.0

    def contents(self) -> ShelfContents:
        # One thread reads; the others use the contents read before.
        if self._is_stale() and self._lock.acquire(blocking=self._seq < 0):
            try:
                if self._is_stale():
                    seq = self._catalogue.seq()
                    self._contents = _read(self._catalogue)
                    self._seq, self._read_at = seq, self._clock()
            finally:
                self._lock.release()
        return self._contents

    def _is_stale(self) -> bool:
        if self._seq >= 0 and self._clock() - self._read_at < REFRESH_S and self._contents.starters:
            return False
        return self._catalogue.seq() != self._seq


def _read(catalogue: Catalogue) -> ShelfContents:
    brands: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    colours: Counter[str] = Counter()
    currencies: Counter[str] = Counter()
    seen: dict[str, list[ProductFacts]] = {}
    values: defaultdict[str, Counter[str]] = defaultdict(Counter)
    dated = 0
    for facts in islice(catalogue.iter_facts(), PRODUCTS_READ):
        product = facts.product
        brands[product.brand] += 1
        categories[product.category] += 1
        colours.update([product.colour.lower()] if product.colour else facts.colours)
        currencies[product.currency] += 1
        dated += product.created_at is not None
        for name, value in product.attributes.items():
            if len(values[name]) <= _MOST_VALUES:
                values[name][str(value)] += 1
        kept = seen.setdefault(product.category, [])
        if facts.image_sha256 and len(kept) < STARTERS:
            kept.append(facts)
    return ShelfContents(
        brands=_common(brands),
        categories=_common(categories),
        colours=_common(colours),
        currency=next(iter(_common(currencies)), ""),
        starters=_spread(seen, categories),
        attributes=_attributes(values, products=brands.total()),
        is_dated=dated > 0,
        every_category=tuple(sorted(filter(None, categories)))[:CATEGORIES],
    )


def _common(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(value for value, _ in counts.most_common(VALUES_SHOWN + 1) if value)[:VALUES_SHOWN]


def _attributes(values: Mapping[str, Counter[str]], *, products: int) -> tuple[str, ...]:
    """Returns the names of the attributes that can be filters, those that most products have first."""
    fit = [name for name, counts in values.items()
           if 1 < len(counts) <= _MOST_VALUES and counts.total() >= _LEAST_SHARE * products]  # fmt: skip
    return tuple(sorted(fit, key=lambda name: (-values[name].total(), name))[:ATTRIBUTES])


def _spread(seen: dict[str, list[ProductFacts]], categories: Counter[str]) -> tuple[ProductFacts, ...]:
    """Takes products category by category, the largest category first, until there are enough."""
    rows = [seen[category] for category, _ in categories.most_common() if seen.get(category)]
    turns = (row[turn % len(row)] for turn in range(STARTERS) for row in rows if turn < len(row))
    return tuple(islice(turns, STARTERS))
