"""Columns: one fact of all products as arrays. They never change; a change of the catalogue makes new ones.

Products are addressed by their product_key itself, which counts up from 1 and is never used twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.filters import Kind, Scalar, attribute_values

Mask = NDArray[np.bool_]
Keys = NDArray[np.int64]
Value = tuple[Kind, Scalar]


@dataclass(frozen=True)
class NumberColumn:
    """A number of each product: the price, or the moment of creation.

    Attributes:
        numbers: (size,), by product_key: float64, NaN where there is none, or int64 microseconds since 1970.
    """

    numbers: NDArray[Any]

    def changed(self, keys: Keys, rows: Iterable[tuple[int, Any]], size: int) -> "NumberColumn":
        """Returns the column with the facts of these products replaced.

        Args:
            keys: the products that changed.
            rows: (product_key, number) of those of them that have one.
            size: length of the new column.
        """
        missing = np.nan if self.numbers.dtype == np.float64 else 0
        numbers = np.full(size, missing, self.numbers.dtype)
        numbers[: len(self.numbers)] = self.numbers
        numbers[keys] = missing
        for key, number in rows:
            numbers[key] = number
        return NumberColumn(numbers)


@dataclass(frozen=True)
class ValueColumn:
    """Texts, numbers and booleans of which a product may have several, as pairs of a product and the code of a value.

    Attributes:
        code_of: value -> its code, 0, 1, 2, ...; a value may be left that no product has any more.
        keys: int32 (p,), the product of each pair, ascending.
        codes: int32 (p,), the value of each pair.
    """

    code_of: Mapping[Value, int] = field(default_factory=dict)
    keys: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    codes: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))

    def changed(self, keys: Keys, rows: Iterable[tuple[int, Value]], size: int) -> "ValueColumn":
        """Returns the column with the values of these products replaced; the arguments are those of `NumberColumn`."""
        code_of = dict(self.code_of)
        coded = (number for key, value in rows for number in (key, code_of.setdefault(value, len(code_of))))
        pairs = np.fromiter(coded, np.int32)
        outdated = np.zeros(size, np.bool_)
        outdated[keys] = True
        kept = ~outdated[self.keys]
        new_keys, new_codes = pairs.reshape(-1, 2).T
        all_keys = np.concatenate([self.keys[kept], new_keys])
        order = np.argsort(all_keys, kind="stable")
        return ValueColumn(code_of, all_keys[order], np.concatenate([self.codes[kept], new_codes])[order])

    @cached_property
    def values(self) -> list[Value]:
        """The values, by code."""
        return list(self.code_of)

    @cached_property
    def first_keys(self) -> NDArray[np.int32]:
        """The lowest product_key that has each value, int32 (values,); 0: none has it."""
        first = np.zeros(len(self.code_of), np.int32)
        first[self.codes[::-1]] = self.keys[::-1]  # of several, the one written last stays, and that is the lowest
        return first

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """Each value as a number, float64 (values,); NaN where it is none."""
        return np.array([value if kind == "number" else np.nan for kind, value in self.values], np.float64)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """The place of each value in their order, int64 (values,): booleans, numbers, texts."""
        order = sorted(range(len(self.values)), key=self.values.__getitem__)
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        return places

    @cached_property
    def counted(self) -> Mask:
        """Which values are counted, bool (values,): not an attribute's text "12", which is here as the number too."""
        last = [list(attribute_values(value))[-1] for _, value in self.values]
        pairs = zip(last, self.values, strict=True)
        return np.array([each == own or each not in self.code_of for each, own in pairs], np.bool_)


Column = NumberColumn | ValueColumn


@dataclass(frozen=True)
class Columns:
    """The columns that somebody asked for, all of the same state of the catalogue.

    Attributes:
        seq: the state of the catalogue.
        alive: bool (size,), by product_key, which products there are.
        fields: name of a fact -> its column; None: it has too many different values for one.
        spellings: (name of a fact, product_key) -> its texts as they are compared -> as the shop writes them; of those
            that were shown.
    """

    seq: int
    alive: Mask
    fields: Mapping[str, Column | None]
    spellings: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """One more than the highest product_key."""
        return len(self.alive)

    def values(self, name: str) -> ValueColumn | None:
        """Returns a column of values; None: the fact has too many different ones."""
        column = self.fields[name]
        return column if isinstance(column, ValueColumn) else None

    def numbers(self, name: str) -> NDArray[Any]:
        """Returns the numbers of a `NumberColumn`."""
        column = self.fields[name]
        return column.numbers if isinstance(column, NumberColumn) else np.zeros(self.size)

    def codes_of(self, name: str, keys: Keys) -> NDArray[np.int64]:
        """Returns a number for each product that is the same where the value of a fact is, int64; -1: it has none."""
        column = self.values(name) or ValueColumn()
        counted = column.counted[column.codes]
        owners, codes = column.keys[counted], column.codes[counted]
        at = np.searchsorted(owners, keys)
        found = at < len(owners)
        found[found] = owners[at[found]] == keys[found]
        return np.where(found, codes[np.minimum(at, max(len(codes) - 1, 0))] if len(codes) else -1, -1)


def within(mask: Mask, keys: NDArray[Any]) -> Mask:
    """Returns mask[keys], false for keys beyond the mask's end: products that came later, or that a backup lacks."""
    if len(keys) and keys.max() >= len(mask):
        mask, keys = np.append(mask, False), np.minimum(keys, len(mask))
    found: Mask = mask[keys]
    return found


def resized(mask: Mask, size: int) -> Mask:
    """Returns a mask of this length: cut, or with false at its end."""
    found = np.zeros(size, np.bool_)
    found[: len(mask)] = mask[:size]
    return found
