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

from data.columns.blocks import BLOCK, Blocks, Keys, block_count, by_block
from data.filters import Kind, Scalar, attribute_values

Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]
Places = NDArray[np.uint16]
Value = tuple[Kind, Scalar]
WORDLESS = "(wordless)"  # the column of products with neither title nor description; no filter can name it
NO_MOMENT = np.iinfo(np.int64).min  # as a datetime64 it is NaT
_NONE = {"f": np.nan, "i": NO_MOMENT, "b": False}
_NO_PAIRS = (np.zeros(0, np.int32), np.zeros(0, np.int32))


@dataclass(frozen=True)
class NumberColumn:
    """A number of each product: the price, the moment of creation, or whether it has no words.

    Attributes:
        numbers: by product_key: float64, NaN where there is none; int64 microseconds since 1970, `NO_MOMENT` where
            there is none; or bool.
    """

    numbers: Blocks

    @classmethod
    def of(cls, keys: Keys, numbers: NDArray[Any], size: int) -> "NumberColumn":
        """Returns the column of `size` products, of which those with these keys have a number."""
        return cls(Blocks.of(keys, numbers, size, _NONE[numbers.dtype.kind]))

    def changed(self, gone: Keys, keys: Keys, numbers: NDArray[Any], size: int) -> "NumberColumn":
        """Returns the column with facts replaced; see `Blocks.changed`."""
        return NumberColumn(self.numbers.changed(gone, keys, numbers, size))


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
class Pairs:
    """The values of the products of one block, as pairs of a product and the code of a value.

    Attributes:
        first: the lowest product_key of the block.
        places: uint16 (p,), the product of each pair, ascending, counted from the first of the block.
        codes: unsigned (p,), in as few bytes as hold them, the value of each pair.
        dictionary: has at least these codes.
    """

    first: int
    places: Places
    codes: NDArray[Any]
    dictionary: Dictionary

    @classmethod
    def of(cls, first: int, keys: Codes, codes: Codes, dictionary: Dictionary) -> "Pairs":
        """Returns the pairs of these products of the block, ascending, and codes, int32 (p,) each."""
        return cls(first, (keys - first).astype(np.uint16), _narrow(codes), dictionary)

    def changed(self, products: Codes, keys: Codes, codes: Codes, dictionary: Dictionary) -> "Pairs":
        """Returns the pairs with those of some products, ascending, replaced; itself if they are the same."""
        changed, now = (products - self.first).astype(np.uint16), Pairs.of(self.first, keys, codes, dictionary)
        lost, new = _slices(self.places, changed), _slices(now.places, changed)
        pairs = (self.places, now.places), (self.codes, now.codes)
        if all(np.array_equal(_pieces(old, lost), each) for old, each in pairs):
            return self
        places, spliced = (_spliced(old, each, lost, new) for old, each in pairs)
        return Pairs(self.first, places, _narrow(spliced), dictionary)

    @cached_property
    def is_run(self) -> bool:
        """Whether the products follow each other without a gap and each has one value."""
        return bool((np.diff(self.places) == 1).all())

    @cached_property
    def first_keys(self) -> Codes:
        """The lowest product_key of the block that has each value, int32 (values,); 0: none has it."""
        first = np.zeros(len(self.dictionary), np.int32)
        # of several, the one written last stays, and that is the lowest
        first[self.codes[::-1]] = self.places[::-1].astype(np.int32) + self.first
        return first

    @cached_property
    def value_by_place(self) -> NDArray[Any] | None:
        """The code of each product's value that is counted, plus 1, unsigned (BLOCK,); 0: none.

        None if a product of the block has several.
        """
        counted = np.flatnonzero(self.dictionary.counted.take(self.codes))
        places = self.places.take(counted)
        if np.any(places[1:] == places[:-1]):
            return None
        values = np.zeros(BLOCK, np.int32)
        values[places] = self.codes.take(counted).astype(np.int32) + 1
        return _narrow(values)

    def count(self, products: Keys) -> NDArray[np.int64]:
        """Returns how many of these products of the block have each value, int64 (values,)."""
        if self.value_by_place is not None:
            counts = np.bincount(self.value_by_place.take(products - self.first), minlength=len(self.dictionary) + 1)
            return counts[1:]
        wanted = np.zeros(BLOCK, np.bool_)
        wanted[products - self.first] = True
        codes = self.codes.take(np.flatnonzero(wanted.take(self.places)))
        return np.bincount(codes, minlength=len(self.dictionary)) * self.dictionary.counted


