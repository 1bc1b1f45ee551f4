"""Writes the lexical index: every function runs in the transaction that writes the product itself."""

import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from data.database import json_list
from data.lexical.remembering import remembered
from data.lexical.texts import indexed, key_of, letters_of

VERSION = 1  # raise it when a product's entries would differ: the index is then written again
FULL_TEXT = ("lexical_words", "lexical_letters")
_PAGES_AT_ONCE = 500  # others who write wait for this many
MAX_KEY = 1000  # characters; no query is longer
_CODE_NAMES = re.compile(
    r"(?:.*[ _.-])?(?:sku|mpn|gtin\d*|ean\d*|upc|isbn\d*|asin|barcode|code|model|part[ _-]?(?:no|number))s?"
    r"|바코드|품번|모델명?|상품코드|제품코드",
    re.IGNORECASE,
)
_BETWEEN_CODES = re.compile(r"[,;|]\s*|\s+/\s+")
DESCRIPTION_LETTERS = 300  # of a description, so much can be found with a typing error


class Texts(Protocol):
    """The texts by which a product can be found; a `data.catalogue.Product` has them."""

    @property
    def product_id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def brand(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def colour(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def attributes(self) -> Mapping[str, str | float | bool]: ...


def index_texts(connection: sqlite3.Connection, texts: Mapping[int, Texts]) -> dict[int, set[tuple[str, str]]]:
    """Writes the entries of products, by key, in place of those they had; quickest for many at once.

    Returns:
        The exact codes and titles of each product, each with its kind.
    """
    forget_texts(connection, texts)
    codes = {
        product_key: {(key, kind) for kind, key in _keys(text) if 0 < len(key) <= MAX_KEY}
        for product_key, text in texts.items()
    }
    connection.executemany(
        "INSERT INTO lexical_keys VALUES (?, ?, ?)",
        sorted((key, product_key, kind) for product_key, found in codes.items() for key, kind in found),
    )
    facts = {product_key: _facts(text) for product_key, text in texts.items()}
    connection.executemany(
        "INSERT INTO lexical_words (rowid, title, brand, category, facts, description) VALUES (?, ?, ?, ?, ?, ?)",
        [(product_key, *map(indexed, found)) for product_key, found in facts.items()],
    )
    connection.executemany(
        "INSERT INTO lexical_letters (rowid, letters) VALUES (?, ?)",
        [
            (product_key, " ".join(filter(None, map(letters_of, (*found[:4], found[4][:DESCRIPTION_LETTERS])))))
            for product_key, found in facts.items()
        ],
    )
    return codes


def forget_texts(connection: sqlite3.Connection, product_keys: Collection[int]) -> None:
    """Deletes the entries of products."""
    wanted = (json_list(product_keys),)
    connection.execute("DELETE FROM lexical_keys WHERE product_key IN (SELECT value FROM json_each(?))", wanted)
    connection.execute("DELETE FROM lexical_words WHERE rowid IN (SELECT value FROM json_each(?))", wanted)
    connection.execute("DELETE FROM lexical_letters WHERE rowid IN (SELECT value FROM json_each(?))", wanted)


def is_outdated(connection: sqlite3.Connection) -> bool:
    """Returns whether the index was made by another version of its rules, or never."""
    row = connection.execute("SELECT version FROM lexical_version").fetchone()
    return row is None or row[0] != VERSION


def mark_current(connection: sqlite3.Connection) -> None:
    """Notes that every product's entries follow the present rules."""
    connection.execute("DELETE FROM lexical_version")
    connection.execute("INSERT INTO lexical_version VALUES (?)", (VERSION,))


def merge_some(connection: sqlite3.Connection, table: str, *, begin: bool) -> bool:
    """Merges some of the parts in which a full-text table was written; returns whether there is more to do.

    Once all are merged, searches are quickest, and the words of deleted products have left the file.

    Args:
        table: one of `FULL_TEXT`.
        begin: True at the first call, so that all parts take part.
    """
    before = connection.total_changes
    pages = -_PAGES_AT_ONCE if begin else _PAGES_AT_ONCE
    connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', ?)", (pages,))  # noqa: S608 - constants
    return connection.total_changes - before > 1  # SQLite's own sign that a merge did something


def _facts(text: Texts) -> tuple[str, str, str, str, str]:
    """Returns title, brand, category, all other facts, and description."""
    values = " ".join(value for value in text.attributes.values() if isinstance(value, str))
    return text.title, text.brand, text.category, f"{text.product_id} {text.colour} {values}", text.description


def _keys(text: Texts) -> Iterator[tuple[str, str]]:
    yield "product_id", key_of(text.product_id)
    yield "title", key_of(text.title)
    for name, value in text.attributes.items():
        if _names_code(name) and not isinstance(value, bool):
            codes = _BETWEEN_CODES.split(value) if isinstance(value, str) else [f"{value:.0f}"]
            for key in map(key_of, codes):
                yield name, key
                if key.isdigit():
                    yield name, key.lstrip("0")  # a GTIN of 14 digits may hold one of 13 or 12


@remembered(1_000, longest=64)  # most products have the same attributes
def _names_code(name: str) -> bool:
    return _CODE_NAMES.fullmatch(name) is not None
