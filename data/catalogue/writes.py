"""Writes products to catalog.db and deletes them; every function runs in the caller's transaction."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.catalogue.checksums import damage_readable, damaged_products, sign_photos, sign_products
from data.catalogue.products import FACTS, Product
from data.catalogue.reads import PhotoRecord, ProductFacts, read_facts, read_photos, stored_colours
from data.database import json_list, moment_text
from data.filters import attribute_values, fold
from data.lexical import forget_texts, index_texts

_CHUNK = 500
_CREATED_AT = FACTS.index("created_at")
Item = tuple[Product, Sequence[PhotoRecord] | None]


@dataclass
class _Stored:
    """One product as catalog.db holds it while a transaction runs."""

    product_key: int
    deleted: bool
    facts: tuple[Any, ...]
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
        writer.write_texts()
    writer.finish()
    return outcomes


def update_photos(connection: sqlite3.Connection, home: Path, photos: Sequence[PhotoRecord]) -> None:
    """Writes the records of photos, and updates the colours of the products that show them."""
    writer = _Writer(connection, home)
    writer.write_photos(photos)
    writer.finish()


def index_again(connection: sqlite3.Connection, home: Path, product_keys: Sequence[int]) -> None:
    """Makes the rows for filters of these products anew from their facts and photos."""
    writer = _Writer(connection, home)
    for key in product_keys:
        for table in ("filter_facts", "filter_values"):
            connection.execute(f"DELETE FROM {table} WHERE product_key = ?", (key,))  # noqa: S608 - constants
    for facts in read_facts(connection, product_keys).values():
        writer.index(facts)
    writer.write_texts()
    sign_products(connection, product_keys)


def delete_all(connection: sqlite3.Connection, home: Path, product_ids: Sequence[str]) -> int:
    """Deletes the given products that are live; returns how many."""
    writer = _Writer(connection, home)
    writer.load(product_ids)
    deleted = sum(writer.delete(product_id) for product_id in dict.fromkeys(product_ids))
    writer.finish()
    return deleted


class _Writer:
    def __init__(self, connection: sqlite3.Connection, home: Path) -> None:
        self._connection, self._home = connection, home
        self._home_names = tuple(f"{name}/" for name in dict.fromkeys((home.absolute(), home.resolve())))
        self._seq = self._first_seq = connection.execute("SELECT seq FROM counter").fetchone()[0]
        self._now = moment_text(datetime.now(UTC))
        self._stored: dict[str, _Stored] = {}
        self._recoloured: set[str] = set()
        self._damaged, self._written = set[int](), set[int]()  # keys of products
        self._texts: dict[int, Product] = {}  # to be written to the lexical index

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
            for row in self._connection.execute(
                f"SELECT product_id, product_key, deleted, {', '.join(FACTS)} FROM products "  # noqa: S608 - constants
                "WHERE product_id IN (SELECT value FROM json_each(?))",
                wanted,
            ):
                self._stored[row[0]] = _Stored(row[1], bool(row[2]), tuple(row[3:]), tuple(images.get(row[1], ())))
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
        stored = self._stored.get(product.product_id)
        if product.unread and stored and not stored.deleted:
            product = _keeping(product, stored)
        facts = self._facts(product, stored)
        if stored is None or stored.deleted:
            images = tuple(dict.fromkeys(photo.sha256 for photo in photos or ()))
            key = self._insert(product.product_id, facts, stored)
            self._set_images(key, (), images)
            outcome = "created"
        else:
            key = stored.product_key
            images = stored.images if photos is None else tuple(dict.fromkeys(photo.sha256 for photo in photos))
            if images == stored.images and facts == stored.facts and key not in self._damaged:
                return "unchanged"
            self._update(key, facts)
            if images != stored.images:
                self._set_images(key, stored.images, images)
            outcome = "updated"
        self._index(key, product, facts)
        self._written.add(key)
        self._damaged.discard(key)
        self._stored[product.product_id] = _Stored(key, False, facts, images)
        return outcome

    def delete(self, product_id: str) -> bool:
        stored = self._stored.get(product_id)
        if stored is None or stored.deleted:
            return False
        key = (stored.product_key,)
        self._seq += 1
        self._connection.execute(
            "UPDATE products SET deleted = 1, deleted_at = ?, image_seq = ? WHERE product_key = ?",
            (self._now, self._seq, *key),
        )
        self._release(stored.product_key, stored.images)
        self._texts.pop(stored.product_key, None)
        forget_texts(self._connection, key)
        for table in ("product_images", "filter_facts", "filter_values"):
            self._connection.execute(f"DELETE FROM {table} WHERE product_key = ?", key)  # noqa: S608 - constants
        self._written.add(stored.product_key)
        stored.deleted, stored.images = True, ()
        return True

    def index(self, found: ProductFacts) -> None:
        """Writes the rows for filters of a product as it is stored."""
        self._index(found.product_key, found.product, self._facts(found.product, None))

    def write_texts(self) -> None:
        """Writes the entries of the lexical index that wait."""
        index_texts(self._connection, self._texts)
        self._texts = {}

    def finish(self) -> None:
        """Updates the colours of all products whose photos got other colours, and stores checksums and the counter."""
        recoloured = self._connection.execute(
            "SELECT DISTINCT product_key FROM product_images WHERE sha256 IN (SELECT value FROM json_each(?))",
            (json_list(self._recoloured),),
        ).fetchall()
        for (key,) in recoloured:
            self._index_colours(key)
            self._seq += 1
        self._connection.executemany(
            "UPDATE products SET changed_seq = ? WHERE product_key = ?", [(self._seq, key) for key in self._written]
        )
        sign_products(self._connection, self._written | {key for (key,) in recoloured})
        if self._seq != self._first_seq:
            self._connection.execute("UPDATE counter SET seq = ?", (self._seq,))

    def _facts(self, product: Product, stored: _Stored | None) -> tuple[Any, ...]:
        if product.created_at is not None:
            created_at = moment_text(product.created_at)
        else:
            created_at = stored.facts[_CREATED_AT] if stored and not stored.deleted else self._now
        return (
            product.title,
            product.description,
            product.brand,
            product.category,
            product.price,
            product.currency,
            product.colour,
            product.url,
            created_at,
            int(product.in_stock),
            _json(dict(sorted(product.attributes.items()))),
        )

    def _insert(self, product_id: str, facts: tuple[Any, ...], stored: _Stored | None) -> int:
        self._seq += 1
        if stored is not None:
            self._connection.execute(
                "UPDATE products SET deleted = 0, deleted_at = NULL, image_seq = ? WHERE product_key = ?",
                (self._seq, stored.product_key),
            )
            self._set_facts(stored.product_key, facts)
            return stored.product_key
        marks = ", ".join("?" * len(facts))
        cursor = self._connection.execute(
            f"INSERT INTO products (product_id, image_seq, {', '.join(FACTS)}) VALUES (?, ?, {marks})",  # noqa: S608
            (product_id, self._seq, *facts),
        )
        return int(cursor.lastrowid or 0)

    def _update(self, key: int, facts: tuple[Any, ...]) -> None:
        self._seq += 1
        self._set_facts(key, facts)

    def _set_facts(self, key: int, facts: tuple[Any, ...]) -> None:
        columns = ", ".join(f"{name} = ?" for name in FACTS)
        self._connection.execute(f"UPDATE products SET {columns} WHERE product_key = ?", (*facts, key))  # noqa: S608

    def _set_images(self, key: int, old: tuple[str, ...], new: tuple[str, ...]) -> None:
        """Replaces the image list; an image that stays keeps its image_key."""
        gone = [sha256 for sha256 in old if sha256 not in new]
        self._release(key, gone)
        self._connection.executemany(
            "DELETE FROM product_images WHERE product_key = ? AND sha256 = ?", [(key, sha256) for sha256 in gone]
        )
        self._connection.executemany(
            "INSERT INTO product_images (product_key, sha256, position) VALUES (?, ?, ?) "
            "ON CONFLICT (product_key, sha256) DO UPDATE SET position = excluded.position",
            [(key, sha256, position) for position, sha256 in enumerate(new)],
        )
        self._connection.execute("UPDATE products SET image_seq = ? WHERE product_key = ?", (self._seq, key))

    def _release(self, key: int, photos: Sequence[str]) -> None:
        """Notes that the product shows these photos no longer; they are kept for a while."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO released_images VALUES (?, ?, ?)", [(key, sha256, self._now) for sha256 in photos]
        )

    def _index(self, key: int, product: Product, facts: tuple[Any, ...]) -> None:
        """Rewrites the facts of one product that filters read."""
        texts = [fold(text) or None for text in (product.title, product.brand, product.category, product.currency)]
        self._connection.execute(
            "INSERT OR REPLACE INTO filter_facts "
            "(product_key, product_id, title, brand, category, currency, price, created_at, in_stock) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key, product.product_id, *texts, product.price, facts[_CREATED_AT], int(product.in_stock)),
        )
        self._connection.execute("DELETE FROM filter_values WHERE product_key = ? AND field <> 'colour'", (key,))
        self._connection.executemany(
            "INSERT INTO filter_values VALUES (?, ?, ?, ?)",
            [
                (f"attr.{name}", kind, value, key)
                for name, attribute in product.attributes.items()
                for kind, value in attribute_values(attribute)
            ],
        )
        self._index_colours(key)
        self._texts[key] = product

    def _index_colours(self, key: int) -> None:
        rows = self._connection.execute(
            "SELECT colours FROM photos JOIN product_images USING (sha256) WHERE product_key = ?", (key,)
        )
        names = {name for (colours,) in rows for name in stored_colours(colours)}
        names |= {self._connection.execute("SELECT colour FROM products WHERE product_key = ?", (key,)).fetchone()[0]}
        self._connection.execute("DELETE FROM filter_values WHERE product_key = ? AND field = 'colour'", (key,))
        self._connection.executemany(
            "INSERT INTO filter_values VALUES ('colour', 'text', ?, ?)",
            [(name, key) for name in sorted({fold(name) for name in names if name})],
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


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
