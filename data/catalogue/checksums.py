"""Checksums of products and photos in catalog.db: stored with each row, so that a disk that changes a row is noticed.

SQLite finds damaged pages and indexes by itself, but not a changed letter inside a value. A product has two checksums:
one of its facts and list of photos, one of the rows made from them for filters and codes, which can be made again.
"""

import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from data.catalogue.filter_rows import FILTER_FACTS, FilterRows
from data.catalogue.products import FACTS
from data.database import json_list

_CHUNK = 2_000
# without image_seq, which the feature store moves on when it gets the features of a product's photos
_PRODUCT = ("product_key", "product_id", "deleted", "deleted_at", "changed_seq", *FACTS)
_PHOTO = ("sha256", "source", "size_bytes", "width", "height", "colours")
_WITHIN = "WHERE product_key IN (SELECT value FROM json_each(?))"
Row = Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class Unsound:
    """What a check of all rows found.

    Attributes:
        products: ids of products whose facts or photos are not what was written.
        filters: keys of products whose rows for filters are not what was written; `index_again` makes them anew.
        photos: sha256 of photos whose record is not what was written.
        unchecked: how many products and photos were written by an older version and have no checksum yet.
    """

    products: list[str] = field(default_factory=list)
    filters: list[int] = field(default_factory=list)
    photos: list[str] = field(default_factory=list)
    unchecked: int = 0


@contextmanager
def damage_readable(connection: sqlite3.Connection) -> Iterator[None]:
    """Lets the block read texts that a disk has damaged, with a mark in place of what is no UTF-8."""
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    try:
        yield
    finally:
        connection.text_factory = str


def sign_products(connection: sqlite3.Connection, keys: Iterable[int]) -> None:
    """Stores the checksums of what these products hold now."""
    for chunk in _chunks(keys):
        filter_sums = _filter_sums(connection, chunk)
        connection.executemany(
            "UPDATE products SET checksum = ?, filter_checksum = ? WHERE product_key = ?",
            [(checksum, filter_sums[row[0]], row[0]) for row, checksum, _ in _products(connection, chunk)],
        )


def sign_written(
    connection: sqlite3.Connection,
    products: Mapping[int, Row],
    filters: Mapping[int, FilterRows],
    codes: Mapping[int, Collection[tuple[str, str]]],
) -> None:
    """Stores the checksums of live products that were just written, without reading them again as `sign_products` does.

    Args:
        products: key -> product_id, changed_seq, and the facts in the order of `FACTS`, as they were written.
        filters: their rows for filters.
        codes: key and kind of each code by which they are found.
    """
    images = _images(connection, list(products))
    connection.executemany(
        "UPDATE products SET checksum = ?, filter_checksum = ? WHERE product_key = ?",
        [
            (
                _checksum([key, product_id, 0, None, *rest, images.get(key, [])]),
                _filter_sum([filters[key].facts], sorted(filters[key].values), sorted(codes[key])),
                key,
            )
            for key, (product_id, *rest) in products.items()
        ],
    )


def sign_indexes(connection: sqlite3.Connection, keys: Iterable[int]) -> None:
    """Stores the checksums of the rows by which these products are filtered and found by codes."""
    for chunk in _chunks(keys):
        sums = [(checksum, key) for key, checksum in _filter_sums(connection, chunk).items()]
        connection.executemany("UPDATE products SET filter_checksum = ? WHERE product_key = ?", sums)


def sign_photos(connection: sqlite3.Connection, photos: Iterable[str]) -> None:
    """Stores the checksums of the records of these photos."""
    for chunk in _chunks(photos):
        sums = [(checksum, row[0]) for row, checksum, _ in _photos(connection, chunk)]
        connection.executemany("UPDATE photos SET checksum = ? WHERE sha256 = ?", sums)


def damaged_products(connection: sqlite3.Connection, keys: Sequence[int]) -> set[int]:
    """Returns those of the given products whose facts or photos are not what was written."""
    return {row[0] for row, checksum, stored in _products(connection, keys) if stored not in (None, checksum)}


