"""What a request asks of facts: which of them are counted, by which one hits are sorted, how many may share a value."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.columns import COUNTED_FIELDS, MOST_VALUES, Columns, ColumnStore, FacetCounts
from engine.errors import InvalidQuery
from engine.protocols import Mask

SORTS = ("relevance", "price", "-price", "created_at", "-created_at")
MOST_FACETS = 10
MAX_FACETS = 1_000  # characters
MOST_PER = 1000
MAX_FACT_NAME = 64  # characters of an attribute's name
_CAPPED_FIELDS = ("brand", "category")  # and attr.NAME
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Cap:
    """At most `most` hits may have the same value of a fact."""

    fact: str
    most: int


def check_sort(sort: str) -> None:
    """Raises InvalidQuery if there is no such order."""
    if sort and sort not in SORTS:
        raise InvalidQuery(f"sort must be one of {', '.join(SORTS)}; got {sort[:100]!r}.", field="sort")


def is_by_relevance(sort: str) -> bool:
    """Tells whether hits stay as they were found, because no order was asked for, or this one."""
    return sort in ("", SORTS[0])


def read_facets(text: str) -> tuple[str, ...]:
    """Returns the facts that are to be counted, each once, with the `~` in front that some have.

    Args:
        text: names with commas between them, for example `brand,price,attr.size`; "": none. A fact with `~` in front,
            `~brand`, is counted as if it were not filtered by.

    Raises:
        InvalidQuery: a name is no fact that can be counted, or there are more than 10.
    """
    if not text.strip():
        return ()
    if len(text) > MAX_FACETS:
        raise InvalidQuery(f"facets must have at most {MAX_FACETS} characters; got {len(text)}.", field="facets")
    facts: dict[str, str] = {}
    for part in map(str.strip, text.split(",")):
        name = _fact(part.removeprefix("~"), COUNTED_FIELDS, "facets")
        facts.setdefault(name, f"~{name}" if part.startswith("~") else name)
    names = tuple(facts.values())
    if len(names) > MOST_FACETS:
        raise InvalidQuery(f"facets must name at most {MOST_FACETS} facts; got {len(names)}.", field="facets")
    return names


def read_cap(text: str) -> Cap | None:
    """Returns how many hits may share a value.

    Args:
        text: for example `brand:2`; "": any number.

    Raises:
        InvalidQuery: it is no such text, or the number is not from 1 to 1,000.
    """
    if not text.strip():
        return None
    name, _, most = text.strip().rpartition(":")
    if not (most.isascii() and most.isdigit() and len(most) <= 4 and 1 <= int(most) <= MOST_PER):
        raise InvalidQuery(
            f"max_per must be a fact and a number from 1 to {MOST_PER}, such as brand:2; got {text[:100]!r}.",
            field="max_per",
        )
    return Cap(_fact(name, _CAPPED_FIELDS, "max_per"), int(most))


def counted(
    store: ColumnStore, facets: str, matched: Mask, unfiltered: Callable[[str], Mask] | None = None
) -> dict[str, FacetCounts]:
    """Returns how many of the products have each value, for each of the facts that `read_facets` finds in a text.

    Args:
        matched: bool, by product_key, the products that are counted.
        unfiltered: returns the same for a fact that is to be counted as if it were not filtered by.

    Raises:
        InvalidQuery: a fact has too many different values to be counted.
    """
    asked = read_facets(facets)
    if not asked:
        return {}
    names = tuple(name.removeprefix("~") for name in asked)
    columns = store.columns(names)
    _check_columns(columns, names, "facets")
    found = store.facets(columns, [name for name in names if name in asked or unfiltered is None], matched)
    if unfiltered is not None:
        for name in names:
            if name not in asked:
                found |= store.facets(columns, [name], unfiltered(name))
    return {name: found[name] for name in names}


def arranged(store: ColumnStore, keys: Places, sort: str, max_per: str, first: int) -> Places:
    """Returns the places of products in the order of the answer: sorted, and without those that are too many.

    Args:
        keys: int64 (m,), product keys by relevance.
        sort, max_per: as a request names them.
        first: how many products stay first, and stay, whatever facts they have: their code or title was typed.

    Raises:
        InvalidQuery: the fact of `max_per` has too many different values.
    """
    order, cap = np.arange(len(keys)), read_cap(max_per)
    if not is_by_relevance(sort):
        name = sort.removeprefix("-")
        numbers = store.columns([name]).numbers_of(name, keys[first:])
        rest = _sorted(numbers, descending=sort.startswith("-"))
        order = np.concatenate([order[:first], first + rest])
    if cap is not None:
        columns = store.columns([cap.fact])
        _check_columns(columns, (cap.fact,), "max_per")
        order = order[_capped(columns.codes_of(cap.fact, keys[order]), cap.most, first)]
    return order


def _sorted(numbers: NDArray[np.float64], *, descending: bool) -> Places:
    """Returns the places of products by their numbers; ties stay as they were, and those without a number go last."""
    return np.argsort(-numbers if descending else numbers, kind="stable")  # NaN goes last


def _capped(codes: Places, most: int, first: int) -> Places:
    """Returns the places that stay: of each code the first `most`, and all where it is -1."""
    by_code = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[by_code], prepend=-2))  # where each code begins
    nth = np.empty(len(codes), np.int64)
    nth[by_code] = np.arange(len(codes)) - np.repeat(starts, np.diff(starts, append=len(codes)))
    return np.flatnonzero((codes < 0) | (nth < most) | (np.arange(len(codes)) < first))


def _check_columns(columns: Columns, names: tuple[str, ...], field: str) -> None:
    for name in names:
        if columns.fields[name] is None:
            raise InvalidQuery(
                f"{field} must name facts with at most {MOST_VALUES:,} values; {name} has more. Leave it out.",
                field=field,
            )


def _fact(text: str, fields: tuple[str, ...], field: str) -> str:
    name = text.strip()
    if name.lower().startswith("attr."):
        attribute = name[5:].strip().strip('"')
        if 0 < len(attribute) <= MAX_FACT_NAME:
            return f"attr.{attribute}"
    if name.lower() not in fields:
        raise InvalidQuery(f"{field} must name {', '.join(fields)} or attr.NAME; got {name[:100]!r}.", field=field)
    return name.lower()
