"""The shop's catalogue: products, their photos, what changed since when, and what filters let through."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.database import Connections
from data.durable import fsync_path
from data.errors import UnknownProduct
from data.filters import Filter
from data.products import Product


@dataclass(frozen=True, kw_only=True)
class PhotoRecord:
    """One decoded photo, content-addressed.

    Attributes:
        sha256: hex digest of the original's bytes.
        source: absolute path that the bytes can be read from again.
        width, height: pixels as shown.
        colours: names of the main colours seen in it.
    """

    sha256: str
    source: str
    size_bytes: int
    width: int
    height: int
    colours: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProductFacts:
    """What an answer needs of one product.

    Attributes:
        image_sha256: its photos in the shop's order.
        colours: names seen in its photos, each once, in the order of the photos.
    """

    product_key: int
    product: Product
    image_sha256: tuple[str, ...]
    colours: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One consistent reading of the live (not deleted) catalogue, one row per image.

    Attributes:
        seq: the catalogue's counter at that moment.
        product_keys: int64 (m,), ascending by (product_key, position).
        image_keys: int64 (m,).
        image_sha256: (m,).
    """

    seq: int
    product_keys: NDArray[np.int64]
    image_keys: NDArray[np.int64]
    image_sha256: list[str]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A product whose images changed, appeared or went; both tuples are empty when it is deleted."""

    product_key: int
    seq: int
    deleted: bool
    image_keys: tuple[int, ...]
    image_sha256: tuple[str, ...]


class Catalogue:
    """Products and photos in `home/catalog.db`; safe to use from several threads and processes at once.

    Every change of a product takes the next value of one counter, `seq`. All methods raise DatabaseError where SQLite
    refuses.
    """

    def __init__(self, home: Path) -> None:
        self._connections = Connections(home)
        self._connections.db  # noqa: B018 - opens, checks and migrates now, so that a bad file is told at once

    def upsert(self, product: Product, photos: Sequence[PhotoRecord] | None) -> str:
        """Adds or replaces one product; see `upsert_many`."""
        return self.upsert_many([(product, photos)])[0]

    def upsert_many(self, items: Iterable[tuple[Product, Sequence[PhotoRecord] | None]]) -> list[str]:
        """Adds or replaces products in one transaction; durable when it returns. Batches of about 500 serve well.

        A product without `created_at` keeps the one it has, or gets the present time. Photos are compared by content
        and order; None keeps those that the product has. A deleted product comes back as a new one.

        Returns:
            For each item in order "created", "updated" or "unchanged".
        """
        from data.catalogue_writes import upsert_all

        given = list(items)
        with self._connections.writing() as connection:
            return upsert_all(connection, given)

    def delete(self, product_id: str) -> bool:
        """Marks a product as deleted and drops its images; False: it was not there."""
        from data.catalogue_writes import delete_all

        with self._connections.writing() as connection:
            return bool(delete_all(connection, [product_id]))

    def delete_missing(self, keep_product_ids: Collection[str]) -> int:
        """Deletes every product whose id is not among `keep_product_ids`; returns how many."""
        from data.catalogue_writes import delete_all

        keep = set(keep_product_ids)
        with self._connections.writing() as connection:
            live = connection.execute("SELECT product_id FROM products WHERE NOT deleted")
            return delete_all(connection, [product_id for (product_id,) in live if product_id not in keep])

    def get(self, product_id: str) -> ProductFacts:
        """Returns one live product.

        Raises:
            UnknownProduct: there is none with this id, or it is deleted.
        """
        with self._connections.reading() as connection:
            row = connection.execute(
                "SELECT product_key FROM products WHERE product_id = ? AND NOT deleted", (product_id,)
            ).fetchone()
            if row is None:
                raise UnknownProduct(product_id)
            return _facts(connection, [row[0]])[row[0]]

    def facts(self, product_keys: Sequence[int]) -> dict[int, ProductFacts]:
        """Returns the facts of those products that are live, by key, in the given order."""
        with self._connections.reading() as connection:
            found = _facts(connection, [int(key) for key in product_keys])
        return {int(key): found[int(key)] for key in product_keys if int(key) in found}

    def iter_facts(self, batch: int = 1000) -> Iterator[ProductFacts]:
        """Yields the live products in ascending order of key. Changes made meanwhile may or may not be seen."""
        after = 0
        while True:
            with self._connections.reading() as connection:
                rows = connection.execute(
                    "SELECT product_key FROM products WHERE product_key > ? AND NOT deleted "
                    "ORDER BY product_key LIMIT ?",
                    (after, batch),
                ).fetchall()
                found = _facts(connection, [key for (key,) in rows])
            if not rows:
                return
            after = rows[-1][0]
            yield from found.values()

    def photo(self, sha256: str) -> PhotoRecord | None:
        return self.photos([sha256]).get(sha256)

    def photos(self, sha256s: Collection[str]) -> dict[str, PhotoRecord]:
        """Returns those of the photos that are known, by sha256."""
        with self._connections.reading() as connection:
            return read_photos(connection, sha256s)

    def snapshot(self) -> Snapshot:
        """Reads all live images and the counter at one moment."""
        with self._connections.reading() as connection:
            seq: int = connection.execute("SELECT seq FROM counter").fetchone()[0]
            rows = connection.execute(
                "SELECT product_key, image_key, sha256 FROM product_images ORDER BY product_key, position"
            ).fetchall()
        keys = np.array([(row[0], row[1]) for row in rows], dtype=np.int64).reshape(len(rows), 2)
        return Snapshot(
            seq=seq,
            product_keys=keys[:, 0].copy(),
            image_keys=keys[:, 1].copy(),
            image_sha256=[row[2] for row in rows],
        )

    def seq(self) -> int:
        """Returns the counter of changes; cheap enough for every query."""
        seq: int = self._connections.query("SELECT seq FROM counter")[0][0]
        return seq

    def changes(self, after_seq: int) -> list[Change]:
        """Returns the latest state of each product whose images changed after `after_seq`, by ascending seq."""
        rows = self._connections.query(
            "SELECT p.product_key, p.image_seq, p.deleted, i.image_key, i.sha256 FROM products p "
            "LEFT JOIN product_images i USING (product_key) WHERE p.image_seq > ? ORDER BY p.image_seq, i.position",
            (after_seq,),
        )
        images: dict[tuple[int, int, bool], list[tuple[int, str]]] = {}
        for product_key, seq, deleted, image_key, sha256 in rows:
            found = images.setdefault((product_key, seq, bool(deleted)), [])
            if image_key is not None:
                found.append((image_key, sha256))
        return [
            Change(
                product_key=product_key,
                seq=seq,
                deleted=deleted,
                image_keys=tuple(image_key for image_key, _ in found),
                image_sha256=tuple(sha256 for _, sha256 in found),
            )
            for (product_key, seq, deleted), found in images.items()
        ]

    def matching_keys(self, filter: Filter) -> NDArray[np.int64]:
        """Returns the sorted keys of the live products that pass the filter, int64 (n,)."""
        where, parameters = filter.sql()
        rows = self._connections.query(
            f"SELECT f.product_key FROM filter_facts AS f WHERE {where} ORDER BY f.product_key",  # noqa: S608 - see sql()
            parameters,
        )
        return np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))

    def counts(self) -> dict[str, int]:
        """Returns how many live products, images of them, distinct photos kept, and deleted products there are."""
        row = self._connections.query(
            "SELECT (SELECT count(*) FROM products WHERE NOT deleted), (SELECT count(*) FROM product_images), "
            "(SELECT count(*) FROM photos), (SELECT count(*) FROM products WHERE deleted)"
        )[0]
        return dict(zip(("products", "images", "photos", "deleted"), row, strict=True))

    def prune_photos(self) -> int:
        """Forgets photos that no product uses; returns how many. Files on disk stay."""
        with self._connections.writing() as connection:
            return connection.execute(
                "DELETE FROM photos WHERE sha256 NOT IN (SELECT sha256 FROM product_images)"
            ).rowcount

    def backup(self, path: Path) -> None:
        """Writes a consistent copy of the whole database to `path`, which appears only when it is complete."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.part")
        temporary.unlink(missing_ok=True)
        target = sqlite3.connect(temporary)
        try:
            self._connections.db.conn.backup(target)
        finally:
            target.close()
        fsync_path(temporary)
        temporary.replace(path)
        fsync_path(path.parent)


