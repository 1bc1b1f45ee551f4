"""The values that the catalogue returns, and the reading of them within the caller's transaction."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.catalogue.photo_colours import product_colours, stored_colours
from data.catalogue.products import Product
from data.database import json_list
from data.errors import DatabaseError, ProductExists, UnknownProduct


@dataclass(frozen=True, kw_only=True)
class PhotoRecord:
    """One decoded photo, identified by its content.

    Attributes:
        sha256: hex digest of the original's bytes.
        source: absolute path that the bytes can be read from again; one in the home follows the home.
        width, height: pixels as shown.
        colours: names of the main colours seen in the photo.
        remark: what is wrong with a photo that was taken in nevertheless; known only to who has just taken it in.
    """

    sha256: str
    source: str
    size_bytes: int
    width: int
    height: int
    colours: tuple[str, ...] = ()
    remark: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class ProductFacts:
    """One product with its photos and their colours, as answers need it.

    Attributes:
        image_sha256: the product's photos, in the shop's order.
        colours: names of the colours that most photos show, see `product_colours`.
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
    """A product whose images were added, changed or removed; both tuples are empty if it is deleted."""

    product_key: int
    seq: int
    deleted: bool
    image_keys: tuple[int, ...]
    image_sha256: tuple[str, ...]


def read_photos(connection: sqlite3.Connection, home: Path, sha256s: Collection[str]) -> dict[str, PhotoRecord]:
    root = home.absolute()
    rows = connection.execute(
        "SELECT sha256, source, size_bytes, width, height, colours FROM photos "
        "WHERE sha256 IN (SELECT value FROM json_each(?))",
        (json_list(sha256s),),
    )
    return {row[0]: _photo(row, root) for row in rows}


def _photo(row: Sequence[Any], home: Path) -> PhotoRecord:
    return PhotoRecord(
        sha256=row[0],
        source=str(home / row[1]),
        size_bytes=row[2],
        width=row[3],
        height=row[4],
        colours=stored_colours(row[5]),
    )


def read_facts(connection: sqlite3.Connection, product_keys: Sequence[int]) -> dict[int, ProductFacts]:
    wanted = (json_list(product_keys),)
    images: dict[int, list[str]] = {}
    colours: dict[int, list[str]] = {}
    for product_key, sha256, names in connection.execute(
        "SELECT i.product_key, i.sha256, p.colours FROM product_images i JOIN photos p USING (sha256) "
        "WHERE i.product_key IN (SELECT value FROM json_each(?)) ORDER BY i.product_key, i.position",
        wanted,
    ):
        images.setdefault(product_key, []).append(sha256)
        colours.setdefault(product_key, []).append(names)
    rows = connection.execute(
        "SELECT product_key, product_id, title, description, brand, category, price, currency, colour, url, "
        "created_at, in_stock, attributes FROM products WHERE product_key IN (SELECT value FROM json_each(?)) "
        "AND NOT deleted ORDER BY product_key",
        wanted,
    )
    return {
        row[0]: ProductFacts(
            product_key=row[0],
            product=_product(row[1:]),
            image_sha256=tuple(images.get(row[0], ())),
            colours=product_colours(colours.get(row[0], ())),
        )
        for row in rows
    }


def read_live(connection: sqlite3.Connection, product_id: str) -> ProductFacts:
    """Returns one live product.

    Raises:
        UnknownProduct: there is none with this id, or it is deleted.
    """
    row = connection.execute(
        "SELECT product_key FROM products WHERE product_id IN (SELECT value FROM json_each(?)) AND NOT deleted",
        (json_list([product_id]),),
    ).fetchone()
    if row is None:
        raise UnknownProduct(product_id, _name_of_deleted(connection, product_id))
    return read_facts(connection, [row[0]])[row[0]]


def _name_of_deleted(connection: sqlite3.Connection, product_id: str) -> str | None:
    """Returns the title of a deleted product, or its category; None if it was erased, or never was."""
    row = connection.execute(
        "SELECT title, category FROM products WHERE product_id IN (SELECT value FROM json_each(?)) "
        "AND deleted_at IS NOT NULL",
        (json_list([product_id]),),
    ).fetchone()
    return None if row is None else row[0] or row[1]


def check_unknown(connection: sqlite3.Connection, product_id: str) -> None:
    """Raises ProductExists if there is a live product with this id."""
    with suppress(UnknownProduct):
        raise ProductExists(product_id, read_live(connection, product_id).product.title)


def live_keys_after(connection: sqlite3.Connection, after: int, limit: int) -> list[int]:
    """Returns the next live product keys in ascending order."""
    rows = connection.execute(
        "SELECT product_key FROM products WHERE product_key > ? AND NOT deleted ORDER BY product_key LIMIT ?",
        (after, limit),
    )
    return [key for (key,) in rows]


def read_snapshot(connection: sqlite3.Connection) -> Snapshot:
    """Returns all live images and the counter."""
    seq: int = connection.execute("SELECT seq FROM counter").fetchone()[0]
    rows = connection.execute(
        "SELECT product_key, image_key, sha256 FROM product_images ORDER BY product_key, position"
    ).fetchall()
    return Snapshot(
        seq=seq,
        product_keys=np.fromiter((row[0] for row in rows), np.int64, len(rows)),
        image_keys=np.fromiter((row[1] for row in rows), np.int64, len(rows)),
        image_sha256=[row[2] for row in rows],
    )


def read_changes(connection: sqlite3.Connection, after_seq: int) -> list[Change]:
    """Returns the latest state of each product whose images changed after `after_seq`, by ascending seq."""
    rows = connection.execute(
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


def _product(row: Sequence[Any]) -> Product:
    try:
        created_at, attributes = datetime.fromisoformat(row[9]) if row[9] else None, dict(json.loads(row[11]))
    except (ValueError, TypeError) as error:
        raise DatabaseError(
            f"catalog.db must hold product {row[0]!r} as it was written; its disk has damaged it ({error}). Import or "
            "PUT the product again, and run `lookalike doctor`."
        ) from error
    return Product(
        product_id=row[0],
        title=row[1],
        description=row[2],
        brand=row[3],
        category=row[4],
        price=row[5],
        currency=row[6],
        colour=row[7],
        url=row[8],
        created_at=created_at,
        in_stock=bool(row[10]),
        attributes=attributes,
    )
