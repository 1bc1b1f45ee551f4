"""Facets: how many products have each value of a fact, or how many of its numbers lie in each range."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from data.columns.blocks import Keys
from data.columns.columns import Columns, Dictionary, NumberColumn, ValueColumn
from data.columns.ranges import round_edges

MOST_SHOWN = 50  # values of one fact
_MOST_LISTED_NUMBERS = 20  # an attribute with more different numbers is counted in ranges
Spellings = Mapping[int, Mapping[str, str]]  # product_key -> text as it is compared -> as the shop writes it
Spell = Callable[[str, Iterable[int]], Spellings]


@dataclass(frozen=True)
class ValueCount:
    """A value of a fact, as the shop writes it, and the number of products that have it."""

    value: str | float | bool
    count: int


@dataclass(frozen=True)
class RangeCount:
    """The number of products whose number is at least `min` and below `max`."""

    min: float
    max: float
    count: int


@dataclass(frozen=True)
class FacetCounts:
    """One fact, counted.

    Attributes:
        values: the 50 values that most products have, most frequent first, then in their order.
        other_values: how many different values there are beside these.
        ranges: for a fact with many numbers, instead of values: the ranges that hold any, ascending.
    """

    values: tuple[ValueCount, ...] = ()
    other_values: int = 0
    ranges: tuple[RangeCount, ...] = ()


def count_facet(columns: Columns, name: str, products: Keys, spell: Spell) -> FacetCounts:
    """Returns how many of the products have each value of a fact.

    Args:
        name: a fact that has a column.
        products: the keys of the products that are counted.
        spell: returns how products of these keys write a fact; called with the lowest that has each value.
    """
    column = columns.fields[name]
    if isinstance(column, NumberColumn):
        return FacetCounts(ranges=_ranges(column.numbers.take(products)))
    if column is None:
        raise ValueError(f"{name} has no column")
    counts = column.count(products)
    if _is_measure(column):
        return FacetCounts(ranges=_ranges(np.repeat(column.dictionary.numbers, counts)))
    shown, others = _most_frequent(counts, column.dictionary)
    first = column.first_keys.take(shown).tolist()
    texts = spell(name, first)
    values = zip(first, (column.dictionary.values[code][1] for code in shown), strict=True)
    spelt = [texts[key].get(value, value) if isinstance(value, str) else value for key, value in values]
    return FacetCounts(tuple(map(ValueCount, spelt, counts[shown].tolist())), other_values=others)


def _is_measure(column: ValueColumn) -> bool:
    """Tells whether a fact has many different numbers and nothing else."""
    present = column.dictionary.counted & (column.first_keys > 0)
    many = np.count_nonzero(present) > _MOST_LISTED_NUMBERS
    return bool(many and not np.isnan(column.dictionary.numbers[present]).any())


def _ranges(numbers: NDArray[np.float64]) -> tuple[RangeCount, ...]:
    """Returns how many numbers lie in each range; NaN is no number."""
    numbers = numbers.take(np.flatnonzero(~np.isnan(numbers)))
    edges = round_edges(numbers)
    below = [0, *(int(np.count_nonzero(numbers < edge)) for edge in edges[1:-1]), len(numbers)]
    counted = zip(pairwise(edges), pairwise(below), strict=True) if edges else ()
    return tuple(RangeCount(least, most, end - start) for (least, most), (start, end) in counted if end > start)


def _most_frequent(counts: NDArray[np.int64], dictionary: Dictionary) -> tuple[list[int], int]:
    """Returns the codes that are shown, in their order, and how many more values there are."""
    found = np.flatnonzero(counts)
    ranks = counts[found] * len(counts) - dictionary.places[found]  # by count, then by place, as one number
    best = np.arange(len(found))
    if len(found) > MOST_SHOWN:
        best = np.argpartition(-ranks, MOST_SHOWN)[:MOST_SHOWN]
    best = best[np.argsort(-ranks[best])]
    return found[best].tolist(), len(found) - len(best)
