"""Decides which attributes can be learned: they need enough products, and values that repeat."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Product
from training.context import TrainingContext

LEAST_PRODUCTS = 50  # that have the attribute
LEAST_WITH_VALUE = 8  # products, for a value to be learned
LEAST_SHARE = 0.6  # of the products that have the attribute, that the learned values must be those of
MOST_VALUES = 100  # learned of one attribute, the most frequent ones
MOST_ATTRIBUTES = 200
MOST_LETTERS = 60  # of a value; a longer one is a sentence
_MOST_DIFFERENT = 2000  # values of one attribute that are told apart
_NAMES_FROM = 2000  # products
RARE, NOT_GIVEN = -1, -2
Value = str | float | bool
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """An attribute that can be learned.

    Attributes:
        name: `brand`, `colour` or `attr.NAME`, as in a filter.
        values: the values to learn, the most frequent first.
        y: int64 (products,), the number of each product's value, `RARE` or `NOT_GIVEN`.
    """

    name: str
    values: tuple[Value, ...]
    y: Numbers


def learnable(context: TrainingContext) -> tuple[list[Attribute], dict[str, str]]:
    """Returns the attributes that can be learned from the context's products, and why each other one cannot.

    An attribute is brand, colour, or one of the 200 that are the most common among 2,000 products spread over the
    catalogue. At least 50 products must have it. A value is learned if at least 8 products have it and it has at most
    60 letters; there must be 2 such values, and 60 % of the products that have the attribute must have one of them.
    Numbers of single things, sizes in many steps and sentences are left out by that.
    """
    keys = np.unique(context.snapshot.product_keys)
    counts = {name: _Values(len(keys)) for name in _common_names(context)}
    places = {key: place for place, key in enumerate(keys.tolist())}
    for facts in context.facts():
        for name, value in given_values(facts.product):
            if name in counts:
                counts[name].add(places[facts.product_key], value)
    found, reasons = [], {}
    for name, values in counts.items():
        if reason := values.reason():
            reasons[name] = reason
        else:
            found.append(values.attribute(name))
    return found, reasons


def given_values(product: Product) -> Iterator[tuple[str, Value]]:
    """Yields the attributes that a product has and their values."""
    if product.brand:
        yield "brand", product.brand
    if product.colour:
        yield "colour", product.colour
    for name, value in product.attributes.items():
        yield f"attr.{name}", value


def _common_names(context: TrainingContext) -> list[str]:
    """Returns the names of the most common attributes, in order; a feed may have a name of its own for each product."""
    step = max(1, len(np.unique(context.snapshot.product_keys)) // _NAMES_FROM)
    names: Counter[str] = Counter()
    for number, facts in enumerate(context.facts()):
        if number % step == 0:
            names.update(name for name, _ in given_values(facts.product))
    return sorted(name for name, _ in names.most_common(MOST_ATTRIBUTES))


class _Values:
    """The values of one attribute as products are read; memory is bounded, whatever a feed holds."""

    def __init__(self, products: int) -> None:
        self._codes = np.full(products, NOT_GIVEN, np.int64)
        self._numbers: dict[str, int] = {}
        self._values: list[Value] = []

    def add(self, place: int, value: Value) -> None:
        text = str(value).casefold()
        if len(text) > MOST_LETTERS or (text not in self._numbers and len(self._numbers) == _MOST_DIFFERENT):
            self._codes[place] = RARE
            return
        self._codes[place] = self._numbers.setdefault(text, len(self._numbers))
        if len(self._values) < len(self._numbers):
            self._values.append(value)

    def reason(self) -> str:
        """Returns why the attribute cannot be learned, or "" if it can."""
        products, kept = int((self._codes != NOT_GIVEN).sum()), self._kept()
        if products < LEAST_PRODUCTS:
            return f"{LEAST_PRODUCTS} products must have it; {products:,} do"
        if len(kept) < 2:
            return f"2 values must be those of {LEAST_WITH_VALUE} products each; {len(kept)} is"
        share = float(np.isin(self._codes, kept).sum() / products)
        if share < LEAST_SHARE:
            return f"values that repeat must cover {LEAST_SHARE:.0%} of its products; they cover {share:.0%}"
        return ""

    def attribute(self, name: str) -> Attribute:
        kept = self._kept()
        numbers = np.full(len(self._values), RARE, np.int64)
        numbers[kept] = np.arange(len(kept))
        y = np.where(self._codes >= 0, numbers[np.maximum(self._codes, 0)], self._codes)
        return Attribute(name=name, values=tuple(self._values[code] for code in kept), y=y)

    def _kept(self) -> Numbers:
        counts = np.bincount(self._codes[self._codes >= 0], minlength=len(self._values))
        order = np.argsort(-counts, kind="stable")[:MOST_VALUES]
        return order[counts[order] >= LEAST_WITH_VALUE]