@dataclass(frozen=True)
class ValueColumn:
    """Texts, numbers and booleans of which a product may have several.

    Attributes:
        parts: the pairs of each block of products.
        size: one more than the highest product_key.
    """

    dictionary: Dictionary
    parts: Sequence[Pairs]
    size: int

    @classmethod
    def of(cls, groups: Mapping[Value, Keys], size: int) -> "ValueColumn":
        """Returns the column of these values; `groups`: value -> the products that have it."""
        dictionary = Dictionary().extended(groups)
        parts = [Pairs.of(block * BLOCK, *_NO_PAIRS, dictionary) for block in range(block_count(size))]
        keys, codes = _pairs(groups, dictionary)
        for block, at in by_block(keys, len(parts)):
            parts[block] = Pairs.of(block * BLOCK, keys[at], codes[at], dictionary)
        return cls(dictionary, parts, size)

    def changed(self, gone: Keys, groups: Mapping[Value, Keys], size: int) -> "ValueColumn":
        """Returns the column with facts replaced, for `size` products; blocks that did not change are shared.

        Args:
            gone: (m,), ascending, the products that lose what is here of them.
            groups: value -> those of them that have it now.
        """
        dictionary = self.dictionary.extended(groups)
        keys, codes = _pairs(groups, dictionary)
        parts = list(self.parts)
        parts += [Pairs.of(block * BLOCK, *_NO_PAIRS, dictionary) for block in range(len(parts), block_count(size))]
        products = gone.astype(np.int32)  # else `searchsorted` would convert all keys
        for block, at in by_block(products, len(parts)):
            own = slice(*np.searchsorted(keys, [products[at][0], products[at][-1] + 1]))
            parts[block] = parts[block].changed(products[at], keys[own], codes[own], dictionary)
        unchanged = size == self.size and all(new is old for new, old in zip(parts, self.parts, strict=True))
        return self if unchanged else ValueColumn(dictionary, parts, size)

    @property
    def is_empty(self) -> bool:
        """Whether no product has any value."""
        return not any(len(part.places) for part in self.parts)

    @cached_property
    def first_keys(self) -> Codes:
        """The lowest product_key that has each value, int32 (values,); 0: none has it."""
        first = np.zeros(len(self.dictionary), np.int32)
        for part in reversed(self.parts):
            found = part.first_keys
            np.copyto(first[: len(found)], found, where=found > 0)
        return first

    def having(self, chosen: Mask) -> Mask:
        """Returns which products have any of the chosen values, bool (size,).

        Args:
            chosen: bool (values,).
        """
        mask, wanted = np.zeros(self.size, np.bool_), np.flatnonzero(chosen)
        for part in self.parts:
            # Comparing with one code is many times as quick as looking each code up, and so is writing a run.
            hit = part.codes == int(wanted[0]) if len(wanted) == 1 else chosen.take(part.codes)
            own = mask[part.first : part.first + BLOCK]
            if part.is_run and len(hit):
                own[int(part.places[0]) : int(part.places[-1]) + 1] = hit
            else:
                own[part.places.take(np.flatnonzero(hit))] = True
        return mask

    def count(self, products: Keys) -> NDArray[np.int64]:
        """Returns how many of these products, ascending, have each value, int64 (values,); 0 if it is not counted."""
        counts = np.zeros(len(self.dictionary), np.int64)
        for block, at in by_block(products, len(self.parts)):
            found = self.parts[block].count(products[at])
            counts[: len(found)] += found
        return counts

    def codes_of(self, keys: Keys) -> NDArray[np.int64]:
        """Returns the code of each product's value, int64 (n,); -1: it has none, or several, or is unknown."""
        codes = np.full(len(keys), -1)
        for block in np.unique(keys // BLOCK).tolist():
            values = self.parts[block].value_by_place if block < len(self.parts) else None
            if values is not None:
                own = np.flatnonzero(keys // BLOCK == block)
                codes[own] = values[keys[own] - block * BLOCK].astype(np.int64) - 1
        return codes


Column = NumberColumn | ValueColumn


@dataclass(frozen=True)
class Columns:
    """The columns that somebody asked for, all of the same state of the catalogue.

    Attributes:
        seq: the state of the catalogue.
        alive: bool, by product_key, which products there are.
        fields: name of a fact -> its column; None: it has too many different values for one.
        spellings: (name of a fact, product_key) -> its texts as they are compared -> as the shop writes them; of those
            that were shown.
    """

    seq: int
    alive: Blocks
    fields: Mapping[str, Column | None]
    spellings: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """One more than the highest product_key."""
        return self.alive.size

    def values(self, name: str) -> ValueColumn | None:
        """Returns a column of values; None: the fact has too many different ones."""
        column = self.fields[name]
        return column if isinstance(column, ValueColumn) else None

    def numbers_of(self, name: str, keys: Keys) -> NDArray[np.float64]:
        """Returns the number of each product, float64 (n,); NaN where there is none.

        Args:
            name: of a fact with a `NumberColumn`.
        """
        column, known = self.fields[name], keys < self.size
        numbers = np.full(len(keys), np.nan)
        if isinstance(column, NumberColumn):
            found = column.numbers.take(keys[known])
            numbers[known] = np.where(found == NO_MOMENT, np.nan, found)
        return numbers

    def moments_of(self, name: str, keys: Keys) -> NDArray[np.datetime64]:
        """Returns the moment of each product (UTC), datetime64[us] (n,); NaT where there is none.

        Args:
            name: of a fact that is a moment.
        """
        column = self.fields[name]
        moments = column.numbers.take(keys) if isinstance(column, NumberColumn) else np.full(len(keys), NO_MOMENT)
        return moments.astype("datetime64[us]")

    def is_wordless(self, keys: Keys) -> Mask:
        """Returns which of the products have neither title nor description, bool (n,); needs the column `WORDLESS`."""
        column = self.fields[WORDLESS]
        return column.numbers.take(keys) if isinstance(column, NumberColumn) else np.zeros(len(keys), np.bool_)

    def codes_of(self, name: str, keys: Keys) -> NDArray[np.int64]:
        """Returns a number for each product that is the same where the value of a fact is, int64; -1: it has none.

        Args:
            name: of a fact of which no product has several values.
        """
        column = self.values(name)
        return np.full(len(keys), -1) if column is None else column.codes_of(keys)


def within(mask: Mask, keys: NDArray[Any]) -> Mask:
    """Returns mask[keys], false for keys beyond the mask's end: products that came later, or that a backup lacks."""
    if len(keys) and keys.max() >= len(mask):
        mask, keys = np.append(mask, False), np.minimum(keys, len(mask))
    found: Mask = mask.take(keys)
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


def _narrow(numbers: NDArray[Any]) -> NDArray[Any]:
    """Returns numbers from 0 on in as few bytes as hold them: there is one for each product of the catalogue."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def _slices(places: Places, products: Places) -> list[slice]:
    """Returns where the pairs of each product lie among pairs with these places."""
    return list(map(slice, np.searchsorted(places, products), np.searchsorted(places, products, side="right")))


def _pieces(array: NDArray[Any], slices: Iterable[slice]) -> NDArray[Any]:
    return np.concatenate([array[:0], *(array[each] for each in slices)])


def _spliced(array: NDArray[Any], new: NDArray[Any], out: Sequence[slice], into: Sequence[slice]) -> NDArray[Any]:
    """Returns the array with pieces of it, in ascending order, replaced by pieces of `new`."""
    ends = [0, *(each.stop for each in out)]
    pieces = [
        part for end, lost, got in zip(ends, out, into, strict=False) for part in (array[end : lost.start], new[got])
    ]
    return np.concatenate([*pieces, array[ends[-1] :]])
