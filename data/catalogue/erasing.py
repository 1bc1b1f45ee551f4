"""Erases what is kept of deleted products; every function runs in the caller's transaction."""

import sqlite3
from datetime import datetime
from pathlib import Path

from data.catalogue.checksums import sign_products
from data.catalogue.photo_labels import forget_erased
from data.catalogue.writes import delete_all
from data.database import json_list, moment_text

_EMPTY = (
    "UPDATE products SET title = '', description = '', brand = '', category = '', price = NULL, currency = '', "
    "colour = '', url = '', attributes = '{}', deleted_at = NULL WHERE deleted AND "
)
_UNUSED = (
    "NOT EXISTS (SELECT 1 FROM product_images AS i WHERE i.sha256 = photos.sha256) "
    "AND NOT EXISTS (SELECT 1 FROM released_images AS r WHERE r.sha256 = photos.sha256)"
)


def erase_deleted(connection: sqlite3.Connection, before: datetime) -> int:
    """Erases the facts of products deleted before a time, and the photos that products let go of before it.

    The row of a product stays, emptied: it tells running servers and kept generations that the product is deleted.

    Returns:
        How many photos were erased; none that a product shows or let go of later.
    """
    moment = moment_text(before)
    emptied = connection.execute(f"{_EMPTY} deleted_at < ? RETURNING product_key", (moment,)).fetchall()
    sign_products(connection, [key for (key,) in emptied])
    connection.execute("DELETE FROM released_images WHERE released_at < ?", (moment,))
    connection.execute(
        "DELETE FROM import_deletions WHERE run_id IN (SELECT run_id FROM import_runs WHERE started_at < ?)", (moment,)
    )
    erased = connection.execute(f"DELETE FROM photos WHERE {_UNUSED}").rowcount  # noqa: S608 - constants
    forget_erased(connection)
    return erased


def erase_product(connection: sqlite3.Connection, home: Path, product_id: str) -> list[str] | None:
    """Deletes a product, if it is not deleted yet, and erases its facts and photos, also those it showed before.

    Returns:
        sha256 of the photos erased: those that no other product shows or has let go of lately. None: there is nothing
        of such a product.
    """
    wanted = (json_list([product_id]),)
    delete_all(connection, home, [product_id])
    row = connection.execute(
        "SELECT product_key, deleted_at FROM products WHERE product_id IN (SELECT value FROM json_each(?))", wanted
    ).fetchone()
    if row is None:
        return None
    key = (row[0],)
    let_go = connection.execute("SELECT sha256 FROM released_images WHERE product_key = ?", key).fetchall()
    if row[1] is None and not let_go:
        return None
    connection.execute(f"{_EMPTY} product_key = ?", key)
    sign_products(connection, key)
    connection.execute("DELETE FROM released_images WHERE product_key = ?", key)
    connection.execute("DELETE FROM import_deletions WHERE product_id IN (SELECT value FROM json_each(?))", wanted)
    erased = connection.execute(
        f"DELETE FROM photos WHERE sha256 IN (SELECT value FROM json_each(?)) AND {_UNUSED} "  # noqa: S608 - constants
        "RETURNING sha256",
        (json_list(sha256 for (sha256,) in let_go),),
    ).fetchall()
    forget_erased(connection)
    return [sha256 for (sha256,) in erased]
