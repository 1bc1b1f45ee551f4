"""Writes and reads the rows by which products are filtered: facts, attributes, and the colours of photos."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from data.catalogue.photo_colours import product_colours
from data.catalogue.products import Product, stored_price
from data.database import json_list
from data.filters import attribute_values, fold

FILTER_FACTS = ("product_id", "title", "brand", "category", "currency", "price", "created_at", "in_stock")
_WITHIN = "product_key IN (SELECT value FROM json_each(?))"
Row = tuple[Any, ...]


@dataclass(frozen=True)
class FilterRows:
    """The rows by which one product is filtered, as catalog.db holds them.

    Attributes:
        facts: in the order of `FILTER_FACTS`.
        values: field, kind and value of each colour and attribute.
    """

    facts: Row
    values: list[Row]


def read_filter_rows(connection: sqlite3.Connection, product_keys: Collection[int]) -> dict[int, FilterRows]:
    """Returns the rows by which live products are filtered, by product_key."""
    wanted = (json_list(product_keys),)
    values: dict[int, list[Row]] = {}
    for key, *row in connection.execute(
        f"SELECT product_key, field, kind, value FROM filter_values WHERE {_WITHIN}",  # noqa: S608 - constants
        wanted,
    ):
        values.setdefault(key, []).append(tuple(row))
    rows = connection.execute(
        f"SELECT product_key, {', '.join(FILTER_FACTS)} FROM filter_facts WHERE {_WITHIN}",  # noqa: S608 - constants
        wanted,
    )
    return {key: FilterRows(tuple(facts), values.get(key, [])) for key, *facts in rows}


def write_filter_rows(
    connection: sqlite3.Connection, products: Mapping[int, Product], created_at: Mapping[int, str]
) -> dict[int, FilterRows]:
    """Writes the rows of products, by key, in place of those they had; returns them.

    The rows of the products themselves and of their photos are written before.

    Args:
        created_at: key -> the moment as the product's row holds it.
    """
    facts = {key: _facts(product, created_at[key]) for key, product in products.items()}
    connection.executemany(
        f"INSERT OR REPLACE INTO filter_facts (product_key, {', '.join(FILTER_FACTS)}) "  # noqa: S608 - constants
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(key, *row) for key, row in facts.items()],
    )
    connection.execute(
        f"DELETE FROM filter_values WHERE {_WITHIN} AND field <> 'colour'",  # noqa: S608 - constants
        (json_list(products),),
    )
    values = {key: list(_attribute_rows(product)) for key, product in products.items()}
    connection.executemany(
        "INSERT INTO filter_values VALUES (?, ?, ?, ?)", [(*row, key) for key, rows in values.items() for row in rows]
    )
    for name, key in write_colour_rows(connection, products):
        values[key].append(("colour", "text", name))
    return {key: FilterRows(facts[key], values[key]) for key in products}


def _facts(product: Product, created_at: str) -> Row:
    return (
        product.product_id,
        fold(product.title) or None,
        fold(product.brand) or None,
        fold(product.category) or None,
        fold(product.currency) or None,
        stored_price(product.price),
        created_at,
        int(product.in_stock),
    )


def _attribute_rows(product: Product) -> Iterator[Row]:
    for name, attribute in product.attributes.items():
        for kind, value in attribute_values(attribute):
            yield f"attr.{name}", kind, int(value) if kind == "bool" else value


def write_colour_rows(connection: sqlite3.Connection, product_keys: Collection[int]) -> list[tuple[str, int]]:
    """Writes the colours of products as stored: the shop's own word and those that most photos show.

    Returns:
        Each colour with the key of its product.
    """
    wanted = (json_list(product_keys),)
    names = set(connection.execute(f"SELECT product_key, colour FROM products WHERE {_WITHIN}", wanted))  # noqa: S608
    photos: dict[int, list[str]] = {}
    for key, colours in connection.execute(
        f"SELECT product_key, colours FROM product_images JOIN photos USING (sha256) WHERE {_WITHIN}",  # noqa: S608
        wanted,
    ):
        photos.setdefault(key, []).append(colours)
    names.update((key, name) for key, shown in photos.items() for name in product_colours(shown))
    connection.execute(f"DELETE FROM filter_values WHERE {_WITHIN} AND field = 'colour'", wanted)  # noqa: S608
    rows = sorted({(fold(name), key) for key, name in names if name})
    connection.executemany("INSERT INTO filter_values VALUES ('colour', 'text', ?, ?)", rows)
    return rows
