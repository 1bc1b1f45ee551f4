"""Lets the prices of a feed tell together what the dot and the comma in them mean."""

import dataclasses
from collections.abc import Iterator

from data.readers.columns import PRICES
from data.readers.records import BadRow, Record
from data.values import price_mark, settled_price

_ROWS_AHEAD = 2_000
_CHARACTERS_AHEAD = 8_000_000


def settle_prices(rows: Iterator[Record | BadRow]) -> Iterator[Record | BadRow]:
    """Yields the rows, with prices such as `1.299` written so that they have one meaning.

    Rows wait from the first such price on until another price shows which mark is the decimal one. If none of the next
    2,000 rows does, a mark before three digits is a thousands mark.
    """
    waiting: list[Record | BadRow] = []
    characters, decimal_mark = 0, None
    for row in rows:
        if decimal_mark is None:
            marks = _marks(row)
            decimal_mark = next((mark for mark in marks.values() if mark), None)
            if decimal_mark is None and (waiting or None in marks.values()):
                waiting.append(row)
                characters += _size(row)
                if len(waiting) < _ROWS_AHEAD and characters < _CHARACTERS_AHEAD:
                    continue
                decimal_mark = ""
            for held in waiting:
                if held is not row:
                    yield _settled(held, decimal_mark or "")
            waiting = []
        yield _settled(row, decimal_mark) if decimal_mark is not None else row
    for held in waiting:
        yield _settled(held, "")


def _marks(row: Record | BadRow) -> dict[str, str | None]:
    if isinstance(row, BadRow):
        return {}
    return {name: price_mark(row.values[name]) for name in PRICES.intersection(row.values)}


def _settled(row: Record | BadRow, decimal_mark: str) -> Record | BadRow:
    doubtful = [name for name, mark in _marks(row).items() if mark is None]
    if isinstance(row, BadRow) or not doubtful:
        return row
    values = {name: settled_price(row.values[name], decimal_mark) for name in doubtful}
    return dataclasses.replace(row, values={**row.values, **values})


def _size(row: Record | BadRow) -> int:
    return 0 if isinstance(row, BadRow) else sum(len(value) for value in row.values.values() if isinstance(value, str))
