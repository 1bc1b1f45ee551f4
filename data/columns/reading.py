"""Reads columns, and what changed of them, from the tables of catalog.db that hold the facts for filters.

The products of a value come as one text: making a Python object of each row would take most of the time. What a disk
has damaged is left out, so that it costs only itself.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from data.columns.blocks import BLOCK, Keys
from data.columns.columns import NO_MOMENT, WORDLESS, Column, NumberColumn, Value, ValueColumn
from data.columns.matching import microseconds
from data.database import json_list

_TEXTS = ("brand", "category", "currency")
_FLAGS = ("in_stock",)
NUMBERS = ("price", "created_at")
FACTS = (*_TEXTS, *_FLAGS, *NUMBERS, "colour")  # that have columns, beside attributes
_KINDS = {"text": str, "number": float, "bool": int}


def read_column(connection: sqlite3.Connection, name: str, size: int, most_values: int) -> Column | None:
    """Returns a fact of all products; None if it has more than `most_values` different values.

    Args:
        size: one more than the highest product_key.
    """
    if name == WORDLESS:
        return NumberColumn.of(*_wordless(connection), size)
    if name in NUMBERS:
        return NumberColumn.of(*_numbers(connection, name), size)
    if _count_values(connection, name, most_values + 1) > most_values:
        return None
    return ValueColumn.of(_groups(connection, name), size)


def read_changes(connection: sqlite3.Connection, name: str, column: Column, keys: Keys, size: int) -> Column:
    """Returns a column with the facts of these products read anew; their keys are in ascending order."""
    if isinstance(column, NumberColumn):
        changed = keys.tolist()
        have, numbers = _wordless(connection, changed) if name == WORDLESS else _numbers(connection, name, changed)
        return column.changed(keys, have, numbers, size)
    return column.changed(keys, _groups(connection, name, keys.tolist()), size)


def read_changed(connection: sqlite3.Connection, after_seq: int) -> Keys:
    """Returns the products whose facts changed after `after_seq`, deleted ones too, int64 (n,), ascending."""
    sql = "SELECT group_concat(product_key) FROM products WHERE filter_seq > ?"
    return np.sort(_keys(connection.execute(sql, (after_seq,)).fetchone()[0]))


def read_live(connection: sqlite3.Connection, only: Sequence[int] | None = None) -> Keys:
    """Returns those of the given products that are live, int64 (n,); None: all that are."""
    sql = f"SELECT group_concat(product_key) FROM filter_facts WHERE {_among(only)}"  # noqa: S608 - constants
    return _keys(connection.execute(sql, _listed(only)).fetchone()[0])


def _numbers(connection: sqlite3.Connection, name: str, only: Sequence[int] | None = None) -> tuple[Keys, NDArray[Any]]:
    """Returns the products that have a number, and their numbers."""
    kind = "real" if name == "price" else "text"
    rows = connection.execute(
        f"SELECT product_key, {name} FROM filter_facts "  # noqa: S608 - a name from NUMBERS
        f"WHERE typeof({name}) = ? AND {name} <> '' AND {_among(only)}",
        (kind, *_listed(only)),
    )
    keys, numbers = [np.zeros(0, np.int64)], [np.zeros(0, np.float64 if name == "price" else np.int64)]
    while block := rows.fetchmany(BLOCK):  # Python objects of all products would take many times what the column does
        keys.append(np.array([key for key, _ in block], np.int64))
        values = [value for _, value in block]
        numbers.append(np.array(values, np.float64) if name == "price" else _moments(values))
    return np.concatenate(keys), np.concatenate(numbers)


def _wordless(connection: sqlite3.Connection, only: Sequence[int] | None = None) -> tuple[Keys, NDArray[np.bool_]]:
    """Returns the products that have neither title nor description, and True for each."""
    sql = (
        "SELECT group_concat(product_key) FROM products "  # noqa: S608 - constants
        f"WHERE title = '' AND description = '' AND NOT deleted AND {_among(only)}"
    )
    keys = _keys(connection.execute(sql, _listed(only)).fetchone()[0])
    return keys, np.ones(len(keys), np.bool_)


def _moments(texts: Sequence[str]) -> NDArray[np.int64]:
    """Returns moments, texts of `moment_text`, as microseconds since 1970; `NO_MOMENT` for a damaged one."""
    with suppress(ValueError):
        return np.array([text.removesuffix("+00:00") for text in texts], "datetime64[us]").astype(np.int64)
    moments = np.full(len(texts), NO_MOMENT)
    for place, text in enumerate(texts):
        with suppress(ValueError):
            moments[place] = microseconds(text)
    return moments


def _groups(connection: sqlite3.Connection, name: str, only: Sequence[int] | None = None) -> dict[Value, Keys]:
    """Returns value -> the products that have it."""
    if name in (*_TEXTS, *_FLAGS):
        source, listed = f"'{'bool' if name in _FLAGS else 'text'}', {name} AS value FROM filter_facts WHERE 1", []
    else:
        # all products are read along the values; `+` lets SQLite look up a few by their keys instead
        source, listed = f"kind, value FROM filter_values WHERE {'' if only is None else '+'}field = ?", [name]
    rows = connection.execute(
        f"SELECT group_concat(product_key), {source} AND {_among(only)} GROUP BY 2, 3",
        (*listed, *_listed(only)),
    )
    groups: dict[Value, Keys] = {}
    for keys, kind, value in rows:
        if isinstance(value, _KINDS.get(kind, ())):
            groups[cast(Value, (kind, bool(value) if kind == "bool" else value))] = _keys(keys)
    return groups


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


def _keys(text: str | None) -> Keys:
    return np.fromstring(text or "", np.int64, sep=",")


def _among(only: Sequence[int] | None) -> str:
    return "1" if only is None else "product_key IN (SELECT value FROM json_each(?))"


def _listed(only: Sequence[int] | None) -> tuple[str, ...]:
    return () if only is None else (json_list(only),)
