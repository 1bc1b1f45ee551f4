"""Columns: one fact of all products as arrays. They never change; a change of the catalogue makes new ones.

Products are addressed by their product_key itself, which counts up from 1 and is never used twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.filters import Kind, Scalar, attribute_values

Mask = NDArray[np.bool_]
Keys = NDArray[np.int64]
Codes = NDArray[np.int32]
Value = tuple[Kind, Scalar]
_FEW = 100  # products


@dataclass(frozen=True)
class NumberColumn:
    """A number of each product: the price, or the moment of creation.

    Attributes:
        numbers: (size,), by product_key: float64, NaN where there is none, or int64 microseconds since 1970.
    """

    numbers: NDArray[Any]

    def changed(self, gone: Keys, keys: Keys, numbers: NDArray[Any], size: int) -> "NumberColumn":
        """Returns the column with facts replaced, for `size` products.

        Args:
            gone: (m,), the products that lose what is here of them.
            keys, numbers: (n,), the products that have a number now, and their numbers.
        """
        missing = np.nan if self.numbers.dtype == np.float64 else 0
        changed = _extended(self.numbers, size, missing)
        changed[gone] = missing
        changed[keys] = numbers
        return NumberColumn(changed)


@dataclass(frozen=True)
class Dictionary:
    """The values of a fact, each with its code; a value may be left that no product has any more.

    Attributes:
        code_of: value -> its code, 0, 1, 2, ...
    """

    code_of: Mapping[Value, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.code_of)

    def extended(self, values: Iterable[Value]) -> "Dictionary":
        """Returns a dictionary that has these values too; itself if it has them all."""
        new = [value for value in values if value not in self.code_of]
        return Dictionary({**self.code_of, **dict(zip(new, count(len(self)), strict=False))}) if new else self

    @cached_property
    def values(self) -> list[Value]:
        """The values, by code."""
        return list(self.code_of)

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """Each value as a number, float64 (values,); NaN where it is none."""
        return np.array([value if kind == "number" else np.nan for kind, value in self.values], np.float64)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """The place of each value in their order, int64 (values,): booleans, numbers, texts."""
        order = sorted(range(len(self)), key=self.values.__getitem__)
        places = np.empty(len(self), np.int64)
        places[order] = np.arange(len(self))
        return places

    @cached_property
    def counted(self) -> Mask:
        """Which values are counted, bool (values,): not an attribute's text "12", which is here as the number too."""
        last = [list(attribute_values(value))[-1] for _, value in self.values]
        pairs = zip(last, self.values, strict=True)
        return np.array([each == own or each not in self.code_of for each, own in pairs], np.bool_)


