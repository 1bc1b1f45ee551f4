"""What imports of full feeds deleted, kept so that it can be brought back; runs in the caller's transaction."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.catalogue.checking import parse_product
from data.catalogue.products import product_fields
from data.catalogue.reads import read_facts, read_photos
from data.catalogue.writes import Item, upsert_all
from data.database import json_list
from data.errors import UnknownImport

_CHUNK = 500
_RUNS_KEPT = 20


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What bringing back the products that one import deleted did.

    Attributes:
        product_ids: products that are live again.
        left_alone: products that had come back meanwhile; they stay as they are.
        lost_photos: photos that could not be brought back, because their records are gone.
    """

    product_ids: tuple[str, ...]
    left_alone: tuple[str, ...]
    lost_photos: int


def record_deletions(connection: sqlite3.Connection, run_id: int, product_ids: Sequence[str]) -> None:
    """Stores the facts and photos of live products under the import that is about to delete them.

    The records of the last 20 imports that deleted something are kept.
    """
    for start in range(0, len(product_ids), _CHUNK):
        wanted = (json_list(product_ids[start : start + _CHUNK]),)
        keys = connection.execute(
            "SELECT product_key FROM products WHERE product_id IN (SELECT value FROM json_each(?))", wanted
        ).fetchall()
        connection.executemany(
            "INSERT INTO import_deletions VALUES (?, ?, ?, ?)",
            [
                (run_id, found.product.product_id, json.dumps(product_fields(found.product)),
                 json.dumps(found.image_sha256))
                for found in read_facts(connection, [key for (key,) in keys]).values()
            ],
        )  # fmt: skip
    connection.execute(
        "DELETE FROM import_deletions WHERE run_id NOT IN "
        "(SELECT DISTINCT run_id FROM import_deletions ORDER BY run_id DESC LIMIT ?)",
        (_RUNS_KEPT,),
    )


def restore_deletions(connection: sqlite3.Connection, home: Path, run_id: int) -> Restored:
    """Brings back what an import deleted, as `Catalogue.restore` does."""
    rows = connection.execute(
        "SELECT d.product_id, d.fields, d.images, p.deleted FROM import_deletions d LEFT JOIN products p "
        "USING (product_id) WHERE d.run_id = ? ORDER BY d.rowid",
        (run_id,),
    ).fetchall()
    if not rows:
        known = connection.execute("SELECT DISTINCT run_id FROM import_deletions ORDER BY run_id")
        raise UnknownImport(run_id, [number for (number,) in known])
    items: list[Item] = []
    left_alone: list[str] = []
    lost = 0
    for product_id, fields, images, deleted in rows:
        if deleted == 0:
            left_alone.append(product_id)
            continue
        hashes = json.loads(images)
        photos = read_photos(connection, home, hashes)
        lost += len(hashes) - len(photos)
        items.append((parse_product(json.loads(fields)), [photos[sha256] for sha256 in hashes if sha256 in photos]))
    upsert_all(connection, home, items)
    return Restored(
        product_ids=tuple(product.product_id for product, _ in items), left_alone=tuple(left_alone), lost_photos=lost
    )
