"""Reads the values that facts have in a catalogue, each once; what has too many of them is left out."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

Literal = str | float | bool
MOST_BRANDS = 50_000
MOST_VALUES = 400  # of one attribute; one with more names single products
_MOST_ATTRIBUTES = 200
_MOST_LETTERS = 64  # of a value or a name; nobody types longer ones as part of a query

# Walks an index from value to value, so that the time depends on the number of values, not on that of the products.
_DISTINCT = """
WITH RECURSIVE found(value) AS (
    SELECT min(value) FROM filter_values WHERE field = :field AND kind = :kind
    UNION ALL SELECT (
        SELECT min(value) FROM filter_values WHERE field = :field AND kind = :kind AND value > found.value
    ) FROM found WHERE found.value IS NOT NULL
) SELECT value FROM found WHERE value IS NOT NULL LIMIT :most
"""
_FIELDS = """
WITH RECURSIVE found(field) AS (
    SELECT min(field) FROM filter_values
    UNION ALL SELECT (SELECT min(field) FROM filter_values WHERE field > found.field)
    FROM found WHERE found.field IS NOT NULL
) SELECT field FROM found WHERE field IS NOT NULL LIMIT ?
"""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The values of a catalogue's facts, texts case-folded as filters compare them.

    Attributes:
        seq: the catalogue's counter when they were read.
        brands, categories, colours: their names; colours are the shop's own and those seen in photos.
        attributes: field of a filter, such as `attr.size` -> its values; only attributes with at most 400 texts.
        currencies: ISO 4217 codes of the products with a price, "" among them if some name none.
        lowest_price, highest_price: over all products with a price; both 0 if there are none.
        oldest: when the first of the live products was created, as ISO 8601; "" if none has a date.
    """

    seq: int = 0
    brands: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    colours: frozenset[str] = frozenset()
    attributes: Mapping[str, tuple[Literal, ...]] = field(default_factory=dict)
    currencies: frozenset[str] = frozenset()
    lowest_price: float = 0.0
    highest_price: float = 0.0
    oldest: str = ""


def read_vocabulary(connection: sqlite3.Connection) -> Vocabulary:
    """Returns the values of the live products, read within the caller's transaction."""
    lowest, highest, currencies = connection.execute(
        "SELECT min(price), max(price), json_group_array(DISTINCT coalesce(currency, '')) "
        "FROM filter_facts WHERE price IS NOT NULL"
    ).fetchone()
    return Vocabulary(
        seq=connection.execute("SELECT seq FROM counter").fetchone()[0],
        brands=_texts(connection, "brand"),
        categories=_texts(connection, "category"),
        colours=frozenset(map(str, _values(connection, "colour", "text"))),
        attributes=_attributes(connection),
        currencies=frozenset(code.upper() for code in json.loads(currencies)),
        lowest_price=lowest or 0.0,
        highest_price=highest or 0.0,
        oldest=_oldest(connection),
    )


def _oldest(connection: sqlite3.Connection) -> str:
    found = connection.execute("SELECT min(created_at) FROM filter_facts WHERE created_at <> ''").fetchone()[0]
    return found or ""


def _texts(connection: sqlite3.Connection, column: str) -> frozenset[str]:
    rows = connection.execute(
        f"SELECT DISTINCT {column} FROM filter_facts WHERE length({column}) <= ? LIMIT ?",  # noqa: S608 - two constants
        (_MOST_LETTERS, MOST_BRANDS),
    )
    return frozenset(value for (value,) in rows)


def _attributes(connection: sqlite3.Connection) -> dict[str, tuple[Literal, ...]]:
    fields = [name for (name,) in connection.execute(_FIELDS, (_MOST_ATTRIBUTES,)) if name.startswith("attr.")]
    found: dict[str, tuple[Literal, ...]] = {}
    for name in fields:
        texts = _values(connection, name, "text")
        numbers = [float(value) for value in _values(connection, name, "number") if f"{value:g}" not in texts]
        flags = [bool(value) for value in _values(connection, name, "bool") if str(bool(value)).lower() not in texts]
        if len(texts) <= MOST_VALUES and len(numbers) <= MOST_VALUES:
            short = [text for text in texts if len(str(text)) <= _MOST_LETTERS]
            found[name] = (*short, *numbers, *flags)
    return found


def _values(connection: sqlite3.Connection, field: str, kind: str) -> list[Literal]:
    """Returns the values of one kind that a field has, `MOST_VALUES` + 1 at most."""
    rows = connection.execute(_DISTINCT, {"field": field, "kind": kind, "most": MOST_VALUES + 1})
    return [value for (value,) in rows]