@dataclass(frozen=True)
class ValueColumn:
    """Texts, numbers and booleans of which a product may have several, as pairs of a product and the code of a value.

    Attributes:
        keys: int32 (p,), the product of each pair, ascending.
        codes: int32 (p,), the value of each pair.
        size: one more than the highest product_key.
    """

    dictionary: Dictionary = Dictionary()
    keys: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    codes: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    size: int = 0

    @classmethod
    def of(cls, groups: Mapping[Value, Keys], size: int) -> "ValueColumn":
        """Returns the column of these values; `groups`: value -> the products that have it."""
        dictionary = Dictionary().extended(groups)
        return cls(dictionary, *_pairs(groups, dictionary), size)

    def changed(self, gone: Keys, groups: Mapping[Value, Keys], size: int) -> "ValueColumn":
        """Returns the column with facts replaced, for `size` products; what did not change is only copied.

        Args:
            gone: (m,), ascending, the products that lose what is here of them.
            groups: value -> those of them that have it now.
        """
        products = gone.astype(np.int32)  # else `searchsorted` would convert all keys
        dictionary = self.dictionary.extended(groups)
        keys, codes = _pairs(groups, dictionary)
        lost, new = _places(self.keys, products), _places(keys, products)
        lost_keys, lost_codes = (_pieces(array, lost) for array in (self.keys, self.codes))
        if size == self.size and np.array_equal(lost_keys, keys) and np.array_equal(lost_codes, codes):
            return self  # other facts of these products changed
        spliced_keys, spliced_codes = _spliced(self.keys, keys, lost, new), _spliced(self.codes, codes, lost, new)
        column = ValueColumn(dictionary, spliced_keys, spliced_codes, size)
        if len(products) <= _FEW:  # computing them again at their next use would take time for all products
            if "value_by_key" in vars(self):
                vars(column)["value_by_key"] = column._values_after(self, products, keys, codes)
            if "first_keys" in vars(self):
                vars(column)["first_keys"] = column._first_keys_after(self, lost_keys, lost_codes, keys, codes)
        return column

    @cached_property
    def first_keys(self) -> Codes:
        """The lowest product_key that has each value, int32 (values,); 0: none has it."""
        first = np.zeros(len(self.dictionary), np.int32)
        first[self.codes[::-1]] = self.keys[::-1]  # of several, the one written last stays, and that is the lowest
        return first

    @cached_property
    def value_by_key(self) -> NDArray[np.int64] | None:
        """The code of each product's value that is counted, plus 1, int64 (size,), as `np.bincount` wants it; 0: none.

        None if a product has several, or had some before a change.
        """
        counted = np.flatnonzero(self.dictionary.counted.take(self.codes))
        keys = self.keys.take(counted)
        if np.any(keys[1:] == keys[:-1]):
            return None
        values = np.zeros(self.size, np.int64)
        values[keys] = self.codes.take(counted) + 1
        return values

    def count(self, products: Keys) -> NDArray[np.int64]:
        """Returns how many of these products have each value, int64 (values,); 0 for values that are not counted."""
        if self.value_by_key is not None:
            return np.bincount(self.value_by_key.take(products), minlength=len(self.dictionary) + 1)[1:]
        wanted = np.zeros(self.size, np.bool_)
        wanted[products] = True
        codes = self.codes.take(np.flatnonzero(wanted.take(self.keys)))
        return np.bincount(codes, minlength=len(self.dictionary)) * self.dictionary.counted

    def _values_after(self, before: "ValueColumn", gone: Codes, keys: Codes, codes: Codes) -> NDArray[np.int64] | None:
        """Returns `value_by_key`, from that of the column before, of which products have other values now."""
        counted = self.dictionary.counted.take(codes)
        keys, codes = keys[counted], codes[counted]
        if before.value_by_key is None or np.any(keys[1:] == keys[:-1]):
            return None
        after = _extended(before.value_by_key, self.size, 0)
        after[gone] = 0
        after[keys] = codes + 1
        return after

    def _first_keys_after(
        self, before: "ValueColumn", lost_keys: Codes, lost_codes: Codes, keys: Codes, codes: Codes
    ) -> Codes:
        """Returns `first_keys`, from that of the column before, of which products lost values and got others."""
        first = _extended(before.first_keys, len(self.dictionary), 0)
        for code in set(lost_codes[first[lost_codes] == lost_keys].tolist()):
            having = self.codes == code
            first[code] = self.keys[having.argmax()] if having.any() else 0
        for key, code in zip(keys.tolist(), codes.tolist(), strict=True):
            first[code] = min(first[code] or key, key)
        return first


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
        """Returns a number for each product that is the same where the value of a fact is, int64; -1: it has none.

        Args:
            name: of a fact of which no product has several values.
        """
        column = self.values(name)
        codes = np.full(len(keys), -1)
        if column is not None and column.value_by_key is not None:
            known = keys < column.size
            codes[known] = column.value_by_key[keys[known]] - 1
        return codes


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


def _pairs(groups: Mapping[Value, Keys], dictionary: Dictionary) -> tuple[Codes, Codes]:
    """Returns the products that have values, ascending, and the codes of the values, int32 (p,) each."""
    keys = np.concatenate([np.zeros(0, np.int32), *groups.values()], dtype=np.int32)
    sizes = [len(group) for group in groups.values()]
    codes = np.repeat(np.array([dictionary.code_of[value] for value in groups], np.int32), sizes)
    order = np.argsort(keys, kind="stable")
    return keys.take(order), codes.take(order)


def _places(keys: Codes, products: Codes) -> list[slice]:
    """Returns where the pairs of each product lie among pairs with these keys."""
    return list(map(slice, np.searchsorted(keys, products), np.searchsorted(keys, products, side="right")))


def _extended(array: NDArray[Any], size: int, missing: float) -> NDArray[Any]:
    """Returns a copy of this length, with `missing` at its end."""
    found = np.empty(size, array.dtype)
    found[: len(array)] = array
    found[len(array) :] = missing
    return found


def _pieces(array: Codes, places: Iterable[slice]) -> Codes:
    return np.concatenate([array[:0], *(array[each] for each in places)])


def _spliced(array: Codes, new: Codes, out: Sequence[slice], into: Sequence[slice]) -> Codes:
    """Returns the array with pieces of it, in ascending order, replaced by pieces of `new`."""
    ends = [0, *(each.stop for each in out)]
    pieces = [
        part for end, lost, got in zip(ends, out, into, strict=False) for part in (array[end : lost.start], new[got])
    ]
    return np.concatenate([*pieces, array[ends[-1] :]])
