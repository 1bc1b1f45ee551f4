"""Lists the products that changed after a place in the catalogue's counter, for whoever hands the changes on."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from data.catalogue.products import Product
from data.catalogue.reads import PhotoRecord, read_facts, read_photos
from data.database import Connections, json_list


@dataclass(frozen=True, order=True)
class ChangePlace:
    """How far the changes were read: by the counter, and by key where several products changed at once."""

    seq: int
    product_key: int

    @classmethod
    def after(cls, seq: int) -> "ChangePlace":
        """Returns the place behind all changes up to `seq`."""
        return cls(seq, 2**63 - 1)


@dataclass(frozen=True, kw_only=True)
class ProductState:
    """A product as it is now.

    Attributes:
        place: of its latest change.
        image_seq: the counter when its photos last changed.
        product: None if it is deleted.
        image_keys, photos: (m,), in the shop's order.
    """

    place: ChangePlace
    image_seq: int
    product_id: str
    product: Product | None
    image_keys: tuple[int, ...]
    photos: tuple[PhotoRecord, ...]


class ProductChanges:
    """The changes of one catalogue's products, of their photos and of facts alone.

    All methods raise DatabaseError if SQLite fails.
    """

    def __init__(self, home: Path) -> None:
        self._connections = Connections(home)

    def after(self, place: ChangePlace, most: int) -> list[ProductState]:
        """Returns at most `most` products that changed after a place, in the order of their latest changes."""
        with self._connections.reading() as connection:
            keys = connection.execute(
                "SELECT product_key FROM products WHERE (filter_seq, product_key) > (?, ?) "
                "ORDER BY filter_seq, product_key LIMIT ?",
                (place.seq, place.product_key, most),
            )
            return _states(connection, self._connections.home, [key for (key,) in keys])

    def of(self, product_keys: Collection[int]) -> list[ProductState]:
        """Returns these products, in the order of their latest changes; unknown keys are skipped."""
        with self._connections.reading() as connection:
            return _states(connection, self._connections.home, product_keys)

    def count_after(self, place: ChangePlace) -> int:
        """Returns how many products changed after a place."""
        count: int = self._connections.query(
            "SELECT count(*) FROM products WHERE (filter_seq, product_key) > (?, ?)", (place.seq, place.product_key)
        )[0][0]
        return count


def _states(connection: sqlite3.Connection, home: Path, product_keys: Collection[int]) -> list[ProductState]:
    wanted = (json_list(product_keys),)
    images: dict[int, list[tuple[int, str]]] = {}
    for product_key, image_key, sha256 in connection.execute(
        "SELECT product_key, image_key, sha256 FROM product_images "
        "WHERE product_key IN (SELECT value FROM json_each(?)) ORDER BY product_key, position",
        wanted,
    ):
        images.setdefault(product_key, []).append((image_key, sha256))
    photos = read_photos(connection, home, {sha256 for own in images.values() for _, sha256 in own})
    facts = read_facts(connection, list(product_keys))
    rows = connection.execute(
        "SELECT product_key, filter_seq, image_seq, product_id FROM products "
        "WHERE product_key IN (SELECT value FROM json_each(?)) ORDER BY filter_seq, product_key",
        wanted,
    )
    return [
        ProductState(
            place=ChangePlace(seq, key),
            image_seq=image_seq,
            product_id=product_id,
            product=facts[key].product if key in facts else None,
            image_keys=tuple(image_key for image_key, _ in images.get(key, ())),
            photos=tuple(photos[sha256] for _, sha256 in images.get(key, ())),
        )
        for key, seq, image_seq, product_id in rows
    ]
