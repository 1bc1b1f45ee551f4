"""Reads columns, and what changed of them, from the tables of catalog.db that hold the facts for filters."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from data.columns.columns import Column, Keys, NumberColumn, Value, ValueColumn
from data.columns.matching import microseconds
from data.database import json_list

_TEXTS = ("brand", "category", "currency")
_FLAGS = ("in_stock",)
NUMBERS = ("price", "created_at")
FACTS = (*_TEXTS, *_FLAGS, *NUMBERS, "colour")  # that have columns, beside attributes


def read_column(connection: sqlite3.Connection, name: str, size: int, most_values: int) -> Column | None:
    """Returns a fact of all products; None if it has more than `most_values` different values.

    Args:
        size: one more than the highest product_key.
    """
    if name not in NUMBERS and _count_values(connection, name, most_values + 1) > most_values:
        return None
    everything = np.zeros(0, np.int64)
    return _changed(connection, name, _empty(name), everything, size, None)


def read_changes(connection: sqlite3.Connection, name: str, column: Column, keys: Keys, size: int) -> Column:
    """Returns a column with the facts of these products read anew."""
    return _changed(connection, name, column, keys, size, keys.tolist())


def read_changed(connection: sqlite3.Connection, after_seq: int) -> Keys:
    """Returns the products whose facts changed after `after_seq`, deleted ones too, int64 (n,)."""
    rows = connection.execute("SELECT product_key FROM products WHERE filter_seq > ?", (after_seq,))
    return np.fromiter((key for (key,) in rows), np.int64)


def read_live(connection: sqlite3.Connection, keys: Keys | None = None) -> Keys:
    """Returns those of the given products that are live, int64 (n,); None: all that are."""
    only = None if keys is None else keys.tolist()
    rows = connection.execute(
        f"SELECT product_key FROM filter_facts WHERE {_among(only)}",  # noqa: S608 - constants
        _listed(only),
    )
    return np.fromiter((key for (key,) in rows), np.int64)


def _empty(name: str) -> Column:
    if name not in NUMBERS:
        return ValueColumn()
    return NumberColumn(np.zeros(0, np.float64 if name == "price" else np.int64))


def _changed(
    connection: sqlite3.Connection, name: str, column: Column, keys: Keys, size: int, only: Sequence[int] | None
) -> Column:
    if isinstance(column, NumberColumn):
        return column.changed(keys, _number_rows(connection, name, only), size)
    return column.changed(keys, _value_rows(connection, name, only), size)


def _number_rows(connection: sqlite3.Connection, name: str, only: Sequence[int] | None) -> Iterator[tuple[int, Any]]:
    rows = connection.execute(
        f"SELECT product_key, {name} FROM filter_facts "  # noqa: S608 - a name from NUMBERS
        f"WHERE {name} IS NOT NULL AND {_among(only)}",
        _listed(only),
    )
    if name == "price":
        yield from rows
    else:
        yield from ((key, microseconds(moment)) for key, moment in rows)


def _value_rows(connection: sqlite3.Connection, name: str, only: Sequence[int] | None) -> Iterator[tuple[int, Value]]:
    """Yields (product_key, value) in ascending order of key."""
    if name in (*_TEXTS, *_FLAGS):
        kind = "bool" if name in _FLAGS else "text"
        rows = connection.execute(
            f"SELECT product_key, '{kind}', {name} FROM filter_facts "  # noqa: S608 - names from the lists above
            f"WHERE {name} IS NOT NULL AND {_among(only)} ORDER BY product_key",
            _listed(only),
        )
    else:
        rows = connection.execute(
            "SELECT product_key, kind, value FROM filter_values "  # noqa: S608 - constants
            f"WHERE field = ? AND {_among(only)} ORDER BY product_key",
            (name, *_listed(only)),
        )
    for key, kind, value in rows:
        yield key, (kind, bool(value) if kind == "bool" else value)


def _count_values(connection: sqlite3.Connection, name: str, most: int) -> int:
    """Returns how many different values a fact has, counted up to `most`."""
    distinct, listed = "DISTINCT kind, value FROM filter_values WHERE field = ?", [name]
    if name in (*_TEXTS, *_FLAGS):
        distinct, listed = f"DISTINCT {name} FROM filter_facts", []
    count: int = connection.execute(
        f"SELECT count(*) FROM (SELECT {distinct} LIMIT ?)",  # noqa: S608 - names from the lists above
        (*listed, most),
    ).fetchone()[0]
    return count


def _among(only: Sequence[int] | None) -> str:
    return "1" if only is None else "product_key IN (SELECT value FROM json_each(?))"


def _listed(only: Sequence[int] | None) -> tuple[str, ...]:
    return () if only is None else (json_list(only),)
