"""Writes products to catalog.db and deletes them; every function runs in the caller's transaction."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data import completion, lexical
from data.catalogue.checksums import damage_readable, damaged_products, sign_photos, sign_products, sign_written
from data.catalogue.filter_rows import write_colour_rows, write_filter_rows
from data.catalogue.products import FACTS, Product, stored_price
from data.catalogue.reads import PhotoRecord, read_facts, read_photos
from data.database import json_list, moment_text

_CHUNK = 2_000
_CREATED_AT = FACTS.index("created_at")
_COLUMNS = ("product_key", "product_id", "image_seq", "changed_seq", "filter_seq", *FACTS)
_UPSERT = (
    f"INSERT INTO products ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "  # noqa: S608 - constants
    "ON CONFLICT (product_key) DO UPDATE SET deleted = 0, deleted_at = NULL, "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:])
)
Item = tuple[Product, Sequence[PhotoRecord] | None]


@dataclass
class _Stored:
    """One product as catalog.db holds it, or will once `flush` has run."""

    product_key: int
    deleted: bool
    image_seq: int
    facts: tuple[Any, ...]
    images: tuple[str, ...]


@dataclass(frozen=True)
class _Waiting:
    """One product that is still to be written."""

    product: Product
    image_seq: int
    changed_seq: int
    facts: tuple[Any, ...]
    old_images: tuple[str, ...]
    images: tuple[str, ...]


def upsert_all(connection: sqlite3.Connection, home: Path, items: Sequence[Item]) -> list[str]:
    """Adds or replaces products and returns the outcomes, as `Catalogue.upsert_many` does."""
    writer = _Writer(connection, home)
    outcomes: list[str] = []
    for start in range(0, len(items), _CHUNK):
        chunk = items[start : start + _CHUNK]
        writer.load([product.product_id for product, _ in chunk])
        writer.write_photos([photo for _, photos in chunk for photo in photos or ()])
        outcomes += [writer.upsert(product, photos) for product, photos in chunk]
        writer.flush()
    writer.finish()
    return outcomes


def update_photos(connection: sqlite3.Connection, home: Path, photos: Sequence[PhotoRecord]) -> None:
    """Writes the records of photos, and updates the colours of the products that show them."""
    writer = _Writer(connection, home)
    writer.write_photos(photos)
    writer.finish()


def index_again(connection: sqlite3.Connection, product_keys: Sequence[int]) -> None:
    """Makes the rows for filters of these products anew from their facts and photos."""
    for table in ("filter_facts", "filter_values"):
        connection.execute(
            f"DELETE FROM {table} WHERE product_key IN (SELECT value FROM json_each(?))",  # noqa: S608 - constants
            (json_list(product_keys),),
        )
    products = {key: facts.product for key, facts in read_facts(connection, product_keys).items()}
    created_at = connection.execute(
        "SELECT product_key, created_at FROM products WHERE product_key IN (SELECT value FROM json_each(?))",
        (json_list(products),),
    )
    write_filter_rows(connection, products, dict(created_at.fetchall()))
    index_texts(connection, products)
    connection.execute("UPDATE counter SET seq = seq + 1")
    _note_filters(connection, product_keys)
    sign_products(connection, product_keys)


def index_texts(connection: sqlite3.Connection, products: Mapping[int, Product]) -> dict[int, set[tuple[str, str]]]:
    """Writes the entries of products, by key, in the lexical index and the completions; returns their codes."""
    completion.index_texts(connection, products)
    return lexical.index_texts(connection, products)


def delete_all(connection: sqlite3.Connection, home: Path, product_ids: Sequence[str]) -> int:
    """Deletes the given products that are live; returns how many."""
    writer = _Writer(connection, home)
    writer.load(product_ids)
    deleted = sum(writer.delete(product_id) for product_id in dict.fromkeys(product_ids))
    writer.finish()
    return deleted


class _Writer:
    """Collects the products of one transaction and writes their rows many at a time, which is several times faster."""

    def __init__(self, connection: sqlite3.Connection, home: Path) -> None:
        self._connection, self._home = connection, home
        self._home_names = tuple(f"{name}/" for name in dict.fromkeys((home.absolute(), home.resolve())))
        self._seq = self._first_seq = connection.execute("SELECT seq FROM counter").fetchone()[0]
        newest = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'products'").fetchone()
        self._newest_key: int = newest[0] if newest else 0
        self._now = moment_text(datetime.now(UTC))
        self._stored: dict[str, _Stored] = {}
        self._waiting: dict[int, _Waiting] = {}  # by the key of the product
        self._recoloured: set[str] = set()
        self._damaged, self._deleted = set[int](), set[int]()  # keys of products

    def load(self, product_ids: Sequence[str]) -> None:
        """Reads the stored state of these products."""
        wanted = (json_list(product_ids),)
        images: dict[int, list[str]] = {}
        for product_key, sha256 in self._connection.execute(
            "SELECT i.product_key, i.sha256 FROM product_images i JOIN products p USING (product_key) "
            "WHERE p.product_id IN (SELECT value FROM json_each(?)) ORDER BY i.product_key, i.position",
            wanted,
        ):
            images.setdefault(product_key, []).append(sha256)
        with damage_readable(self._connection):  # so that writing a damaged product again mends it
            for product_id, key, deleted, image_seq, *facts in self._connection.execute(
                f"SELECT product_id, product_key, deleted, image_seq, {', '.join(FACTS)} FROM products "  # noqa: S608
                "WHERE product_id IN (SELECT value FROM json_each(?))",
                wanted,
            ):
                shown = tuple(images.get(key, ()))
                self._stored[product_id] = _Stored(key, bool(deleted), image_seq, tuple(facts), shown)
            keys = [self._stored[name].product_key for name in product_ids if name in self._stored]
            self._damaged |= damaged_products(self._connection, keys)

    def write_photos(self, photos: Sequence[PhotoRecord]) -> None:
        """Adds photos, and updates the records of known ones that differ, for example in source or colours."""
        newest = {photo.sha256: photo for photo in photos}
        known = read_photos(self._connection, self._home, newest)
        changed = [photo for photo in newest.values() if known.get(photo.sha256) != photo]
        self._connection.executemany(
            "INSERT INTO photos (sha256, source, size_bytes, width, height, colours) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (sha256) DO UPDATE SET source = excluded.source, size_bytes = excluded.size_bytes, "
            "width = excluded.width, height = excluded.height, colours = excluded.colours",
            [
                (p.sha256, self._stored_source(p.source), p.size_bytes, p.width, p.height, _json(list(p.colours)))
                for p in changed
            ],
        )
        sign_photos(self._connection, [photo.sha256 for photo in changed])
        self._recoloured |= {
            photo.sha256 for photo in changed if photo.sha256 in known and known[photo.sha256].colours != photo.colours
        }

    def _stored_source(self, source: str) -> str:
        """Returns a photo's path relative to the home if it lies there, so that it holds wherever the home goes."""
        name = next((name for name in self._home_names if source.startswith(name)), "")
        return source if "/../" in source else source.removeprefix(name)

    def upsert(self, product: Product, photos: Sequence[PhotoRecord] | None) -> str:
        """Returns what becomes of the product, which is written by the next `flush`."""
        stored = self._stored.get(product.product_id)
        if stored and stored.product_key in self._waiting:  # the same product twice: the first must be there by now
            self.flush()
        live = stored if stored and not stored.deleted else None
        if live and product.unread:
            product = _keeping(product, live)
        facts, old = self._facts(product, live), live.images if live else ()
        images = old if live and photos is None else tuple(dict.fromkeys(photo.sha256 for photo in photos or ()))
        if live and images == old and facts == live.facts and live.product_key not in self._damaged:
            return "unchanged"
        key = stored.product_key if stored else self._new_key()
        self._seq += 1
        image_seq = live.image_seq if live and images == old else self._seq
        self._waiting[key] = _Waiting(product, image_seq, self._seq, facts, old, images)
        self._stored[product.product_id] = _Stored(key, False, image_seq, facts, images)
        self._damaged.discard(key)
        return "updated" if live else "created"

    def flush(self) -> None:
        """Writes the products that wait."""
        waiting, self._waiting = self._waiting, {}
        self._connection.executemany(
            _UPSERT,
            [
                (key, item.product.product_id, item.image_seq, item.changed_seq, item.changed_seq, *item.facts)
                for key, item in waiting.items()
            ],
        )
        self._write_images({key: item for key, item in waiting.items() if item.images != item.old_images})
        products = {key: item.product for key, item in waiting.items()}
        created_at = {key: item.facts[_CREATED_AT] for key, item in waiting.items()}
        filters = write_filter_rows(self._connection, products, created_at)
        codes = index_texts(self._connection, products)
        rows = {key: (item.product.product_id, item.changed_seq, *item.facts) for key, item in waiting.items()}
        sign_written(self._connection, rows, filters, codes)

    def delete(self, product_id: str) -> bool:
        stored = self._stored.get(product_id)
        if stored is None or stored.deleted:
            return False
        key = (stored.product_key,)
        self._seq += 1
        self._connection.execute(
            "UPDATE products SET deleted = 1, deleted_at = ?, image_seq = ?, changed_seq = ?, filter_seq = ? "
            "WHERE product_key = ?",
            (self._now, self._seq, self._seq, self._seq, *key),
        )
        self._release([(stored.product_key, sha256) for sha256 in stored.images])
        lexical.forget_texts(self._connection, key)
        completion.forget_texts(self._connection, key)
        for table in ("product_images", "filter_facts", "filter_values"):
            self._connection.execute(f"DELETE FROM {table} WHERE product_key = ?", key)  # noqa: S608 - constants
        self._deleted.add(stored.product_key)
        stored.deleted, stored.images = True, ()
        return True

    def finish(self) -> None:
        """Updates the colours of all products whose photos got other colours, and stores checksums and the counter."""
        rows = self._connection.execute(
            "SELECT DISTINCT product_key FROM product_images WHERE sha256 IN (SELECT value FROM json_each(?))",
            (json_list(self._recoloured),),
        )
        recoloured = [key for (key,) in rows]
        write_colour_rows(self._connection, recoloured)
        self._seq += len(recoloured)
        if self._seq != self._first_seq:
            self._connection.execute("UPDATE counter SET seq = ?", (self._seq,))
        _note_filters(self._connection, recoloured)
        sign_products(self._connection, self._deleted.union(recoloured))

    def _new_key(self) -> int:
        self._newest_key += 1
        return self._newest_key

    def _facts(self, product: Product, live: _Stored | None) -> tuple[Any, ...]:
        if product.created_at is not None:
            created_at = moment_text(product.created_at)
        else:
            created_at = _readable_moment(live.facts[_CREATED_AT]) if live else ""
        return (
            product.title,
            product.description,
            product.brand,
            product.category,
            stored_price(product.price),
            product.currency,
            product.colour,
            product.url,
            created_at,
            int(product.in_stock),
            _json(dict(sorted(product.attributes.items()))),
        )

    def _write_images(self, changed: Mapping[int, _Waiting]) -> None:
        """Replaces the image lists; an image that stays keeps its image_key."""
        gone = [
            (key, sha256) for key, item in changed.items() for sha256 in item.old_images if sha256 not in item.images
        ]
        self._release(gone)
        self._connection.executemany("DELETE FROM product_images WHERE product_key = ? AND sha256 = ?", gone)
        self._connection.executemany(
            "INSERT INTO product_images (product_key, sha256, position) VALUES (?, ?, ?) "
            "ON CONFLICT (product_key, sha256) DO UPDATE SET position = excluded.position",
            [(key, sha256, position) for key, item in changed.items() for position, sha256 in enumerate(item.images)],
        )

    def _release(self, images: Sequence[tuple[int, str]]) -> None:
        """Notes that products show these photos no longer; they are kept for a while."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO released_images VALUES (?, ?, ?)", [(*image, self._now) for image in images]
        )


def _note_filters(connection: sqlite3.Connection, product_keys: Collection[int]) -> None:
    """Notes that the facts that filters read of these products changed at the counter's present value."""
    connection.execute(
        "UPDATE products SET filter_seq = (SELECT seq FROM counter) "
        "WHERE product_key IN (SELECT value FROM json_each(?))",
        (json_list(product_keys),),
    )


def _keeping(product: Product, stored: _Stored) -> Product:
    """Returns the product with what is stored of the facts that could not be read."""
    old = dict(zip(FACTS, stored.facts, strict=True))
    old["created_at"], old["in_stock"] = None, bool(old["in_stock"])  # None: the writer keeps the stored moment
    attributes = json.loads(old.pop("attributes"))
    if "attributes" not in product.unread:
        attributes = {name: value for name, value in attributes.items() if f"attr.{name}" in product.unread}
    kept = {name: old[name] for name in old if name in product.unread}
    return replace(product, **kept, attributes={**attributes, **product.attributes})


def _readable_moment(stored: Any) -> str:
    """Returns a moment as it is stored; "" where there is none, or the disk has damaged it."""
    with suppress(ValueError, TypeError):
        return moment_text(datetime.fromisoformat(stored))
    return ""


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
