"""What a platform's export is to the readers, and what the modules of several platforms share."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from data.errors import InvalidProduct
from data.readers.grouping import ROWS_PER_GROUP, Groups, Member
from data.readers.records import BadRow, Record, RowWarning
from data.values import is_nothing, read_price

Rows = Iterator[Record | BadRow]
PATH = " > "
_COLOURS = ("color", "colour", "색상", "컬러", "색")


@dataclass(frozen=True)
class Platform:
    """The export of one platform.

    Attributes:
        title: its name for people.
        recognises: tells whether a feed with these column names, as `plain_name` gives them, is such an export.
        convert: turns its rows, under plain names, into one record a product, with our names for what they hold; adds
            sentences for the report to the list.
        known: plain names of the columns that it reads or that hold nothing for a search, or how they begin.
        passes_on: whether its records also hold the other columns, as they are.
        holds_objects: whether its rows may hold objects; the others are tables, and JSON of the same shop system's API,
            though its names are alike, is another thing.
    """

    title: str
    recognises: Callable[[frozenset[str]], bool]
    convert: Callable[[Rows, list[str]], Rows]
    known: tuple[str, ...]
    passes_on: bool = False
    holds_objects: bool = False


def others(values: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """Returns the columns that a platform does not know, which may still be called like a fact."""
    return {name: value for name, value in values.items() if not name.startswith(known)}


def text_of(values: Mapping[str, Any], *names: str) -> str:
    """Returns the first of these values that is not empty, as text."""
    for name in names:
        value = values.get(name)
        if isinstance(value, list):
            value = next((item for item in value if not is_nothing(item)), None)
        if not is_nothing(value) and (text := str(value).strip()):
            return text
    return ""


def joined(values: Iterable[str]) -> str:
    """Returns the different texts among `values` as one text."""
    return ", ".join(dict.fromkeys(value for value in values if value))


def category_of(path: str, separator: str) -> dict[str, str]:
    """Returns a category and its path: the last part of a path is the category."""
    parts = [part.strip() for part in path.split(separator) if part.strip()]
    if not parts:
        return {}
    return {"category": parts[-1], **({"attr.category_path": PATH.join(parts)} if len(parts) > 1 else {})}


def attributes_of(values: Mapping[str, str]) -> dict[str, str]:
    """Returns attributes by their names as `attr.NAME`; a colour is also the product's colour."""
    facts = {f"attr.{name}": value for name, value in values.items()}
    colour = next((values[name] for name in _COLOURS if values.get(name)), "")
    return {**facts, **({"colour": colour} if colour else {})}


def lowest_price(prices: Iterable[Any]) -> tuple[Any, list[RowWarning]]:
    """Returns the lowest of several prices as it is written, and a warning for the first that cannot be read.

    Where none can be read, that one is the price: it is refused like any other, and the product keeps the price it has.
    None: no price is given.
    """
    best, lowest = None, float("inf")
    unreadable: list[Any] = []
    warnings: list[RowWarning] = []
    for written in prices:
        try:
            price = read_price(written)
        except InvalidProduct as error:
            unreadable.append(written)
            warnings.append(RowWarning(error.code, f"{error} This variant's price was left out."))
            continue
        if price is not None and price.amount < lowest:
            best, lowest = written, price.amount
    if best is None and unreadable:
        return unreadable[0], []
    return best, warnings[:1]


def lowest_current_price(found: Iterable[tuple[Any, list[RowWarning]]]) -> tuple[Any, list[RowWarning]]:
    """Returns what `lowest_price` does, of prices with warnings as `current_price` returns them."""
    prices: list[Any] = []
    warnings: list[RowWarning] = []
    for price, noticed in found:
        prices.append(price)
        warnings += noticed
    lowest, unreadable = lowest_price(prices)
    return lowest, [*warnings[:1], *unreadable]


def combine_rows(
    rows: Rows,
    notes: list[str],
    add: Callable[[Groups, Record], BadRow | None],
    combine: Callable[[list[Member]], Record | None],
) -> Rows:
    """Yields one record a product from rows that may lie apart, and the rows that cannot be read.

    Args:
        add: adds a row to the groups, or returns what is wrong with it.
        combine: turns the rows of a product into one record; None: the shop does not show the product.
    """
    hidden = 0
    with Groups() as groups:
        for row in rows:
            bad = row if isinstance(row, BadRow) else add(groups, row)
            if bad:
                yield bad
        for _, members in groups:
            record = combine(members)
            if record:
                yield record
            hidden += record is None
        left_out = groups.left_out
    if hidden:
        notes.append(unpublished_note(hidden))
    if left_out:
        notes.append(f"rows over {ROWS_PER_GROUP:,} of one product were left out: {left_out:,}")


def unpublished_note(count: int) -> str:
    """Returns the sentence of the report on products that the shop does not show."""
    return f"products that are not published in the shop were left out: {count:,}"


def missing_id(record: Record, column: str) -> BadRow:
    """Returns the report on a row that does not say which product it belongs to."""
    message = f"{column} must be given, since it tells which product a row belongs to; got nothing. Add it."
    return BadRow(record.line, "missing_product_id", message)


def warnings_of(members: Iterable[Member]) -> tuple[RowWarning, ...]:
    """Returns what the reader noticed of all rows of a product."""
    return tuple(found for member in members for found in member.warnings)
