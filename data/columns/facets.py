"""Facets: how many products have each value of a fact, or how many of its numbers lie in each range."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from data.columns.columns import Columns, Mask, NumberColumn, ValueColumn
from data.columns.ranges import round_edges

MOST_SHOWN = 50  # values of one fact
_MOST_LISTED_NUMBERS = 20  # an attribute with more different numbers is counted in ranges
Spellings = Mapping[int, Mapping[str, str]]  # product_key -> text as it is compared -> as the shop writes it


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


def count_facet(
    columns: Columns, name: str, matched: Mask, spell: Callable[[str, Iterable[int]], Spellings]
) -> FacetCounts:
    """Returns how many of the products have each value of a fact.

    Args:
        name: a fact that has a column.
        matched: bool (size,), by product_key, the products that are counted.
        spell: called with the fact and the lowest product_key that has each value.
    """
    column = columns.fields[name]
    if isinstance(column, NumberColumn):
        numbers = column.numbers[matched]
        return FacetCounts(ranges=_ranges(numbers[~np.isnan(numbers)]))
    if column is None:
        raise ValueError(f"{name} has no column")
    codes = column.codes[matched[column.keys]]
    if _is_measure(column):
        numbers = column.numbers[codes]
        return FacetCounts(ranges=_ranges(numbers[~np.isnan(numbers)]))
    counts = np.bincount(codes, minlength=len(column.code_of)) * column.counted
    shown, others = _most_frequent(counts, column)
    texts = spell(name, column.first_keys[[code for code in shown if column.values[code][0] == "text"]].tolist())
    return FacetCounts(
        tuple(ValueCount(_shown(column, code, texts), int(counts[code])) for code in shown), other_values=others
    )


def _is_measure(column: ValueColumn) -> bool:
    """Tells whether a fact has many different numbers and nothing else."""
    present = column.counted & (column.first_keys > 0)
    many = np.count_nonzero(present) > _MOST_LISTED_NUMBERS
    return bool(many and not np.isnan(column.numbers[present]).any())


def _ranges(numbers: NDArray[np.float64]) -> tuple[RangeCount, ...]:
    edges = round_edges(numbers)
    below = [0, *(int(np.count_nonzero(numbers < edge)) for edge in edges[1:-1]), len(numbers)]
    counted = zip(pairwise(edges), pairwise(below), strict=True) if edges else ()
    return tuple(RangeCount(least, most, end - start) for (least, most), (start, end) in counted if end > start)


def _most_frequent(counts: NDArray[np.int64], column: ValueColumn) -> tuple[list[int], int]:
    """Returns the codes that are shown, in their order, and how many more values there are."""
    found = np.flatnonzero(counts)
    ranks = counts[found] * len(counts) - column.places[found]  # by count, then by place, as one number
    if len(found) > MOST_SHOWN:
        best = np.argpartition(-ranks, MOST_SHOWN)[:MOST_SHOWN]
        best = best[np.argsort(-ranks[best])]
    else:
        best = np.argsort(-ranks)
    return found[best].tolist(), len(found) - len(best)


def _shown(column: ValueColumn, code: int, texts: Spellings) -> str | float | bool:
    value = column.values[code][1]
    return texts.get(int(column.first_keys[code]), {}).get(value, value) if isinstance(value, str) else value