def check_rows(connection: sqlite3.Connection) -> Unsound:
    """Compares every product and photo with its checksum."""
    products, filters, photos, unchecked = [], [], [], 0
    stored_filters = dict(connection.execute("SELECT product_key, filter_checksum FROM products ORDER BY product_key"))
    for chunk in _chunks(stored_filters):
        filter_sums = _filter_sums(connection, chunk)
        for row, checksum, stored in _products(connection, chunk):
            unchecked += stored is None
            if stored not in (None, checksum):
                products.append(str(row[1]))
            elif stored_filters[row[0]] not in (None, filter_sums[row[0]]):
                filters.append(row[0])
    names = connection.execute("SELECT sha256 FROM photos ORDER BY sha256").fetchall()
    for chunk in _chunks(name for (name,) in names):
        for row, checksum, stored in _photos(connection, chunk):
            unchecked += stored is None
            if stored not in (None, checksum):
                photos.append(str(row[0]))
    return Unsound(products=products, filters=filters, photos=photos, unchecked=unchecked)


def unsigned(connection: sqlite3.Connection, limit: int) -> tuple[list[int], list[str]]:
    """Returns keys of products and sha256 of photos that have no checksum yet, up to `limit` of each."""
    keys = connection.execute("SELECT product_key FROM products WHERE checksum IS NULL LIMIT ?", (limit,))
    photos = connection.execute("SELECT sha256 FROM photos WHERE checksum IS NULL LIMIT ?", (limit,))
    return [key for (key,) in keys], [name for (name,) in photos]


def _products(connection: sqlite3.Connection, keys: Sequence[int]) -> Iterator[tuple[Row, int, Any]]:
    """Yields each product's row, its checksum as computed now, and the one that is stored."""
    images = _images(connection, keys)
    for row in connection.execute(
        f"SELECT {', '.join(_PRODUCT)}, checksum FROM products {_WITHIN}",  # noqa: S608 - constants
        (json_list(keys),),
    ):
        yield row[:-1], _checksum([*row[:-1], images.get(row[0], [])]), row[-1]


def _images(connection: sqlite3.Connection, keys: Sequence[int]) -> dict[int, list[Row]]:
    return _grouped(connection, keys, "image_key, sha256, position", "product_images", "position, image_key")


def _filter_sums(connection: sqlite3.Connection, keys: Sequence[int]) -> dict[int, int]:
    """Returns product_key -> checksum of the rows that filters read of it, as computed now."""
    facts = _grouped(connection, keys, ", ".join(FILTER_FACTS), "filter_facts", "product_key")
    values = _grouped(connection, keys, "field, kind, value", "filter_values", "field, kind, value")
    codes = _grouped(connection, keys, "key, kind", "lexical_keys", "key, kind")
    return {key: _filter_sum(facts.get(key, ()), values.get(key, ()), codes.get(key, ())) for key in keys}


def _filter_sum(facts: Iterable[Row], values: Iterable[Row], codes: Iterable[Row]) -> int:
    # lists, and None for an empty one: so older versions wrote the text, and their checksums stay right
    return _checksum([[*map(list, rows)] or None for rows in (facts, values, codes)])


def _photos(connection: sqlite3.Connection, names: Sequence[str]) -> Iterator[tuple[Row, int, Any]]:
    """Yields each photo's row, its checksum as computed now, and the one that is stored."""
    for row in connection.execute(
        f"SELECT {', '.join(_PHOTO)}, checksum FROM photos "  # noqa: S608 - constants
        "WHERE sha256 IN (SELECT value FROM json_each(?))",
        (json_list(names),),
    ):
        yield row[:-1], _checksum(row[:-1]), row[-1]


def _grouped(
    connection: sqlite3.Connection, keys: Sequence[int], columns: str, table: str, order: str
) -> dict[int, list[Row]]:
    groups: dict[int, list[Row]] = {}
    for key, *values in connection.execute(
        f"SELECT product_key, {columns} FROM {table} {_WITHIN} ORDER BY product_key, {order}",  # noqa: S608 - constants
        (json_list(keys),),
    ):
        groups.setdefault(key, []).append(values)
    return groups


def _checksum(values: Row) -> int:
    return zlib.crc32(ascii(values).encode())  # the same text in every version of Python, whatever the values hold


def _chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(values)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
