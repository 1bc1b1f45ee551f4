"""Writes the rows by which products are filtered: their facts, their attributes, and the colours of their photos."""

import sqlite3
from collections.abc import Collection, Mapping

from data.catalogue.products import Product
from data.catalogue.reads import stored_colours
from data.database import json_list
from data.filters import attribute_values, fold

_WITHIN = "product_key IN (SELECT value FROM json_each(?))"


def write_filter_rows(connection: sqlite3.Connection, products: Mapping[int, Product]) -> None:
    """Writes the rows of products, by key, in place of those they had.

    The rows of the products themselves and of their photos are written before.
    """
    connection.executemany(
        "INSERT OR REPLACE INTO filter_facts "
        "(product_key, product_id, title, brand, category, currency, price, created_at, in_stock) "
        "VALUES (?1, ?, ?, ?, ?, ?, ?, (SELECT p.created_at FROM products AS p WHERE p.product_key = ?1), ?)",
        [
            (
                key,
                product.product_id,
                fold(product.title) or None,
                fold(product.brand) or None,
                fold(product.category) or None,
                fold(product.currency) or None,
                product.price,
                int(product.in_stock),
            )
            for key, product in products.items()
        ],
    )
    connection.execute(
        f"DELETE FROM filter_values WHERE {_WITHIN} AND field <> 'colour'",  # noqa: S608 - constants
        (json_list(products),),
    )
    connection.executemany(
        "INSERT INTO filter_values VALUES (?, ?, ?, ?)",
        [
            (f"attr.{name}", kind, value, key)
            for key, product in products.items()
            for name, attribute in product.attributes.items()
            for kind, value in attribute_values(attribute)
        ],
    )
    write_colour_rows(connection, products)


def write_colour_rows(connection: sqlite3.Connection, product_keys: Collection[int]) -> None:
    """Writes the colours of products as stored: the shop's own word and those found in the photos."""
    wanted = (json_list(product_keys),)
    names = set(connection.execute(f"SELECT product_key, colour FROM products WHERE {_WITHIN}", wanted))  # noqa: S608
    for key, colours in connection.execute(
        f"SELECT product_key, colours FROM product_images JOIN photos USING (sha256) WHERE {_WITHIN}",  # noqa: S608
        wanted,
    ):
        names.update((key, name) for name in stored_colours(colours))
    connection.execute(f"DELETE FROM filter_values WHERE {_WITHIN} AND field = 'colour'", wanted)  # noqa: S608
    connection.executemany(
        "INSERT INTO filter_values VALUES ('colour', 'text', ?, ?)",
        sorted({(fold(name), key) for key, name in names if name}),
    )