def read_photos(connection: sqlite3.Connection, sha256s: Collection[str]) -> dict[str, PhotoRecord]:
    rows = connection.execute(
        "SELECT sha256, source, size_bytes, width, height, colours FROM photos "
        "WHERE sha256 IN (SELECT value FROM json_each(?))",
        (json.dumps(list(sha256s)),),
    )
    return {
        row[0]: PhotoRecord(
            sha256=row[0],
            source=row[1],
            size_bytes=row[2],
            width=row[3],
            height=row[4],
            colours=tuple(json.loads(row[5])),
        )
        for row in rows
    }


def _photo(row: Sequence[Any]) -> PhotoRecord:
    return PhotoRecord(
        sha256=row[0], source=row[1], size_bytes=row[2], width=row[3], height=row[4], colours=tuple(json.loads(row[5]))
    )


def _facts(connection: sqlite3.Connection, product_keys: Sequence[int]) -> dict[int, ProductFacts]:
    wanted = (json.dumps(list(product_keys)),)
    images: dict[int, list[str]] = {}
    colours: dict[int, dict[str, None]] = {}
    for product_key, sha256, names in connection.execute(
        "SELECT i.product_key, i.sha256, p.colours FROM product_images i JOIN photos p USING (sha256) "
        "WHERE i.product_key IN (SELECT value FROM json_each(?)) ORDER BY i.product_key, i.position",
        wanted,
    ):
        images.setdefault(product_key, []).append(sha256)
        colours.setdefault(product_key, {}).update(dict.fromkeys(json.loads(names)))
    rows = connection.execute(
        "SELECT product_key, product_id, title, description, brand, category, price, currency, colour, created_at, "
        "in_stock, attributes FROM products WHERE product_key IN (SELECT value FROM json_each(?)) AND NOT deleted "
        "ORDER BY product_key",
        wanted,
    )
    return {
        row[0]: ProductFacts(
            product_key=row[0],
            product=_product(row[1:]),
            image_sha256=tuple(images.get(row[0], ())),
            colours=tuple(colours.get(row[0], ())),
        )
        for row in rows
    }


def _product(row: Sequence[Any]) -> Product:
    return Product(
        product_id=row[0],
        title=row[1],
        description=row[2],
        brand=row[3],
        category=row[4],
        price=row[5],
        currency=row[6],
        colour=row[7],
        created_at=datetime.fromisoformat(row[8]),
        in_stock=bool(row[9]),
        attributes=json.loads(row[10]),
    )
